"""The values that go into the assistant and come out of it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import sha256

from assistant.tracing import Decision, Ruling


class Trigger(StrEnum):
    """What made the editor ask."""

    AUTOMATIC = "automatic"
    """Typing."""
    INVOKED = "invoked"
    """The user asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """A place in a document where code is wanted."""

    text: str
    offset: int
    """Characters (code points) before the cursor; one beyond the text counts as its end."""
    path: str = ""
    trigger: Trigger = Trigger.AUTOMATIC
    others: Mapping[str, str] = field(default_factory=dict)
    """Texts of the other open files, by path, the one edited last first."""
    unopened: Mapping[str, str] = field(default_factory=dict)
    """Texts of other files of the workspace, by path."""
    root: str = ""
    """Folder of the workspace; paths in it are shown to the model from there on."""

    @property
    def prefix(self) -> str:
        """The text before the cursor."""
        return self.text[: max(0, self.offset)]

    @property
    def suffix(self) -> str:
        """The text after the cursor."""
        return self.text[max(0, self.offset) :]

    @property
    def is_inside_word(self) -> bool:
        """Whether the cursor parts a word in two, where nothing can sensibly be put in."""
        before, after = self.prefix[-1:], self.suffix[:1]
        return (before.isalnum() or before == "_") and (after.isalnum() or after == "_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Where the time of a suggestion went, in milliseconds."""

    prompt_ms: float
    decode_ms: float
    """Waiting for the back end included."""
    trace_ms: float
    prompt_tokens: int
    generated_tokens: int

    @property
    def total_ms(self) -> float:
        """From request to ruling."""
        return self.prompt_ms + self.decode_ms + self.trace_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A suggestion and all that is known about it."""

    id: str
    text: str
    """What would be inserted at the cursor; not empty. Not to be shown if the ruling withholds it."""
    path: str
    ruling: Ruling
    timing: Timing
    model: str
    prompt_hash: str = ""
    """SHA-256 of the prompt's ids, each as four bytes, the lowest first."""

    @property
    def is_withheld(self) -> bool:
        """Whether the policy keeps it from being shown."""
        return self.ruling.decision is Decision.WITHHOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What became of a suggestion."""

    completion: Completion
    shown: bool = False
    accepted_characters: int = 0


def hash_prompt(ids: Sequence[int]) -> str:
    """Digest a prompt, so that a ledger can tell prompts apart without keeping them."""
    return sha256(b"".join(i.to_bytes(4, "little") for i in ids)).hexdigest()


class CompletionRecords:
    """The latest suggestions by id; the oldest leave when there are more than ``capacity``."""

    def __init__(self, capacity: int = 512) -> None:
        self._capacity = capacity
        self._records: OrderedDict[str, Record] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

    def add(self, completion: Completion) -> None:
        """Remember a suggestion; what became of one that is known already stays known."""
        self._records.setdefault(completion.id, Record(completion=completion))
        self._records.move_to_end(completion.id)
        while len(self._records) > self._capacity:
            self._records.popitem(last=False)

    def find(self, completion_id: str) -> Record | None:
        """Answer what is known of a suggestion; ``None`` if it is unknown or too long ago."""
        return self._records.get(completion_id)

    def mark_shown(self, completion_id: str) -> Record | None:
        """Note that the editor showed it."""
        return self._update(completion_id, shown=True)

    def mark_accepted(self, completion_id: str, *, characters: int | None = None) -> Record | None:
        """Note that the user took it, or its first ``characters``; what was taken before stays taken."""
        record = self.find(completion_id)
        if record is None:
            return None
        length = len(record.completion.text)
        taken = length if characters is None else min(max(0, characters), length)
        return self._update(
            completion_id, shown=True, accepted_characters=max(taken, record.accepted_characters)
        )

    def _update(self, completion_id: str, **changes: bool | int) -> Record | None:
        record = self.find(completion_id)
        if record is None:
            return None
        updated = self._records[completion_id] = replace(record, **changes)  # type: ignore[arg-type]
        return updated
