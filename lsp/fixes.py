"""Quick fixes for marked code: attribute it, credit it in NOTICE, say that it is one's own, or ignore it.

They are plain code actions with edits, which every editor knows how to show and undo. An editor that resolves
edits gets them when one is chosen; any other gets them at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.uris import from_fs_path

from attribution.errors import ScAttribError
from attribution.model import Match, Verdict
from lsp.edits import Inserted, Written, workspace_edit
from lsp.provenance import place

if TYPE_CHECKING:
    from lsp.documents import Document
    from lsp.server import Server


class Fix(StrEnum):
    """What can be done about a match."""

    ATTRIBUTE = "attribute"
    NOTICE = "notice"
    OWN = "own"
    IGNORE = "ignore"


_FIXED = frozenset((Verdict.ATTRIBUTE, Verdict.REVIEW, Verdict.DENY))
_RESOLVED = "edit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A match in an open document, as it stands there now."""

    document: Document
    path: str
    match: Match

    @property
    def content(self) -> bytes:
        """The document as a file holds it."""
        return self.document.source.encode("utf-8", "surrogatepass")


async def offered(ls: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
    """The quick fixes for the matches in a range, best match first; without edits where they can follow."""
    document = ls.document(params.text_document.uri)
    only = params.context.only
    is_file = document is not None and document.uri.startswith("file:")
    if document is None or not is_file or (only and not any(_takes_fixes(kind) for kind in only)):
        return []
    lines = params.range.start.line + 1, params.range.end.line + 1
    matches = [m for m in ls.findings.in_lines(document.uri, *lines) if m.verdict in _FIXED]
    actions = [_action(fix, match, params) for match in matches for fix in Fix]
    if _resolves(ls):
        return actions
    resolved = [await resolve(ls, action) for action in actions]
    return [action for action in resolved if action.edit is not None]


async def resolve(ls: Server, action: types.CodeAction) -> types.CodeAction:
    """Work out the edit of a quick fix; without one, with a word on why, where it cannot be done."""
    data = _data(action.data)
    finding = _finding(ls, data)
    if finding is None:
        return action
    try:
        action.edit = await asyncio.to_thread(_edit, ls, Fix(data["fix"]), finding)
    except ScAttribError as error:
        ls.notices.tell(f"{action.title}: {error}")
    return action


def _takes_fixes(kind: types.CodeActionKind | str) -> bool:
    spelled = kind.value if isinstance(kind, types.CodeActionKind) else kind
    return types.CodeActionKind.QuickFix.value.startswith(spelled)


def _resolves(ls: Server) -> bool:
    text_document = ls.client_capabilities.text_document
    support = text_document.code_action if text_document else None
    resolved = support.resolve_support if support and support.data_support else None
    return resolved is not None and _RESOLVED in resolved.properties


def _title(fix: Fix, match: Match) -> str:
    source = f"{place(match)} ({match.license.expression})"
    return {
        Fix.ATTRIBUTE: f"Attribute to {source}",
        Fix.NOTICE: f"Add {source} to NOTICE",
        Fix.OWN: f"Exempt {match.origin.url} as our own code",
        Fix.IGNORE: f"Ignore the likeness to {source}, with a reason",
    }[fix]


def _action(fix: Fix, match: Match, params: types.CodeActionParams) -> types.CodeAction:
    title = _title(fix, match)
    speaking = [d for d in params.context.diagnostics if d.range.start.line + 1 == match.query.first]
    return types.CodeAction(
        title=title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=speaking or None,
        is_preferred=fix is Fix.ATTRIBUTE and match.verdict is Verdict.ATTRIBUTE,
        data={
            "fix": fix.value,
            "uri": params.text_document.uri,
            "swhid": str(match.source),
            "first": match.query.first,
        },
    )


def _data(value: Any) -> dict[str, Any]:
    """The data of an action as it comes back; pygls makes objects of what it does not know."""
    return value if isinstance(value, dict) else vars(value) if hasattr(value, "__dict__") else {}


def _finding(ls: Server, data: dict[str, Any]) -> Finding | None:
    """The match that an action speaks of, if it is still there."""
    uri, first = str(data.get("uri", "")), data.get("first")
    document = ls.document(uri)
    if document is None or not isinstance(first, int):
        return None
    found = (m for m in ls.findings.at_line(document.uri, first) if str(m.source) == data.get("swhid"))
    match = next(found, None)
    return None if match is None else Finding(document=document, path=document.path, match=match)


def _edit(ls: Server, fix: Fix, finding: Finding) -> types.WorkspaceEdit:
    make: Callable[[Server, Finding], list[Written | Inserted]] = {
        Fix.ATTRIBUTE: _attribution,
        Fix.NOTICE: _credit,
        Fix.OWN: _owning,
        Fix.IGNORE: _ignoring,
    }[fix]
    return workspace_edit(ls, make(ls, finding))


def _attribution(ls: Server, finding: Finding) -> list[Written | Inserted]:
    """A comment above the match, and its entry in NOTICE, as ``sc-attrib fix`` writes them."""
    from attribution.fixing.edit import edit_file
    from attribution.fixing.words import Style

    statements = _copyrights(ls, finding.match)
    edit = edit_file(
        finding.path,
        finding.content,
        [finding.match],
        style=Style.COMMENT,
        copyrights=lambda _: statements,
    )
    if edit.unplaced:
        raise ScAttribError(f"{edit.unplaced[0].reason}; add it to NOTICE instead")
    return [Written(uri=finding.document.uri, before=edit.before, after=edit.after), *_credit(ls, finding)]


def _credit(ls: Server, finding: Finding) -> list[Written | Inserted]:
    from attribution.fixing.notice import Credit, with_credits
    from attribution.fixing.plan import NOTICE
    from attribution.repository import find_repository

    file = Path(finding.path)
    folder = find_repository(file.parent) or ls.root_of(finding.path) or file.parent
    label = file.relative_to(folder).as_posix() if file.is_relative_to(folder) else file.as_posix()
    notice = folder / NOTICE
    before = _text_of(ls, notice)
    credit = Credit(path=label, match=finding.match, copyrights=_copyrights(ls, finding.match))
    after = with_credits(before or b"", [credit], path=NOTICE)
    return [Written(uri=_uri(notice), before=before, after=after)]


def _owning(ls: Server, finding: Finding) -> list[Written | Inserted]:
    """The policy of the project with the match's origin among what is one's own."""
    from attribution.policy.owning import with_own
    from attribution.policy.projects import POLICY_FILE, PYPROJECT, ProjectPolicies
    from attribution.repository import find_repository

    folder = Path(finding.path).parent
    file = ProjectPolicies().file_for(finding.path)
    file = file or (find_repository(folder) or ls.root_of(finding.path) or folder) / POLICY_FILE
    table = "tool.sc-attrib.policy" if file.name == PYPROJECT else "policy"
    before = _text_of(ls, file)
    text = (before or b"").decode("utf-8", "surrogateescape")
    after = with_own(text, finding.match.origin.url, table=table, name=file.name)
    return [Written(uri=_uri(file), before=before, after=after.encode("utf-8", "surrogateescape"))]


def _ignoring(_: Server, finding: Finding) -> list[Written | Inserted]:
    """A comment that names the source and waits for the reason, without which it is not obeyed."""
    from attribution.fixing.places import Places
    from attribution.fixing.text import indentation
    from attribution.languages.comments import comment_style

    comment = comment_style(finding.path)
    if comment is None:
        raise ScAttribError("it is not known how this kind of file is commented; ignore it in a baseline")
    places = Places(finding.content, finding.path, comment)
    first = finding.match.query.first
    at = places.above(first)
    if at is None or any(not _is_idle(line, comment) for line in places.lines[at - 1 : first - 1]):
        raise ScAttribError(f"no comment can stand right above line {first}; ignore it in a baseline")
    margin = indentation(places.lines[at - 1]).decode("ascii")
    before = f"{margin}{comment.opener} sc-attrib: ignore[{finding.match.source.core}] "
    after = f" {comment.closer}".rstrip()
    return [Inserted(uri=finding.document.uri, line=at, before=before, after=after)]


def _is_idle(line: bytes, comment: Any) -> bool:
    return not line.strip() or comment.is_comment(line)


def _copyrights(ls: Server, match: Match) -> tuple[str, ...]:
    from attribution.report.copyrights import copyright_statements

    text = ls.engine.known_text(match.source.digest)
    return copyright_statements(text or b"")


def _text_of(ls: Server, file: Path) -> bytes | None:
    """A file as the editor has it, otherwise as it is on disk; ``None`` where there is none."""
    from attribution.fixing.apply import read_if_there

    document = ls.document(_uri(file))
    return document.source.encode("utf-8", "surrogatepass") if document else read_if_there(str(file))


def _uri(file: Path) -> str:
    return from_fs_path(str(file)) or file.as_uri()
