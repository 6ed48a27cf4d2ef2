"""Names of accounts, wherever people name them: what stands for them, and what becomes of who opted out.

A login is letters, digits and hyphens of ASCII, so it is looked for as a whole run of these (``alice_id`` and
``alice-2`` are other names), whatever surrounds the run: ``_@alice_``, ``12+alice@users.noreply.github.com``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from training.data.conversations.english import COMMON_WORDS
from training.data.conversations.transcript import Conversation, Event
from training.data.pii.redact import PLACEHOLDERS
from training.data.stage import PersonalData

_RUN = re.compile(r"@?[A-Za-z0-9]+(?:[-_]+[A-Za-z0-9]+)*")
_LEAST_NAME = 3
"""Characters of a name that is replaced where no ``@`` is before it."""


def without_names(conversation: Conversation, others: Iterable[str] = ()) -> Conversation:
    """Name who takes part ``username_N``, in the order in which they speak, in all texts; then ``others``.

    ``others`` are accounts whose words were left out, and which may be spoken of all the same.
    """
    speakers = [event.author for event in conversation.events]
    keys = dict.fromkeys(map(_key, [*speakers, *others]))
    hidden = {key: f"username_{number}" for number, key in enumerate(keys)}
    named = hide(conversation, hidden)
    events = (
        replace(event, author=hidden[_key(author)])
        for event, author in zip(named.events, speakers, strict=True)
    )
    return replace(named, events=tuple(events))


def without_traces(conversation: Conversation, gone: Sequence[Event]) -> Conversation:
    """A conversation without what was left out of it: its authors' names, and their words where quoted."""
    if not gone:
        return conversation
    names = {_key(event.author): PLACEHOLDERS[PersonalData.USERNAME] for event in gone}
    lines = {line.strip() for event in gone for line in event.text.split("\n")} - {""}
    unquoted = (replace(event, text=_without_quotes(event.text, lines)) for event in conversation.events)
    return hide(replace(conversation, events=tuple(unquoted)), names)


def hide(conversation: Conversation, hidden: Mapping[str, str]) -> Conversation:
    """Replace names, in small letters, in whatever people see of a conversation but who speaks."""

    def shown(text: str) -> str:
        return _hidden(text, hidden)

    return replace(
        conversation,
        repository=shown(conversation.repository),
        title=shown(conversation.title),
        events=tuple(
            replace(event, text=shown(event.text), hunk=shown(event.hunk), path=shown(event.path))
            for event in conversation.events
        ),
    )


def _hidden(text: str, hidden: Mapping[str, str]) -> str:
    """A text without names. Those that anybody uses as words, such as ``a``, go only behind an ``@``."""

    def replaced(match: re.Match[str]) -> str:
        name = match[0].removeprefix("@")
        found, is_bare = hidden.get(_key(name)), len(name) == len(match[0])
        if found is None or (is_bare and (len(name) < _LEAST_NAME or name.lower() in COMMON_WORDS)):
            return match[0]
        return found if is_bare else f"@{found}"

    return _RUN.sub(replaced, text)


def _key(name: str) -> str:
    """What is equal for all spellings of a name; some old ones end with a hyphen."""
    return name.lower().strip("-_")


def _without_quotes(text: str, lines: set[str]) -> str:
    return "\n".join(
        line for line in text.split("\n") if not (line.startswith(">") and line.strip("> \t\r") in lines)
    )
