"""A workspace with an index, a scripted model, and clients that start the installed console script."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types
from pytest_lsp import LanguageClient, client_capabilities
from pytest_lsp.client import make_test_lsp_client

from attribution import cli

SC_ATTRIB = str(Path(sys.executable).with_name("sc-attrib"))
ANSWER_LIMIT_S = 30.0

KNOWN_BODY = """\
    if len(weights) != len(values):
        raise ValueError("every value needs its own weight")
    total = sum(weights)
    if total <= 0:
        raise ValueError("the weights must add up to something positive")
    running = 0.0
    for weight, value in sorted(zip(weights, values), key=lambda pair: pair[1]):
        running += weight / total
        if running >= fraction:
            return value
    return values[-1]
"""
KNOWN_HEAD = "def weighted_quantile(values, weights, fraction=0.5):\n"
KNOWN_FUNCTION = KNOWN_HEAD + KNOWN_BODY
OTHER_BODY = """\
    seconds = max(0, int(seconds))
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts + [f"{seconds}s"])
"""
OTHER_HEAD = "def spell_duration(seconds):\n"
FRESH_HEAD = "def mirror_matrix_rows(grid, flip_marker):\n"
FRESH_BODY = "    return [row[::-1] for row in grid if row is not flip_marker]\n"


@pytest.fixture(autouse=True, scope="session")
def state_of_no_user(tmp_path_factory):
    """Where the servers of the tests keep their ledgers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def index(tmp_path_factory) -> Path:
    """An index of two files: one under MIT, one under the GPL, which the built-in policy denies."""
    tree = tmp_path_factory.mktemp("known") / "quantiles"
    tree.mkdir()
    (tree / "free.py").write_text(f"# SPDX-License-Identifier: MIT\n\n{KNOWN_FUNCTION}")
    (tree / "copyleft.py").write_text(f"# SPDX-License-Identifier: GPL-3.0-only\n\n{OTHER_HEAD}{OTHER_BODY}")
    folder = tree.parent / "index"
    code = cli.main(
        [
            "index",
            "build",
            "--index",
            str(folder),
            "--tree",
            str(tree),
            "--origin",
            "https://example.org/quantiles",
        ]
    )
    assert code == 0
    return folder


@pytest.fixture(scope="session")
def script(tmp_path_factory) -> Path:
    """A model that goes on with the functions above."""
    return write_script(
        tmp_path_factory.mktemp("script"),
        {"after": KNOWN_HEAD + "    ", "text": KNOWN_BODY.lstrip()},
        {"after": OTHER_HEAD + "    ", "text": OTHER_BODY.lstrip()},
        {"after": FRESH_HEAD + "    ", "text": FRESH_BODY.lstrip()},
        {"after": FRESH_HEAD + "    ret", "text": FRESH_BODY.lstrip().removeprefix("ret")},
        {"after": FRESH_HEAD.rstrip(), "text": "\n" + FRESH_BODY},
        {"after": "slow = ", "text": "1 + " * 2000, "delay_ms": 20},
    )


def write_script(folder: Path, *replies: dict[str, Any]) -> Path:
    path = folder / "model.script.json"
    path.write_text(json.dumps({"replies": replies}))
    return path


@pytest.fixture
def workspace(tmp_path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def vs_code() -> types.ClientCapabilities:
    """VS Code as it is with vscode-languageclient 10, which has inline completion."""
    capabilities = client_capabilities("visual-studio-code")
    capabilities.text_document.inline_completion = types.InlineCompletionClientCapabilities()
    return capabilities


def neovim() -> types.ClientCapabilities:
    """Neovim 0.11: UTF-8 first, no inline completion."""
    return client_capabilities("neovim@v0.11.0")


class Editor(LanguageClient):
    """A client that remembers what the server said, and can wait for it."""

    heard: list[tuple[str, Any]]
    answer: types.InitializeResult

    async def open(self, path: Path, text: str, *, version: int = 1) -> str:
        uri = path.as_uri()
        item = types.TextDocumentItem(uri=uri, language_id="python", version=version, text=text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))
        return uri

    async def inline(self, uri: str, line: int, character: int) -> list[types.InlineCompletionItem]:
        params = types.InlineCompletionParams(
            text_document=types.TextDocumentIdentifier(uri=uri),
            position=types.Position(line=line, character=character),
            context=types.InlineCompletionContext(trigger_kind=types.InlineCompletionTriggerKind.Automatic),
        )
        return list((await self.text_document_inline_completion_async(params)).items)

    async def listed(self, uri: str, line: int, character: int) -> list[types.CompletionItem]:
        params = types.CompletionParams(
            text_document=types.TextDocumentIdentifier(uri=uri),
            position=types.Position(line=line, character=character),
        )
        return list((await self.text_document_completion_async(params)).items)

    async def hover(self, uri: str, line: int) -> types.Hover | None:
        params = types.HoverParams(
            text_document=types.TextDocumentIdentifier(uri=uri),
            position=types.Position(line=line, character=0),
        )
        return await self.text_document_hover_async(params)


