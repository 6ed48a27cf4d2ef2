"""Issues and pull requests that we wrote, in the exact shapes of GH Archive, GitHub's REST API and gh."""

from __future__ import annotations

from typing import Any

REPOSITORY = "acme/parser"
WEB = f"https://github.com/{REPOSITORY}"
API = f"https://api.github.com/repos/{REPOSITORY}"
LONG = (
    "When the file that I give to the parser is empty, it does not answer with an empty list as it should, "
    "but raises an error that says nothing about the file. I would have expected that it can read it, and "
    "that there is a test for this. It was so in the last version, and there it did work."
)
ANSWER = (
    "Thank you for the report, @Alice-K. You are right that this is not what should happen. The reader looks "
    "at the first line before it knows if there is one. I will add a test, and then we can see what to do."
)


def user(login: str, kind: str = "User") -> dict[str, Any]:
    return {"login": login, "id": sum(login.encode()), "type": kind, "url": f"{API}/{login}"}


def issue(
    number: int = 7, *, author: str = "Alice-K", title: str = "Empty files", body: str | None = LONG, **other
):
    return {
        "url": f"{API}/issues/{number}",
        "repository_url": API,
        "comments_url": f"{API}/issues/{number}/comments",
        "html_url": f"{WEB}/issues/{number}",
        "number": number,
        "title": title,
        "user": user(author),
        "labels": [],
        "state": "open",
        "comments": 0,
        "created_at": "2024-03-01T10:00:00Z",
        "closed_at": None,
        "body": body,
        **other,
    }


def pull(number: int = 9, **other):
    return {
        "url": f"{API}/pulls/{number}",
        "html_url": f"{WEB}/pull/{number}",
        "number": number,
        "state": "open",
        "title": "Read empty files as empty lists",
        "user": user("bob"),
        "body": "This looks at the first line only if there is one, and adds a test for files of Alice-K.",
        "created_at": "2024-03-02T09:00:00Z",
        "merged_at": None,
        "merged": False,
        "head": {"sha": "a" * 40},
        "base": {"sha": "b" * 40},
        **other,
    }


def event(kind: str, payload: dict[str, Any], *, actor: str, time: str) -> dict[str, Any]:
    """An event as GH Archive has it, one a line."""
    return {
        "id": str(abs(hash((kind, time))) % 10**11),
        "type": kind,
        "actor": {
            "id": 1,
            "login": actor,
            "display_login": actor,
            "url": f"https://api.github.com/users/{actor}",
        },
        "repo": {"id": 5, "name": REPOSITORY, "url": API},
        "payload": payload,
        "public": True,
        "created_at": time,
    }


def comment(
    number: int, author: str, body: str, time: str, *, on: int = 7, kind: str = "User"
) -> dict[str, Any]:
    return {
        "url": f"{API}/issues/comments/{number}",
        "html_url": f"{WEB}/issues/{on}#issuecomment-{number}",
        "issue_url": f"{API}/issues/{on}",
        "id": number,
        "user": user(author, kind),
        "created_at": time,
        "updated_at": time,
        "body": body,
    }


def archive() -> list[dict[str, Any]]:
    """An issue that was answered, a bot in it, closed, and thanked for; a pull request that was merged."""
    opened = issue()
    answers = [
        comment(101, "bob", ANSWER, "2024-03-01T11:00:00Z"),
        comment(102, "stale-helper[bot]", "This issue is stale.", "2024-03-01T12:00:00Z", kind="Bot"),
        comment(103, "Alice-K", "It works, thank you bob! <issue_closed>", "2024-03-03T08:00:00Z"),
    ]
    said = [
        event(
            "IssueCommentEvent",
            {"action": "created", "issue": opened, "comment": c},
            actor="x",
            time=c["created_at"],
        )
        for c in answers
    ]
    merged = pull(state="closed", merged=True, merged_at="2024-03-02T12:00:00Z")
    review = {
        "id": 201, "user": user("Carol"), "body": "This is what I would have done.", "state": "approved",
        "submitted_at": "2024-03-02T11:00:00Z",
    }  # fmt: skip
    line = {
        "id": 202, "pull_request_review_id": 201, "user": user("Carol"), "path": "src/parser.py", "line": 12,
        "diff_hunk": "@@ -10,3 +10,4 @@ def read(lines):\n+    if not lines:\n+        return []",
        "body": "Could this be said in one line, bob?", "created_at": "2024-03-02T10:30:00Z",
    }  # fmt: skip
    return [
        event("PushEvent", {"commits": []}, actor="bob", time="2024-03-01T09:00:00Z"),
        *said,
        event("IssuesEvent", {"action": "opened", "issue": opened}, actor="Alice-K",
              time="2024-03-01T10:00:00Z"),
        event("IssuesEvent", {"action": "closed", "issue": opened}, actor="bob", time="2024-03-02T12:01:00Z"),
        event("PullRequestEvent", {"action": "opened", "number": 9, "pull_request": pull()}, actor="bob",
              time="2024-03-02T09:00:00Z"),
        event("PullRequestReviewCommentEvent", {"action": "created", "comment": line, "pull_request": pull()},
              actor="Carol", time="2024-03-02T10:30:00Z"),
        event("PullRequestReviewEvent", {"action": "created", "review": review, "pull_request": pull()},
              actor="Carol", time="2024-03-02T11:00:00Z"),
        event("PullRequestEvent", {"action": "closed", "number": 9, "pull_request": merged}, actor="bob",
              time="2024-03-02T12:00:00Z"),
    ]  # fmt: skip
