"""Issues and pull requests: from events in any order to documents without names, refused for reasons."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.errors import UnreadableInputError
from attribution.index.opt_outs import OptOuts
from tests.training.conversations import ANSWER, LONG, WEB, archive, comment, event, issue, pull, user
from training.data.conversations.cleaning import ConversationRules, clean
from training.data.conversations.english import is_english
from training.data.conversations.source import SkippedEvent, read_conversations
from training.data.conversations.transcript import (
    SEPARATOR,
    Action,
    Conversation,
    Event,
    read_transcript,
    write_transcript,
)
from training.data.documents import open_document
from training.data.marked import segments_of
from training.data.stage import Document, Dropped, DropReason


def write(path: Path, records: list[object]) -> Path:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return path


def read(*paths: Path, **other) -> tuple[dict[str, bytes], Counter[str]]:
    skipped: Counter[str] = Counter()
    files = list(read_conversations(paths, skipped=skipped, **other))
    return {f"{file.origin.url}/{file.origin.path}": file.content for file in files}, skipped


def shown(document: Document | Dropped) -> str:
    """A document with its control tokens as they are spelled."""
    assert isinstance(document, Document), document
    return "".join("".join(s.tokens) + s.text for s in segments_of(document.text, document.marks))


def opened(path: Path) -> dict[str, Document | Dropped]:
    return {f.origin.path: open_document(f) for f in read_conversations([path], skipped=Counter())}


@pytest.fixture
def events(tmp_path: Path) -> Path:
    return write(tmp_path / "2024-03-01-10.json", archive())


def test_an_issue_of_gh_archive_is_in_starcoder2s_format(events: Path) -> None:
    text = ANSWER.replace("@Alice-K", "@username_0")
    assert shown(opened(events)["issues/7"]) == (
        f"<issue_start>Title: Empty files\nusername_0: {LONG}\n"
        f"<issue_comment>username_1: {text}\n"
        "<issue_closed><issue_comment>username_0: It works, thank you username_1! <issue_closed>\n"
    )


def test_a_closing_token_in_a_comment_is_text(events: Path) -> None:
    document = opened(events)["issues/7"]
    assert isinstance(document, Document)
    assert sum(mark.token == "<issue_closed>" for mark in document.marks) == 1
    assert document.text.count("<issue_closed>") == 1


def test_a_pull_request_is_in_starcoder2s_format(events: Path) -> None:
    assert shown(opened(events)["pull/9"]) == (
        "<pr>Title: Read empty files as empty lists\nusername_0: This looks at the first line only if "
        "there is one, and adds a test for files of Alice-K.\n"
        "<pr_status>opened\n<repo_name>acme/parser\n"
        "<pr_review_comment><pr_event_id>1\n<pr_in_reply_to_review_id>2\n<pr_file>src/parser.py\n"
        "<pr_diff_hunk_comment_line>12\n"
        "<pr_diff_hunk>@@ -10,3 +10,4 @@ def read(lines):\n+    if not lines:\n+        return []\n"
        "<pr_comment>username_1: Could this be said in one line, username_0?\n"
        "<pr_review>username_1: This is what I would have done.\n<pr_event_id>2\n<pr_review_state>approved\n"
        "<pr>username_0\n<pr_status>closed\n<pr_is_merged>True\n"
    )


def test_order_files_and_repetition_of_events_do_not_matter(events: Path, tmp_path: Path) -> None:
    whole, skipped = read(events)
    records = archive() * 2
    random.Random(5).shuffle(records)
    first = write(tmp_path / "a.json", records[:9])
    second = tmp_path / "b.json.gz"
    second.write_bytes(gzip.compress(write(tmp_path / "b.json", records[9:]).read_bytes()))
    assert read(second, first)[0] == whole
    assert sorted(whole) == [f"{WEB}/issues/7", f"{WEB}/pull/9"]
    assert skipped == {SkippedEvent.OTHER_KIND: 1}


def test_pages_of_the_rest_api_and_exports_of_gh_say_the_same(tmp_path: Path) -> None:
    answer = comment(101, "bob", ANSWER, "2024-03-01T11:00:00Z")
    pages = tmp_path / "pages.json"
    pages.write_text(json.dumps([issue()], indent=2) + json.dumps([answer], indent=2))
    export = {
        "number": 7, "title": "Empty files", "body": LONG, "author": {"login": "Alice-K", "is_bot": False},
        "createdAt": "2024-03-01T10:00:00Z", "closedAt": None, "state": "OPEN", "url": f"{WEB}/issues/7",
        "comments": [
            {"id": "IC_1", "author": {"login": "bob"}, "body": ANSWER, "createdAt": "2024-03-01T11:00:00Z"}
        ],
    }  # fmt: skip
    exported = tmp_path / "gh.json"
    exported.write_text(json.dumps([export]))
    found = [shown(opened(path)["issues/7"]) for path in (pages, exported)]
    assert found[0] == found[1]
    assert found[0].count("<issue_comment>") == 1 and "username_1" in found[0]


def test_who_opted_out_is_not_in_it(events: Path) -> None:
    opt_outs = OptOuts.of(["https://github.com/bob"])
    found, skipped = read(events, opt_outs=opt_outs)
    assert sorted(found) == [f"{WEB}/issues/7"]
    assert b"Thank you for the report" not in found[f"{WEB}/issues/7"]
    assert b"bob" not in found[f"{WEB}/issues/7"] and b"<NAME>" in found[f"{WEB}/issues/7"]
    assert skipped[SkippedEvent.OPTED_OUT] == 4


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        ({"body": "It fails."}, DropReason.TOO_SMALL, "9 characters"),
        ({"author": "renovate-bot"}, DropReason.BOTS, "opened by a bot"),
        ({"user": user("friend", "Bot")}, DropReason.BOTS, "opened by a bot"),
        ({"body": "It fails here and there. " * 300}, DropReason.ONE_VOICE, "7,499 characters"),
        ({"body": "Dieses Programm stürzt beim Lesen einer leeren Datei leider immer ab. " * 5},
         DropReason.LANGUAGE, "not English"),
    ],
)  # fmt: skip
def test_issues_are_dropped_for_published_reasons(tmp_path: Path, change, reason, detail) -> None:
    dropped = opened(write(tmp_path / "one.json", [issue(**change)]))["issues/7"]
    assert isinstance(dropped, Dropped)
    assert (dropped.reason, dropped.detail, dropped.document.text) == (reason, detail, "")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, DropReason.NOT_ACCEPTED),
        (
            {"merged_at": "2024-03-02T12:00:00Z", "title": "Bump dependencies of the parser"},
            DropReason.ROUTINE,
        ),
        ({"merged_at": "2024-03-02T12:00:00Z", "body": "Fix."}, DropReason.TOO_SMALL),
    ],
)
def test_pull_requests_are_dropped_for_published_reasons(tmp_path: Path, change, reason) -> None:
    dropped = opened(write(tmp_path / "one.json", [pull(**change)]))["pull/9"]
    assert isinstance(dropped, Dropped) and dropped.reason is reason


def cleaned(text: str) -> str:
    said = Event(action=Action.OPENED, author="alice", text=LONG)
    answer = Event(action=Action.COMMENTED, author="bob", text=text)
    conversation = Conversation(repository="a/b", number=1, title="T", events=(said, answer))
    found = clean(conversation, ConversationRules())
    assert isinstance(found, Conversation)
    return found.events[1].text if len(found.events) > 1 else ""


def test_what_a_mail_program_adds_is_gone_and_quotes_in_other_answers_stay() -> None:
    mail = (
        "I see it too.\n\nOn 3/1/2024 10:00 AM, alice wrote:\n> Empty files fail.\n> \n"
        "Reply to this email directly or view it on GitHub.\n____________________________\nRegards"
    )
    assert cleaned(mail) == "I see it too.\n\nRegards"
    assert cleaned("> Empty files fail.\nYes, they do.") == "> Empty files fail.\nYes, they do."
    assert cleaned("<!-- Write here -->\nYes.\nSigned-off-by: Bob <bob@acme.com>") == "Yes."


def test_a_long_text_loses_its_middle() -> None:
    lines = cleaned("\n".join(f"line {number}" for number in range(300))).split("\n")
    assert len(lines) == 101
    assert (lines[79], lines[80], lines[81]) == ("line 79", "[Truncated]", "line 280")


def test_names_are_replaced_as_whole_words_only() -> None:
    assert cleaned("Alice, alice_id and @bob: bobbin") == "username_0, alice_id and @username_1: bobbin"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("_thanks @Alice_, **alice** --alice", "_thanks @username_0_, **username_0** --username_0"),
        ("12+alice@users.noreply.github.com", "12+username_0@users.noreply.github.com"),
        ("see https://github.com/alice/x and git@github.com:ALICE/x",
         "see https://github.com/username_0/x and git@github.com:username_0/x"),
        ("> alice wrote this\n\nI did, @bob\u4f60", "> username_0 wrote this\n\nI did, @username_1\u4f60"),
        ("al\u0131ce \u212aim \u017fam \u0130lya", "al\u0131ce \u212aim \u017fam \u0130lya"),
    ],
)  # fmt: skip
def test_names_are_found_whatever_surrounds_them(text: str, left: str) -> None:
    """Markup, addresses, URLs and quotes; letters that are only alike to some comparisons are others."""
    assert cleaned(text) == left


@given(text=st.text(max_size=200), author=st.sampled_from(["sam", "kim", "ilya", "\u0130", "a-b-", ""]))
def test_no_text_and_no_name_stops_a_run(text: str, author: str) -> None:
    said = Event(action=Action.OPENED, author=author, text=LONG)
    answer = Event(action=Action.COMMENTED, author="bob", text=text)
    found = clean(
        Conversation(repository="a/b", number=1, title=text, events=(said, answer)), ConversationRules()
    )
    assert not isinstance(found, Conversation) or found.events[0].author == "username_0"


def test_who_said_nothing_that_stays_is_not_named_either() -> None:
    said = [
        Event(action=Action.OPENED, author="alice", text=LONG),
        Event(action=Action.COMMENTED, author="carol", text="LGTM"),
        Event(
            action=Action.COMMENTED, author="bob", text="Thank you @carol and Carol, I will merge it then."
        ),
        Event(action=Action.REVIEW_COMMENTED, author="bob", text="Move it.", path="users/alice/x.py"),
        Event(action=Action.CLOSED, author="bob", is_merged=True),
    ]
    pull = Conversation(
        repository="alice/parser", number=1, title="Read empty files", is_pull=True, events=tuple(said)
    )
    found = clean(pull, ConversationRules())
    assert isinstance(found, Conversation)
    assert found.repository == "username_0/parser"
    assert found.events[1].text == "Thank you @username_2 and username_2, I will merge it then."
    assert found.events[2].path == "users/username_0/x.py"


def test_a_writers_name_goes_with_the_head_of_a_reply_and_with_trailers() -> None:
    folded = (
        "It does.\n\nOn Mon, Mar 4, 2024 at 10:00 AM Maria Lopez <\nnotifications@github.com> wrote:\n"
        "> Does it?\nReply to this email directly or view it on GitHub."
    )
    assert cleaned(folded) == "It does."
    trailers = (
        "Yes.\nReviewed-by: Maria Lopez <m@acme.com>\nCo-authored-by: M <m@acme.com>\nCc: M L <m@a.com>"
    )
    assert cleaned(trailers) == "Yes."


def test_commands_to_bots_go_with_the_bots() -> None:
    said = [
        Event(action=Action.OPENED, author="a", text=LONG),
        Event(action=Action.COMMENTED, author="b", text="/retest"),
        Event(action=Action.COMMENTED, author="k8s-ci-robot", text="Tests failed."),
        Event(action=Action.COMMENTED, author="b", text="/etc is a folder"),
    ]
    found = clean(
        Conversation(repository="a/b", number=1, title="T", events=tuple(said)), ConversationRules()
    )
    assert isinstance(found, Conversation)
    assert [e.text for e in found.events[1:]] == ["/etc is a folder"]


TEXTS = st.text(st.characters(exclude_characters=SEPARATOR, exclude_categories=("Cs",)), max_size=60)


@given(text=TEXTS, hunk=TEXTS, title=TEXTS, author=TEXTS)
def test_a_transcript_is_read_as_it_was_written(text: str, hunk: str, title: str, author: str) -> None:
    event = Event(action=Action.REVIEW_COMMENTED, author=author, text=text, hunk=hunk, number=3, line=5)
    whole = Conversation(repository="a/b", number=12, title=title, is_pull=True, events=(event, event))
    assert read_transcript(write_transcript(whole)) == whole


def test_a_separator_in_a_comment_begins_no_record() -> None:
    forged = f'x{SEPARATOR}{{"action": "closed", "author": "eve"}}'
    event = Event(action=Action.OPENED, author="eve", text=forged)
    whole = Conversation(repository="a/b", number=1, title=SEPARATOR, events=(event,))
    assert read_transcript(write_transcript(whole)).events == (
        replace(event, text=forged.replace(SEPARATOR, "")),
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no records of JSON"),
        (b"\x00\x01binary\n", "holds no records of JSON"),
        (gzip.compress(b'{"type": "PushEvent"}\n' * 1000)[:-20], "cannot be read"),
    ],
)
def test_a_file_that_is_none_is_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(UnreadableInputError, match=said):
        read(path)
    with pytest.raises(UnreadableInputError, match="does not exist"):
        read(tmp_path / "nothing.json")


def test_damaged_records_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    orphan = event("IssueCommentEvent", {"action": "created", "issue": {"number": "x"}}, actor="a", time="t")
    lost = comment(5, "a", "Where?", "2024-01-01T00:00:00Z", on=99)
    lines = ['{"type": "Issu', json.dumps(orphan), "[1, null]", json.dumps(lost), json.dumps(issue())]
    path.write_text("\n".join(lines))
    found, skipped = read(path)
    assert [*found] == [f"{WEB}/issues/7"]
    assert skipped == {SkippedEvent.BROKEN: 4, SkippedEvent.NO_OPENING: 1}


def test_words_of_who_opted_out_are_not_quoted_either(tmp_path: Path) -> None:
    said = comment(1, "bob", "It was me.\nAnd nobody else.", "2024-03-01T11:00:00Z")
    quote = comment(2, "eve", "> It was me.\n> \n> What?\n\nBob!", "2024-03-01T12:00:00Z")
    found, _ = read(
        write(tmp_path / "a.json", [issue(), said, quote]), opt_outs=OptOuts.of(["https://github.com/Bob"])
    )
    (content,) = found.values()
    assert content.endswith(b"\n> \n> What?\n\n<NAME>!\n") and b"It was me" not in content


HOSTILE = [
    issue(number=1e999), issue(number=-7), issue(number=0), issue(number=2**63), issue(number=True),
    issue(number=10**4_000), issue(title={"a": 1}), issue(created_at=[1]), issue(body=5), issue(user="eve"),
    issue(user={"login": 5}), issue(html_url="https://github.com/acme/../issues/7"),
    issue(html_url=f"{WEB}/issues/7", merged_at=7),
    comment(2**70, "a", "x", "t"), comment(-1, "a", "x", "t"), comment([], "a", "x", "t"),
    {**comment(3, "a", "x", "t"), "line": 1e999}, {**comment(3, "a", "x", "t"), "diff_hunk": {}},
    {**comment(3, "a", "x", "t"), "issue_url": f"{WEB}/issues/{'9' * 5_000}"},
    event("IssuesEvent", {"action": "closed", "issue": issue()}, actor="a", time=7),
    {**event("IssuesEvent", {"action": "opened", "issue": issue()}, actor="a", time="t"),
     "repo": {"name": "../x"}},
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_records_are_counted_and_the_rest_is_read(tmp_path: Path, number: int) -> None:
    found, skipped = read(
        write(tmp_path / "a.json", [HOSTILE[number], issue(number=8, html_url=f"{WEB}/issues/8")])
    )
    assert [*found] == [f"{WEB}/issues/8"]
    assert skipped == {SkippedEvent.BROKEN: 1}


def test_halves_of_characters_and_writing_in_both_directions_are_read(tmp_path: Path) -> None:
    """A name may be spelled with marks that turn its direction: then it is another, and no file is lost."""
    texts = issue(title="\udc00 \u202ename", body=f"\ud800\x00{LONG}\u2066", user={"login": "ev\ud800"})
    remark = comment(5, "bob", f"\u202e{ANSWER}", "2024-01-01T00:00:00Z") | {"id": "\ud800"}
    found, skipped = read(write(tmp_path / "a.json", [texts, remark]))
    assert [*found] == [f"{WEB}/issues/7"] and not skipped
    (document,) = opened(tmp_path / "a.json").values()
    assert "\u202e" in shown(document)


def test_deep_nesting_is_a_damaged_record(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    deep = json.dumps(issue(title="X")).replace('"X"', "[" * 900 + "]" * 900)
    path.write_text(f"{'[' * 100_000}\n{deep}\n{json.dumps(issue())}\n")
    found, skipped = read(path)
    assert [*found] == [f"{WEB}/issues/7"] and skipped == {SkippedEvent.BROKEN: 2}


def test_an_indented_file_that_is_cut_short_is_one_sentence_though_its_beginning_is_whole(
    tmp_path: Path,
) -> None:
    path = tmp_path / "pages.json"
    path.write_text(json.dumps([issue()], indent=2) + json.dumps([issue(number=8)], indent=2)[:-30])
    with pytest.raises(UnreadableInputError, match="is damaged, or cut short, after 1 whole values; fetch"):
        read(path)


def test_many_values_in_one_piece_are_read_in_one_go(tmp_path: Path) -> None:
    """Not each of them by copying the rest, which would take hours."""
    path = tmp_path / "pages.json"
    path.write_text("{\n}\n" * 300_000)
    assert read(path) == ({}, {SkippedEvent.OTHER_KIND: 300_000})


def test_a_conversation_that_memory_should_not_hold_is_left_out(tmp_path: Path) -> None:
    large = [comment(at, "eve", "x" * 1_000_000, "2024-01-01T00:00:00Z") for at in range(1, 6)]
    other = issue(number=8, html_url=f"{WEB}/issues/8")
    found, skipped = read(write(tmp_path / "a.json", [issue(), *large, other]))
    assert [*found] == [f"{WEB}/issues/8"] and skipped == {SkippedEvent.TOO_LARGE: 1}


def test_the_same_comment_from_the_api_and_from_gh_counts_once(tmp_path: Path) -> None:
    answer = comment(101, "bob", ANSWER, "2024-03-01T11:00:00Z")
    again = {
        "id": "IC_1", "author": {"login": "bob"}, "body": ANSWER, "createdAt": "2024-03-01T11:00:00Z",
        "url": f"{WEB}/issues/7#issuecomment-101",
    }  # fmt: skip
    found, _ = read(write(tmp_path / "a.json", [issue(comments=[again]), answer]))
    assert found[f"{WEB}/issues/7"].count(b"Thank you for the report") == 1


@pytest.mark.parametrize(
    "text",
    ["1" * 1_000_000, "1/1/1 1:11 AM " * 70_000, "Signed-off-by: " + "<" * 1_000_000, "On 1" * 250_000,
     "a-" * 500_000, "> " * 500_000, "```\n" * 250_000],
    ids=lambda text: text[:8],
)  # fmt: skip
def test_texts_made_to_be_slow_are_not(text: str) -> None:
    """A backtracking expression would take hours for these."""
    said = Event(action=Action.OPENED, author="alice", text=f"{text}\n{text}")
    clean(Conversation(repository="a/b", number=1, title="T", events=(said,)), ConversationRules())
    assert cleaned(LONG) == LONG


FULL = """
import resource, sys
from collections import Counter
from pathlib import Path
from attribution.errors import ScAttribError
from training.data.conversations.source import read_conversations
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    list(read_conversations([Path(sys.argv[1])], skipped=Counter(), scratch=Path(sys.argv[2])))
except ScAttribError as error:
    sys.exit(str(error))