async def until(condition: Callable[[], Any]) -> Any:
    """Wait until the condition holds, looking whenever the loop has done something."""
    async with asyncio.timeout(ANSWER_LIMIT_S):
        while not (value := condition()):
            await asyncio.sleep(0.005)
    return value


def make_editor() -> Editor:
    editor = make_test_lsp_client()
    editor.__class__ = Editor
    editor.heard = []
    for method in ("didChangeStatus", "sc-attrib/didWithholdCompletion"):

        def remember(params: Any, method: str = method) -> None:
            editor.heard.append((method, params))

        editor.feature(method)(remember)

    @editor.feature(types.CLIENT_REGISTER_CAPABILITY)
    def register(params: types.RegistrationParams) -> None:
        editor.heard.append((types.CLIENT_REGISTER_CAPABILITY, params))

    return editor


Start = Callable[..., AbstractAsyncContextManager[Editor]]


@contextlib.asynccontextmanager
async def served(
    workspace: Path,
    settings: dict[str, Any],
    *,
    capabilities: types.ClientCapabilities | None = None,
    options: dict[str, Any] | None = None,
    words: Sequence[str] = (),
    cwd: Path | None = None,
) -> AsyncIterator[Editor]:
    """Start ``sc-attrib lsp`` in a workspace and greet it; say goodbye at the end."""
    editor = make_editor()
    await editor.start_io(SC_ATTRIB, "lsp", *words, cwd=cwd or workspace)
    try:
        editor.answer = await greet(editor, capabilities or vs_code(), settings, workspace, options)
        yield editor
        await editor.shutdown_session()
    finally:
        if editor._server.returncode is None:
            editor._server.kill()
        await editor.stop()


@pytest.fixture
def start(script: Path, index: Path, workspace: Path) -> Start:
    """Start a server of one's own, with settings laid over the usual ones."""

    def starting(*, settings: dict[str, Any] | None = None, **others: Any):
        return served(workspace, merged(base_settings(script, index), settings), **others)

    return starting


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editor(script: Path, index: Path, tmp_path_factory) -> AsyncIterator[Editor]:
    """A server that the tests of a module share; each uses files of its own names."""
    async with served(tmp_path_factory.mktemp("shared"), base_settings(script, index)) as shared:
        yield shared


def base_settings(script: Path, index: Path) -> dict[str, Any]:
    return {
        "model": {"path": str(script)},
        "trace": {"indexes": [str(index)]},
        "completion": {"timeoutMs": 60_000, "maxTokens": 2048},
        "diagnostics": {"debounceMs": 0},
    }


def merged(base: dict[str, Any], changes: dict[str, Any] | None) -> dict[str, Any]:
    return {key: {**base.get(key, {}), **(changes or {}).get(key, {})} for key in {*base, *(changes or {})}}


async def greet(
    editor: Editor, capabilities, settings: dict[str, Any], workspace: Path, options: Any = None
) -> types.InitializeResult:
    editor.set_configuration({"sc-attrib": settings})
    return await editor.initialize_session(
        types.InitializeParams(
            capabilities=capabilities,
            initialization_options=options,
            workspace_folders=[types.WorkspaceFolder(uri=workspace.as_uri(), name="workspace")],
        )
    )
