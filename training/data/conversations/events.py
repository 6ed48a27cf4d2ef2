"""What GitHub says of issues and pull requests, in our terms; from three shapes of JSON.

====================  ==============================================================================
GH Archive            ``IssuesEvent``, ``IssueCommentEvent``, ``PullRequestEvent``,
                      ``PullRequestReviewEvent``, ``PullRequestReviewCommentEvent``
REST                  issues and pull requests, their comments, reviews and comments on lines
``gh … list --json``  ``number,title,body,author,comments,createdAt,closedAt,state,url`` and, of pull
                      requests, ``mergedAt,reviews``
====================  ==============================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from training.data.conversations.transcript import Action, Event

_PLACE = re.compile(
    r"https://(?:github\.com|api\.github\.com/repos)/([\w-]+/(?!\.+/)[\w.-]+)/(issues|pulls?)/"
    r"([1-9][0-9]*)(?![0-9])",
    re.ASCII,
)
_REPOSITORY = re.compile(r"[\w-]+/(?!\.+\Z)[\w.-]+", re.ASCII)
_REMARK = re.compile(r"#(?:issuecomment-|discussion_r|pullrequestreview-)([0-9]{1,18})\Z")
_MOST_NUMBER = (1 << 63) - 1
"""What a database and a program in any other language can hold."""
_KINDS = {
    "IssuesEvent": "issue",
    "IssueCommentEvent": "issue",
    "PullRequestEvent": "pull_request",
    "PullRequestReviewEvent": "pull_request",
    "PullRequestReviewCommentEvent": "pull_request",
}
_Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An event, and the conversation that it belongs to."""

    repository: str
    number: int
    is_pull: bool | None
    """``None`` where it does not say."""
    title: str | None
    event: Event
    key: str
    """What is equal for two records of one event."""


class OtherKindError(Exception):
    """A record is about something else."""


def read_record(record: object) -> list[Said]:
    """The events in a record.

    Texts hold no halves of characters, numbers fit 63 bits, and that of a conversation is not 0. Raises
    :class:`OtherKindError` for a record of another kind, and :class:`ValueError`, :class:`KeyError`,
    :class:`TypeError` or :class:`AttributeError` for one that is not what it should be.
    """
    if not isinstance(record, dict):
        raise TypeError("no object")
    if "payload" in record:
        return [*_of_archive(record)]
    if "title" in record and "number" in record:
        return [*_of_thread(record)]
    if "body" in record and ("issue_url" in record or "pull_request_url" in record):
        return [*_of_answer(record)]
    raise OtherKindError


def _of_archive(record: _Object) -> Iterator[Said]:
    """GH Archive: every event carries the issue or the pull request as it was then."""
    kind = _KINDS.get(record["type"])
    if kind is None:
        raise OtherKindError
    payload, time, name = record["payload"], _text(record["created_at"]), record["repo"]["name"]
    if not _REPOSITORY.fullmatch(name):
        raise ValueError("no repository")
    thread = payload[kind]
    place = (name, _number_of(thread), kind == "pull_request" or "pull_request" in thread)
    title = _text(thread.get("title"))
    yield _opening(place, title, thread)
    action = payload.get("action")
    if action in ("closed", "reopened") and "comment" not in payload and "review" not in payload:
        event = Event(
            action=Action(action),
            author=_text(record["actor"]["login"]),
            time=time,
            is_merged=thread.get("merged") is True,
        )
        yield _said(place, title, event, f"{action} {time}")
    for part in ("comment", "review"):
        if isinstance(payload.get(part), dict):
            yield _remark(place, title, payload[part])


