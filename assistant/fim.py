"""Fill-in-the-middle prompts on token ids: the only file that knows the formats of the StarCoder family.

Text never becomes a control token here: callers tokenise user text with special tokens off, and control
tokens are put in by id. Training packs documents with the same functions that serving prompts with.

Sources: Bavarian et al. 2022, "Efficient Training of Language Models to Fill in the Middle" (PSM, SPM);
the StarCoder (2023), SantaCoder (2023) and StarCoder2 (2024) papers for tokens and repository context.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

TokenIds = Sequence[int]


class FimOrder(StrEnum):
    """Which part of the document stands first in the prompt."""

    PSM = "psm"
    """prefix, suffix, middle"""
    SPM = "spm"
    """suffix, prefix, middle: typing only appends, so a server can reuse its whole KV cache"""


class Family(StrEnum):
    """The families of models whose formats are known."""

    STARCODER2 = "starcoder2"
    STARCODER = "starcoder"
    SANTACODER = "santacoder"


@dataclass(frozen=True, slots=True, kw_only=True)
class FimFormat:
    """How one family of models spells its control tokens."""

    name: Family
    end_of_text: str
    fim_prefix: str
    fim_middle: str
    fim_suffix: str
    fim_pad: str
    repo_name: str | None
    """Starts a repository context; ``None`` where the family has none."""
    file_separator: str | None
    """Starts each file of a repository context."""

    @property
    def control_tokens(self) -> tuple[str, ...]:
        """All control tokens, in the order of StarCoder2's ids."""
        named = (self.end_of_text, self.fim_prefix, self.fim_middle, self.fim_suffix, self.fim_pad)
        return named + tuple(t for t in (self.repo_name, self.file_separator) if t is not None)


STARCODER2 = FimFormat(
    name=Family.STARCODER2,
    end_of_text="<|endoftext|>",
    fim_prefix="<fim_prefix>",
    fim_middle="<fim_middle>",
    fim_suffix="<fim_suffix>",
    fim_pad="<fim_pad>",
    repo_name="<repo_name>",
    file_separator="<file_sep>",
)
STARCODER = FimFormat(
    name=Family.STARCODER,
    end_of_text="<|endoftext|>",
    fim_prefix="<fim_prefix>",
    fim_middle="<fim_middle>",
    fim_suffix="<fim_suffix>",
    fim_pad="<fim_pad>",
    repo_name="<reponame>",
    file_separator="<filename>",
)
SANTACODER = FimFormat(
    name=Family.SANTACODER,
    end_of_text="<|endoftext|>",
    fim_prefix="<fim-prefix>",
    fim_middle="<fim-middle>",
    fim_suffix="<fim-suffix>",
    fim_pad="<fim-pad>",
    repo_name=None,
    file_separator=None,
)
FORMATS = (STARCODER2, STARCODER, SANTACODER)


@dataclass(frozen=True, slots=True, kw_only=True)
class FimIds:
    """The control tokens of one vocabulary as ids."""

    format: FimFormat
    end_of_text: int
    fim_prefix: int
    fim_middle: int
    fim_suffix: int
    fim_pad: int
    repo_name: int | None
    file_separator: int | None

    @property
    def stops(self) -> frozenset[int]:
        """Ids that end a completion: none of them is ever part of code."""
        ids = (self.end_of_text, self.fim_prefix, self.fim_middle, self.fim_suffix, self.fim_pad)
        return frozenset(i for i in (*ids, self.repo_name, self.file_separator) if i is not None)


def resolve_ids(id_of_token: Callable[[str], int | None]) -> FimIds | None:
    """Find the family whose control tokens this vocabulary holds; ``None`` if it cannot fill in.

    ``id_of_token`` answers the id of a token spelled exactly so, or ``None``.
    """
    for candidate in FORMATS:
        ids = {token: id_of_token(token) for token in candidate.control_tokens}
        found = {token: i for token, i in ids.items() if i is not None}
        if len(found) == len(ids):
            return FimIds(
                format=candidate,
                end_of_text=found[candidate.end_of_text],
                fim_prefix=found[candidate.fim_prefix],
                fim_middle=found[candidate.fim_middle],
                fim_suffix=found[candidate.fim_suffix],
                fim_pad=found[candidate.fim_pad],
                repo_name=found[candidate.repo_name] if candidate.repo_name else None,
                file_separator=found[candidate.file_separator] if candidate.file_separator else None,
            )
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextFile:
    """A whole file in a repository context, tokenised."""

    path: TokenIds
    code: TokenIds


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryContext:
    """What precedes the file being completed: the repository's name and other files of it."""

    name: TokenIds
    path: TokenIds
    """Path of the file being completed, followed by a newline token."""
    files: Sequence[ContextFile] = ()
    """Their ``path`` too ends in a newline."""

    @property
    def tokens(self) -> int:
        """How much longer it makes a prompt."""
        files = sum(1 + len(file.path) + len(file.code) for file in self.files)
        return 2 + len(self.name) + len(self.path) + files


def infill(
    ids: FimIds,
    *,
    prefix: TokenIds,
    suffix: TokenIds,
    order: FimOrder,
    context: RepositoryContext | None = None,
) -> list[int]:
    """Build the prompt after which the model writes the middle.

    A repository context is left out for families that were trained without one. StarCoder2 puts the
    path of the file *after* ``<fim_prefix>``, as part of the prefix.
    """
    head: list[int] = []
    if context is not None and ids.repo_name is not None and ids.file_separator is not None:
        head = [ids.repo_name, *context.name]
        for file in context.files:
            head += [ids.file_separator, *file.path, *file.code]
        head.append(ids.file_separator)
        prefix = [*context.path, *prefix]
    if order is FimOrder.PSM:
        return [*head, ids.fim_prefix, *prefix, ids.fim_suffix, *suffix, ids.fim_middle]
    return [*head, ids.fim_prefix, ids.fim_suffix, *suffix, ids.fim_middle, *prefix]


def training_document(
    ids: FimIds, *, prefix: TokenIds, middle: TokenIds, suffix: TokenIds, order: FimOrder
) -> list[int]:
    """Rearrange one document for training: the prompt of :func:`infill`, the middle, the end."""
    return [*infill(ids, prefix=prefix, suffix=suffix, order=order), *middle, ids.end_of_text]


def training_file(
    ids: FimIds, *, path: TokenIds, prefix: TokenIds, middle: TokenIds, suffix: TokenIds, order: FimOrder
) -> list[int]:
    """Rearrange one file of a repository, as :func:`infill` presents the one that is completed.

    ``path`` ends in a newline; it is empty where names are not shown.
    """
    return [*infill(ids, prefix=[*path, *prefix], suffix=suffix, order=order), *middle]


def repository_head(ids: FimIds, name: TokenIds) -> list[int]:
    """What opens a repository whose name is shown; raise :class:`ValueError` for a family without that."""
    if ids.repo_name is None:
        raise ValueError(f"{ids.format.name} knows no repositories")
    return [ids.repo_name, *name]


def repository_file(ids: FimIds, body: TokenIds) -> list[int]:
    """What opens a file in a repository, and the file: its path and code, or :func:`training_file`."""
    if ids.file_separator is None:
        raise ValueError(f"{ids.format.name} knows no repositories")
    return [ids.file_separator, *body]
