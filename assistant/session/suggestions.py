"""Suggestions that were made, for whoever types along them: then no model is asked.

Typing the beginning of a suggestion leaves its rest; deleting what was typed brings it back. Brackets and
quotes that an editor closes by itself, right behind the cursor, do not count as another document.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from assistant.completion import Completion, CompletionRequest, Timing

_CLOSED_BY_EDITORS = frozenset(")]}\"'`>")
_MOST_CLOSED = 3
_MOST_CHARACTERS = 1 << 24
_NO_TIME = Timing(prompt_ms=0.0, decode_ms=0.0, trace_ms=0.0, prompt_tokens=0, generated_tokens=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A completion, and the document around it."""

    path: str
    prefix: str
    suffix: str
    others: Mapping[str, str]
    """Texts of the other open files, by path."""
    unopened: Mapping[str, str]
    root: str
    completion: Completion

    def rest_for(self, request: CompletionRequest) -> str:
        """What of it is still to be typed in this place; empty if it does not belong there."""
        prefix, suffix = request.prefix, request.suffix
        text = self.completion.text
        typed = len(prefix) - len(self.prefix)
        if request.path != self.path or not 0 <= typed < len(text):
            return ""
        if not prefix.startswith(self.prefix) or prefix[len(self.prefix) :] != text[:typed]:
            return ""
        if typed == 0 and request.others.keys() != self.others.keys():
            return ""  # more is known now than when it was made
        return _without_closed(text[typed:], suffix, self.suffix)

    @property
    def follow_up(self) -> CompletionRequest:
        """The request that is likely to come once all of it is accepted."""
        before = self.prefix + self.completion.text
        return CompletionRequest(
            text=before + self.suffix,
            offset=len(before),
            path=self.path,
            others=self.others,
            unopened=self.unopened,
            root=self.root,
        )


def _without_closed(rest: str, suffix: str, known_suffix: str) -> str:
    """Leave out what the editor has closed by itself; empty if the suffix is another one."""
    closed = suffix[: max(0, len(suffix) - len(known_suffix))]
    if suffix[len(closed) :] != known_suffix or len(closed) > _MOST_CLOSED:
        return ""
    if not closed:
        return rest
    is_closing = _CLOSED_BY_EDITORS.issuperset(closed)
    return rest.removesuffix(closed) if is_closing and rest.endswith(closed) else ""


class Suggestions:
    """The latest suggestions, the oldest leave when there are too many, or their documents are too long."""

    def __init__(self, capacity: int = 64, *, most_characters: int = _MOST_CHARACTERS) -> None:
        """``most_characters`` of documents are kept, and the newest suggestion whatever it is made in."""
        self._capacity, self._most_characters = capacity, most_characters
        self._kept: OrderedDict[str, Suggestion] = OrderedDict()

    def add(self, request: CompletionRequest, completion: Completion) -> None:
        """Remember what was suggested where, as the newest."""
        self._kept.pop(completion.id, None)
        self._kept[completion.id] = Suggestion(
            path=request.path,
            prefix=request.prefix,
            suffix=request.suffix,
            others=request.others,
            unopened=request.unopened,
            root=request.root,
            completion=completion,
        )
        while len(self._kept) > 1 and not self._fits():
            self._kept.popitem(last=False)

    def _fits(self) -> bool:
        characters = sum(len(kept.prefix) + len(kept.suffix) for kept in self._kept.values())
        return len(self._kept) <= self._capacity and characters <= self._most_characters

    def find(self, completion_id: str) -> Suggestion | None:
        """Answer a suggestion by its id; ``None`` if it is unknown or too long ago."""
        return self._kept.get(completion_id)

    def clear(self) -> None:
        """Forget all, because settings, model or index are others now."""
        self._kept.clear()

    def continued(self, request: CompletionRequest) -> Completion | None:
        """The rest of the newest suggestion that the user is typing, under an id of its own.

        The ruling is that of the whole: what was a copy stays one when its beginning was typed by hand.
        """
        for suggestion in reversed(self._kept.values()):
            rest = suggestion.rest_for(request)
            if rest:
                whole = suggestion.completion
                if rest == whole.text:
                    return whole
                return replace(whole, id=secrets.token_hex(8), text=rest, timing=_NO_TIME)
        return None
