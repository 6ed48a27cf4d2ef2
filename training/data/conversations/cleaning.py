"""What of a conversation is learned: StarCoder's rules, as StarCoder2 used them (its paper, 2.2 and 2.3).

Names of bots and thresholds are those of the papers and of bigcode-dataset (``utils_issues.py``).
Differences: quoted lines go only where they belong to a reply by e-mail, comments of HTML, which nobody sees,
go as well, names are replaced as whole words, and English is told by its commonest words instead of by a
model. What needs the commits of a pull request is not done, for events do not hold them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from training.data.conversations.english import is_english
from training.data.conversations.names import without_names
from training.data.conversations.transcript import Action, Conversation, Event
from training.data.stage import DropReason

_BOTS = frozenset(
    """apache-hbase autorestci cla-assistant claassistant claassistantio cmsbuild codecov-commenter codecov-io
    coveralls danger-public dnfclas karma-pr-reporter msftclas probot-stale pydocteur sparkqa""".split()
)
_BOT_PARTS = ("[bot]", "botmanager", "bors-", "jenkins", "k8s-", "-test-", "travis")
_BOT_ENDS = (
    "-automaton", "-automation", "-benchmark", "-build", "-deployer", "-cloud", "bot", "-ci", "-linter",
    "-teamcity", "-test", "-testing", "-service-account",
)  # fmt: skip
_INVISIBLE = re.compile(r"<!--(?:[^-]|-(?!->))*+(?:-->|\Z)")
_REPLY_HEAD = re.compile(
    r"notifications@github\.com|@reply\.github\.com"
    r"|(?<!\d)\d{1,4}/\d{1,2}/\d{1,4} \d{1,2}:\d\d [AP]M\b.{0,200}?\bwrote"
)
_FOLDED_HEAD = re.compile(r"On\b(?!.*\bwrote:).{0,200}\d")
"""The line before the head, where a mail program broke it; the name of the writer is in one of both."""
_REPLY_END = re.compile(r"Reply to this email directly|view it on GitHub|You are receiving this because")
_FOOTER = re.compile(r"(?:_{20,}|(?:[A-Z][a-z]+(?:-[a-z]+)*-[Bb]y|Cc): [^<>]+<[^<>]+>)\s*\Z")
"""A line, or a trailer of git with somebody's name."""
_MOST_LINE = 1_000
"""Characters of a line in which these are looked for; none of them is longer."""
_TRUNCATED = "[Truncated]"
_SPOKEN = frozenset({Action.OPENED, Action.COMMENTED, Action.REVIEWED, Action.REVIEW_COMMENTED})
_REMARKS = frozenset({Action.COMMENTED, Action.REVIEW_COMMENTED})
_UNWANTED_TITLES = ("dependencies", "dependency", "depend", "release")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRules:
    """Thresholds of the papers."""

    least_characters: int = 200
    """Of all texts of an issue together."""
    most_lines: int = 100
    """Of a text; a longer one loses its middle."""
    tail_lines: int = 20
    """Of a text that was cut the last ones, which stay."""
    most_alone_characters: int = 7_000
    """Of an issue that only one person wrote in."""
    most_alone_events: int = 10
    least_pull_title: int = 10
    """Characters."""
    least_pull_description: int = 20
    least_pull_comment: int = 20
    most_hunk: int = 10_000
    """Characters of a piece of a diff; of a longer one only the file's name stays."""
    english_only: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a conversation is not learned from."""

    reason: DropReason
    detail: str


def is_bot(event: Event) -> bool:
    """By the host's word, or by the name of the account."""
    name = event.author.lower()
    return (
        event.is_bot or name in _BOTS or name.endswith(_BOT_ENDS) or any(part in name for part in _BOT_PARTS)
    )


