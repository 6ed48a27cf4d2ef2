r"""Cleaned conversations as documents, in StarCoder2's formats (its paper, 5.2 and 5.3).

``<issue_start>Title: title\nusername_0: text<issue_comment>username_1: text<issue_closed>``, and for a pull
request ``<pr>``, ``<pr_comment>``, ``<pr_review>`` and ``<pr_review_comment>`` as there, without files and
diffs of commits. Ids of comments count from 1 in each conversation: the host's own would lead to who wrote.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import count

from attribution.model import SourceFile
from training.data.conversations.cleaning import ConversationRules, Refusal, clean
from training.data.conversations.transcript import Action, Conversation, Event, read_transcript
from training.data.kinds import ISSUES, PULL_REQUESTS
from training.data.marked import MarkedText
from training.data.stage import ControlToken as T
from training.data.stage import Document, Dropped, DropReason

_STATES = {"changes_requested": "changes_required", "dismissed": "rejected"}


def open_conversation(file: SourceFile, rules: ConversationRules) -> Document | Dropped:
    """The document of a transcript, or why there is none."""
    try:
        conversation = read_transcript(file.content)
    except (ValueError, KeyError, TypeError, AttributeError):
        empty = Document(file=file, text="", language=ISSUES)
        return Dropped(document=empty, reason=DropReason.NOT_TEXT, detail="no whole transcript")
    language = PULL_REQUESTS if conversation.is_pull else ISSUES
    cleaned = clean(conversation, rules)
    if isinstance(cleaned, Refusal):
        empty = Document(file=file, text="", language=language)
        return Dropped(document=empty, reason=cleaned.reason, detail=cleaned.detail)
    marked = _pull(cleaned) if conversation.is_pull else _issue(cleaned)
    return Document(file=file, text=marked.text, language=language, marks=tuple(marked.marks))


def _issue(issue: Conversation) -> MarkedText:
    marked = MarkedText()
    last_state = [e for e in issue.events if e.action in (Action.CLOSED, Action.REOPENED)][-1:]
    for event in issue.events:
        if event.action is Action.OPENED:
            marked.add(T.ISSUE_START, text=f"Title: {issue.title}\n{_said(event)}")
        elif event.action is Action.CLOSED and event is last_state[0]:
            marked.add(T.ISSUE_CLOSED)
        elif event.action is Action.COMMENTED:
            marked.add(T.ISSUE_COMMENT, text=_said(event))
    return marked


def _pull(pull: Conversation) -> MarkedText:
    marked, ids = MarkedText(), defaultdict[int, int](count(1).__next__)
    for event in pull.events:
        match event.action:
            case Action.OPENED:
                marked.add(T.PULL_REQUEST, text=f"Title: {pull.title}\n{_said(event)}")
                marked.add(T.PULL_STATUS, text="opened")
                marked.add(T.REPOSITORY, text=pull.repository)
            case Action.CLOSED | Action.REOPENED:
                marked.add(T.PULL_REQUEST, text=event.author)
                marked.add(T.PULL_STATUS, text=event.action)
                if event.action is Action.CLOSED:
                    marked.add(T.PULL_IS_MERGED, text=str(event.is_merged))
            case Action.COMMENTED:
                marked.add(T.PULL_COMMENT, text=_said(event))
                marked.add(T.PULL_EVENT, text=str(ids[event.number]))
            case Action.REVIEWED:
                marked.add(T.PULL_REVIEW, text=_said(event))
                marked.add(T.PULL_EVENT, text=str(ids[event.number]))
                marked.add(T.PULL_REVIEW_STATE, text=_STATES.get(event.state, event.state))
            case Action.REVIEW_COMMENTED:
                _add_review_comment(marked, event, ids)
    return marked


def _add_review_comment(marked: MarkedText, event: Event, ids: defaultdict[int, int]) -> None:
    marked.add(T.PULL_REVIEW_COMMENT)
    marked.add(T.PULL_EVENT, text=str(ids[event.number]))
    if event.review:
        marked.add(T.PULL_REPLY_TO_REVIEW, text=str(ids[event.review]))
    if event.reply_to:
        marked.add(T.PULL_REPLY_TO_COMMENT, text=str(ids[event.reply_to]))
    marked.add(T.PULL_FILE, text=event.path)
    if event.line:
        marked.add(T.PULL_LINE, text=str(event.line))
    if event.hunk:
        marked.add(T.PULL_HUNK, text=event.hunk)
    marked.add(T.PULL_COMMENT, text=_said(event))


def _said(event: Event) -> str:
    return f"{event.author}: {event.text}"
