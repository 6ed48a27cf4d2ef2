r"""An issue or a pull request as a file: what the sources of conversations yield, and what is opened again.

A transcript is text: each event is a record separator (ASCII's own, U+001E), a line of JSON that says who
did what, and the text as it was written, line by line, so that an index knows lines of it. The separator is
taken out of what people wrote. Names are still in it: they go when it is opened (:mod:`.cleaning`).
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from enum import StrEnum

SEPARATOR = "\x1e"
_HEAD = '{"conversation": '
_PATH = re.compile(r"(?:issues|pull)/[0-9]+")


class Action(StrEnum):
    """What somebody did."""

    OPENED = "opened"
    COMMENTED = "commented"
    CLOSED = "closed"
    REOPENED = "reopened"
    REVIEWED = "reviewed"
    REVIEW_COMMENTED = "commented on a line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that somebody did in a conversation."""

    action: Action
    author: str
    """Name of the account."""
    text: str = ""
    time: str = ""
    """ISO 8601, UTC."""
    is_bot: bool = False
    """By the host's word."""
    number: int = 0
    """Id of the comment or review, 0 without one."""
    state: str = ""
    """Of a review: ``approved``, ``changes_requested`` …"""
    is_merged: bool = False
    """Of a closed pull request."""
    path: str = ""
    """Of a comment on a line: the file."""
    line: int = 0
    hunk: str = ""
    """The piece of the diff that it is about."""
    review: int = 0
    """Id of the review that it belongs to."""
    reply_to: int = 0
    """Id of the comment that it answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """An issue or a pull request with all that was said in it, in order."""

    repository: str
    """``owner/name``."""
    number: int
    title: str
    is_pull: bool = False
    events: tuple[Event, ...] = ()

    @property
    def path(self) -> str:
        """What follows the repository in its URL."""
        return f"{'pull' if self.is_pull else 'issues'}/{self.number}"


_TEXTS = ("text", "hunk")
_DEFAULTS = {field.name: field.default for field in fields(Event)}


def write_transcript(conversation: Conversation) -> bytes:
    """A conversation as a file; :func:`read_transcript` is its inverse but for separators in texts."""
    head = {
        "conversation": conversation.path,
        "repository": conversation.repository,
        "title": conversation.title,
    }
    records = [json.dumps(head, ensure_ascii=False), *map(_record, conversation.events)]
    written = "".join(f"{SEPARATOR}{record}\n" for record in records)
    return written.encode("utf-8", "replace")


def _record(event: Event) -> str:
    """The line of an event, and its texts behind it."""
    values = {k: v for k, v in asdict(event).items() if v != _DEFAULTS[k] and k not in _TEXTS}
    hunk, text = (getattr(event, name).replace(SEPARATOR, "") for name in ("hunk", "text"))
    lines = {"hunk_lines": hunk.count("\n") + 1} if hunk else {}
    return "\n".join(part for part in (json.dumps(values | lines, ensure_ascii=False), hunk, text) if part)


def is_transcript(path: str, content: bytes) -> bool:
    """Whether a file is one: by its path, which no source of code reads a file at, and by how it begins."""
    return _PATH.fullmatch(path) is not None and content.startswith((SEPARATOR + _HEAD).encode())


def read_transcript(content: bytes) -> Conversation:
    """The conversation in a file.

    Raises :class:`ValueError`, :class:`KeyError`, :class:`TypeError` or :class:`AttributeError` for a file
    that :func:`write_transcript` did not make.
    """
    _, first, *records = content.decode("utf-8").split(SEPARATOR)
    head = json.loads(first)
    place, _, number = head["conversation"].partition("/")
    return Conversation(
        repository=head["repository"],
        number=int(number),
        title=head["title"],
        is_pull=place == "pull",
        events=tuple(map(_event, records)),
    )


def _event(record: str) -> Event:
    head, _, rest = record.removesuffix("\n").partition("\n")
    values = json.loads(head)
    lines = rest.split("\n")
    hunk = values.pop("hunk_lines", 0)
    values |= {"action": Action(values["action"]), "hunk": "\n".join(lines[:hunk])}
    return Event(**values, text="\n".join(lines[hunk:]))