def _of_thread(thread: _Object) -> Iterator[Said]:
    """An issue or a pull request of the REST API, or of ``gh``, which knows its comments too."""
    url = thread.get("html_url") or thread.get("url") or ""
    found = _PLACE.match(url)
    if found is None:
        raise ValueError("no URL of an issue or a pull request")
    place = (found[1], _number_of(thread), found[2] != "issues" or "pull_request" in thread)
    title = _text(thread["title"])
    yield _opening(place, title, thread)
    for part in ("comments", "reviews"):
        remarks = thread.get(part)
        for remark in remarks if isinstance(remarks, list) else ():
            yield _remark(place, title, remark)
    merged = _text(thread.get("mergedAt") or thread.get("merged_at"))
    merged = merged or _text((thread.get("pull_request") or {}).get("merged_at"))
    time = merged or _text(thread.get("closedAt") or thread.get("closed_at"))
    if time:
        closer = thread.get("merged_by") or thread.get("mergedBy") or thread.get("closed_by")
        author, is_bot = _author(closer or thread)
        event = Event(action=Action.CLOSED, author=author, is_bot=is_bot, time=time, is_merged=bool(merged))
        yield _said(place, title, event, f"closed {time}")


def _of_answer(remark: _Object) -> Iterator[Said]:
    """A comment or a review of the REST API; an issue's comments do not say whether it is a pull request."""
    found = _PLACE.match(remark.get("pull_request_url") or remark["issue_url"])
    if found is None:
        raise ValueError("no URL of an issue or a pull request")
    is_pull = True if "pull_request_url" in remark or "/pull/" in remark.get("html_url", "") else None
    yield _remark((found[1], _number(int(found[3])), is_pull), None, remark)


def _opening(place: tuple[str, int, bool], title: str, thread: _Object) -> Said:
    author, is_bot = _author(thread)
    event = Event(
        action=Action.OPENED, author=author, is_bot=is_bot, text=_text(thread.get("body")), time=_time(thread)
    )
    return _said(place, title, event, "opened")


def _remark(place: tuple[str, int, bool | None], title: str | None, remark: _Object) -> Said:
    author, is_bot = _author(remark)
    if "diff_hunk" in remark:
        action = Action.REVIEW_COMMENTED
    else:
        action = Action.REVIEWED if "state" in remark else Action.COMMENTED
    number = _id_of(remark)
    event = Event(
        action=action,
        author=author,
        is_bot=is_bot,
        text=_text(remark.get("body")),
        time=_time(remark),
        number=number,
        state=_text(remark.get("state")).lower(),
        path=_text(remark.get("path")),
        line=_number(remark.get("line") or remark.get("original_line")),
        hunk=_text(remark.get("diff_hunk")),
        review=_number(remark.get("pull_request_review_id")),
        reply_to=_number(remark.get("in_reply_to_id")),
    )
    return _said(place, title, event, f"{action} {number or _text(remark['id'])}")


def _said(place: tuple[str, int, bool | None], title: str | None, event: Event, key: str) -> Said:
    return Said(repository=place[0], number=place[1], is_pull=place[2], title=title, event=event, key=key)


def _id_of(remark: _Object) -> int:
    """The host's number of a remark; ``gh`` has it only in the URL. 0 where it is not told."""
    if isinstance(remark["id"], int):
        return _number(remark["id"])
    found = _REMARK.search(_text(remark.get("url")))
    return int(found[1]) if found else 0


def _author(said: _Object) -> tuple[str, bool]:
    """Name of an account and whether the host calls it a bot; accounts that are gone have no name."""
    account = said.get("user") or said.get("author") or (said if "login" in said else {})
    return _text(account.get("login")), account.get("type") == "Bot" or account.get("is_bot") is True


def _time(said: _Object) -> str:
    names = ("created_at", "createdAt", "submitted_at", "submittedAt")
    return next((_text(said[name]) for name in names if said.get(name)), "")


def _text(value: object) -> str:
    """A text, empty for none; JSON may name halves of characters, which nothing else can hold."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError("a text that is none")
    return value.encode("utf-8", "replace").decode("utf-8")


def _number(value: object) -> int:
    """A number that counts something, 0 for none."""
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_NUMBER:
        raise ValueError("a number that is none")
    return value


def _number_of(thread: _Object) -> int:
    number = _number(thread["number"])
    if not number:
        raise ValueError("no number of an issue or a pull request")
    return number
