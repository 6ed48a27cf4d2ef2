"""Documents with control tokens of their own (notebooks, issues) as rows of tokens.

Control tokens are put in by id, at the places that :class:`training.data.stage.Mark` names, and nowhere else:
the text between them is tokenised with special tokens off. Formats: StarCoder2's paper, sections 5.2 to 5.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tokenizers import Tokenizer

from training.data.stage import ControlToken, Mark
from training.data.stretches import cut_stretches
from training.errors import TokenizerError

_MARGIN_TOKENS = 16
"""Room for the control tokens that stand together, and for the end."""
_ENDS_WITH_BREAK = frozenset({ControlToken.JUPYTER_OUTPUT})
"""Before these the line break that ends a segment is learned; elsewhere it only separates texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of a text, and the control tokens before it."""

    tokens: tuple[ControlToken, ...]
    text: str


@dataclass(slots=True, kw_only=True)
class MarkedText:
    """A text under construction, to which stretches are added with the control tokens before them."""

    pieces: list[str] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    characters: int = 0

    def add(self, *tokens: ControlToken, text: str = "") -> None:
        """Add tokens, then a text, which a line break ends that separates it from the next."""
        self.marks += (Mark(position=self.characters, token=token) for token in tokens)
        whole = text if not text or text.endswith("\n") else f"{text}\n"
        self.pieces.append(whole)
        self.characters += len(whole)

    @property
    def text(self) -> str:
        """All stretches."""
        return "".join(self.pieces)


def segments_of(text: str, marks: Sequence[Mark]) -> list[Segment]:
    """Cut a text at its marks; together the segments are the text from the first mark on."""
    places = sorted({mark.position for mark in marks})
    tokens = {place: tuple(m.token for m in marks if m.position == place) for place in places}
    ends = [*places[1:], len(text)]
    return [
        Segment(tokens=tokens[place], text=text[place:end]) for place, end in zip(places, ends, strict=True)
    ]


def script_of(text: str, marks: Sequence[Mark]) -> tuple[str, tuple[Mark, ...]]:
    """The code of a structured notebook as one script (``Jupyter - scripts``)."""
    cells = [s.text for s in segments_of(text, marks) if ControlToken.JUPYTER_CODE in s.tokens]
    return "".join(cells), (Mark(position=0, token=ControlToken.JUPYTER_SCRIPT),)


def marked_rows(
    tokenizer: Tokenizer,
    text: str,
    marks: Sequence[Mark],
    *,
    row_tokens: int,
    end_of_text: int,
    count: Callable[[int], None] = lambda _: None,
) -> Iterator[list[int]]:
    """Yield documents of at most ``row_tokens`` ids; the last one ends with ``end_of_text``.

    What is longer than a row is cut between segments where it can be, and each row begins with the control
    token that the document begins with. ``count`` is told the tokens of each text. Raises
    :class:`TokenizerError` where the tokenizer lacks a control token.
    """
    segments = segments_of(text, marks)
    head = [_id(tokenizer, segments[0].tokens[0])]
    row: list[int] = []
    for unit in _units(tokenizer, segments, row_tokens - len(head) - _MARGIN_TOKENS, count):
        if len(row) + len(unit) >= row_tokens and len(row) > len(head):
            yield row
            row = list(head)
        row += unit
    yield [*row, end_of_text]


def _units(
    tokenizer: Tokenizer, segments: Sequence[Segment], most: int, count: Callable[[int], None]
) -> Iterator[list[int]]:
    """Control tokens with the text behind them; a long text in several pieces."""
    following = [segment.tokens[0] for segment in segments[1:]]
    for segment, next_token in zip(segments, [*following, None], strict=True):
        unit = [_id(tokenizer, token) for token in segment.tokens]
        text = segment.text if next_token in _ENDS_WITH_BREAK else segment.text.removesuffix("\n")
        for stretch in cut_stretches(tokenizer, text, most) if text else ():
            count(len(stretch.ids))
            yield [*unit, *stretch.ids]
            unit = []
        if unit:
            yield unit


def _id(tokenizer: Tokenizer, token: ControlToken) -> int:
    found: int | None = tokenizer.token_to_id(token)
    if found is None:
        raise TokenizerError("given", f"it has no {token}", remedy="train one with this program")
    return found