def clean(conversation: Conversation, rules: ConversationRules) -> Conversation | Refusal:
    """The conversation without bots, names and what mail programs added, or why there is none."""
    events = tuple(_without_bots(conversation.events))
    if not events or events[0].action is not Action.OPENED:
        return Refusal(DropReason.BOTS, "opened by a bot" if conversation.events else "nothing was said")
    events = tuple(replace(event, text=_shortened(_tidied(event.text), rules)) for event in events)
    events = tuple(e for e in events if e.text or e.action not in _REMARKS)
    events = tuple(_fitting(events, rules)) if conversation.is_pull else events
    cleaned = replace(conversation, events=events)
    refusal = _refuse_pull(cleaned, rules) if conversation.is_pull else _refuse_issue(cleaned, rules)
    if refusal is None and rules.english_only and not is_english(_all_text(cleaned)):
        refusal = Refusal(DropReason.LANGUAGE, "not English")
    return refusal or without_names(cleaned, _people_in(conversation))


def _people_in(conversation: Conversation) -> Iterator[str]:
    """Whoever took part, also where nothing of what they said is left."""
    return (event.author for event in conversation.events if not event.is_bot)


def _without_bots(events: Sequence[Event]) -> Iterator[Event]:
    """What people did, without the commands by which they called a bot."""
    for event, following in zip(events, [*events[1:], None], strict=True):
        calls = event.action is Action.COMMENTED and event.text.lstrip().startswith("/")
        if not is_bot(event) and not (calls and following is not None and is_bot(following)):
            yield event


def _tidied(text: str) -> str:
    """A text without invisible comments, and without what an answer by e-mail carries along."""
    lines = _INVISIBLE.sub("", text.replace("\r\n", "\n")).strip().split("\n")
    starts = [at for at, line in enumerate(lines) if _REPLY_HEAD.search(line[:_MOST_LINE])]
    ends = [at for at, line in enumerate(lines) if _REPLY_END.search(line[:_MOST_LINE])]
    if starts or ends:
        start = starts[0] if starts else ends[0]
        is_folded = start > 0 and not lines[start].startswith("On ")
        if is_folded and _FOLDED_HEAD.match(lines[start - 1][:_MOST_LINE]):
            start -= 1
        quoted = [at for at, line in enumerate(lines) if at > start and line.startswith(">")]
        end = max([start, *ends, *quoted])
        lines = lines[:start] + lines[end + 1 :]
    return "\n".join(line for line in lines if not _FOOTER.match(line[:_MOST_LINE])).strip()


def _shortened(text: str, rules: ConversationRules) -> str:
    lines = text.split("\n")
    if len(lines) <= rules.most_lines:
        return text
    head = lines[: rules.most_lines - rules.tail_lines]
    return "\n".join([*head, _TRUNCATED, *lines[-rules.tail_lines :]])


def _fitting(events: Sequence[Event], rules: ConversationRules) -> Iterator[Event]:
    """Of a pull request: no short remarks, no long pieces of diffs."""
    for event in events:
        is_short = len(event.text) < rules.least_pull_comment
        if event.action is Action.COMMENTED and is_short:
            continue
        yield replace(event, hunk="") if len(event.hunk) > rules.most_hunk else event


def _refuse_issue(issue: Conversation, rules: ConversationRules) -> Refusal | None:
    spoken = [event for event in issue.events if event.action in _SPOKEN]
    size = sum(len(event.text) for event in spoken)
    if size < rules.least_characters:
        return Refusal(DropReason.TOO_SMALL, f"{size:,} characters")
    if len({event.author for event in issue.events}) > 1:
        return None
    if size >= rules.most_alone_characters:
        return Refusal(DropReason.ONE_VOICE, f"{size:,} characters")
    if len(issue.events) > rules.most_alone_events:
        return Refusal(DropReason.ONE_VOICE, f"{len(issue.events):,} events")
    return None


def _refuse_pull(pull: Conversation, rules: ConversationRules) -> Refusal | None:
    title, description = pull.title.lower(), pull.events[0].text
    is_accepted = any(e.is_merged or e.state == "approved" for e in pull.events)
    if not is_accepted:
        return Refusal(DropReason.NOT_ACCEPTED, "neither approved nor merged")
    if len(title) < rules.least_pull_title or len(description) < rules.least_pull_description:
        return Refusal(DropReason.TOO_SMALL, "its title or its description")
    if any(word in title for word in _UNWANTED_TITLES):
        return Refusal(DropReason.ROUTINE, "by its title")
    return None


def _all_text(conversation: Conversation) -> str:
    return "\n".join([conversation.title, *(event.text for event in conversation.events)])