"""


def test_a_disk_that_takes_no_more_events_is_one_sentence(tmp_path: Path) -> None:
    events = [comment(at, "eve", "x" * 100_000, "2024-01-01T00:00:00Z") for at in range(1, 60)]
    path, scratch = write(tmp_path / "a.json", events), tmp_path / "work"
    scratch.mkdir()
    done = subprocess.run([sys.executable, "-c", FULL, path, scratch], capture_output=True, text=True)
    assert done.stderr.startswith(f"{scratch}: events of issues cannot be brought together there (")
    assert done.stderr.endswith("); make room and run the same command again\n")
    assert not [*scratch.iterdir()]


def test_english_is_told_from_other_prose_and_code_does_not_count() -> None:
    assert is_english(LONG) and is_english("```\nfür weil nicht\n```") and is_english("LGTM")
    assert not is_english("Когда файл пуст, программа не отвечает.")
    assert not is_english("Lorsque le fichier est vide, le programme ne répond pas comme il le devrait ici.")


@pytest.mark.parametrize("consent", ["none", "flag", "list"])
def test_the_command_keeps_issues_only_where_it_is_told_to(
    run_cli, tmp_path: Path, events: Path, consent: str
) -> None:
    """Code of our own beside them, so that something is kept in any case."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a.py").write_text(
        "# SPDX-License-Identifier: MIT\n" + "def area(width, height):\n    return width\n"
    )
    (tmp_path / "yes.txt").write_text("https://github.com/acme\n")
    more = {"none": (), "flag": ("--unlicensed-issues",), "list": ("--opt-in", tmp_path / "yes.txt")}[consent]
    words = ("train", "curate", "--tree", tree, "--issues", events, "--out", tmp_path / "out", *more)
    done = run_cli(*words, "--processes", "1", "--vocabulary", "384", "--row-tokens", "128")
    assert done.returncode == 0, done.stderr
    card = (tmp_path / "out" / "card.md").read_text("utf-8")
    rows = pq.read_table(tmp_path / "out" / "curated-00000.parquet").to_pylist()
    found = {row["path"]: row for row in rows}
    if consent == "none":
        assert found["/issues/7"]["drop_reason"] == str(DropReason.NO_LICENSE)
        return
    assert (
        found["/issues/7"]["drop_reason"] is None
        and found["/issues/7"]["license_expression"] == "NOASSERTION"
    )
    assert found["/issues/7"]["language"] == "Issues" and "Alice" not in found["/issues/7"]["content"]
    assert "| Issues | 1 |" in card and "## Kinds of text" in card
