"""Which pieces of other files come into a prompt, in what order, and how long they stay."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from assistant.backends.scripted import Reply, ScriptedBackend
from assistant.completion import CompletionRequest
from assistant.config import CompletionSettings, ContextUse, Settings, TraceSettings
from assistant.context.imports import imported_files
from assistant.context.pieces import MOST_LINES, Piece, cut
from assistant.context.ranking import Place, Ranking
from assistant.context.selection import PromptContext, context_room, fitted
from assistant.service import CompletionService

BOATS = "class Boat:\n    def __init__(self, oars):\n        self.oars = oars\n"
FIELDS = "def plough(field, depth):\n    return field.furrow(depth)\n"
DOCUMENT = "from fleet.boats import Boat\n\n\ndef build():\n    return "


def test_pieces_are_the_whole_file_in_order():
    text = "import a\n\n\ndef one():\n    return 1\n\n\n" + "".join(f"x{i} = {i}\n" for i in range(70))
    pieces = cut("a.py", text)
    assert "".join(piece.text for piece in pieces) == text
    assert all(piece.text.count("\n") <= MOST_LINES for piece in pieces)
    lines = text.splitlines(keepends=True)
    assert all(piece.text.startswith(lines[piece.first_line]) for piece in pieces)


KNOWN = [
    "src/fleet/__init__.py",
    "src/fleet/boats.py",
    "src/fleet/oars.py",
    "src/fleet/parts/hull.py",
    "vendor2/deep/down/fleet/boats.py",
    "web/index.ts",
    "web/berth/index.tsx",
    "web/tide.js",
]


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("src/main.py", "from fleet.boats import Boat\n", ["src/fleet/boats.py"]),
        ("src/main.py", "import os, fleet.oars as o\n", ["src/fleet/oars.py"]),
        ("src/main.py", "from fleet import (\n    oars,\n    boats,\n)\n", None),
        ("src/fleet/parts/mast.py", "from .hull import Hull\nfrom ..oars import Oar\n", None),
        ("src/main.py", "# from fleet import nothing\nx = 'import fleet'\n", []),
        ("web/app.ts", "import {a} from './berth';\nconst t = require('./tide.js');\n", None),
        ("web/app.ts", "import x from 'react';\nexport * from '.';\n", ["web/index.ts"]),
        ("main.go", 'import "fleet/boats"\n', []),
    ],
)
def test_imports_are_found_inside_the_workspace(path, text, found):
    expected = {
        "src/main.py": ["src/fleet/__init__.py", "src/fleet/oars.py", "src/fleet/boats.py"],
        "src/fleet/parts/mast.py": ["src/fleet/parts/hull.py", "src/fleet/oars.py"],
        "web/app.ts": ["web/berth/index.tsx", "web/tide.js"],
    }
    assert imported_files(path, text, KNOWN) == (expected[path] if found is None else found)


FILES = [cut("fields.py", FIELDS), cut("fleet/boats.py", BOATS), cut("docs.py", "PAGES = ['one', 'two']\n")]


def best(prefix: str, *, recent=(), path="main.py") -> list[str]:
    ranking = Ranking(FILES, recent=recent)
    return [piece.path for piece in ranking.best(Place(path=path, prefix=prefix, suffix=""))]


def test_what_is_imported_comes_first():
    assert best(DOCUMENT)[0] == "fleet/boats.py"


def test_what_speaks_of_the_same_is_found_without_an_import():
    assert best("def furrows(field):\n    return field.furrow(")[0] == "fields.py"


def test_what_was_edited_last_comes_before_what_was_edited_first():
    assert best("x = ", recent=["docs.py", "fields.py"]) == ["docs.py", "fields.py"]


def test_the_document_itself_is_no_other_file():
    assert "fleet/boats.py" not in best(DOCUMENT, path="fleet/boats.py", recent=["fleet/boats.py"])


def test_imports_and_edits_rank_where_bm25_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "rank_bm25", None)
    assert best(DOCUMENT + "field.furrow(", recent=["docs.py"]) == ["fleet/boats.py", "docs.py"]


def test_as_much_as_fits_is_taken_and_the_best_stands_last():
    pieces = [Piece(path=f"{name}.py", first_line=0, text=f"{name} = 1\n" * 5) for name in "abc"]
    context = fitted(pieces, "w", "main.py", lambda text: list(text.encode()), room=110)
    assert context is not None
    assert [bytes(file.path) for file in context.files] == [b"b.py\n", b"a.py\n"]
    assert context.tokens <= 110
    assert fitted(pieces, "w", "main.py", lambda text: list(text.encode()), room=30) is None


def request(prefix: str = DOCUMENT, **changes) -> CompletionRequest:
    made = CompletionRequest(
        text=prefix,
        offset=len(prefix),
        path="/w/sea/main.py",
        root="/w/sea",
        others={"/w/sea/fields.py": FIELDS},
        unopened={"/w/sea/fleet/boats.py": BOATS},
    )
    return replace(made, **changes)


def service(backend: ScriptedBackend, **completion) -> CompletionService:
    settings = Settings(completion=CompletionSettings(**completion), trace=TraceSettings(required=False))
    context = PromptContext(backend, longest_wait_s=None)
    return CompletionService(backend, tracer=None, settings=settings, context=context)


def backend(context_tokens: int = 4096) -> ScriptedBackend:
    return ScriptedBackend([Reply(text="Boat(2)")], context_tokens=context_tokens)


def shown(model: ScriptedBackend, prompt: tuple[int, ...]) -> str:
    """A prompt with its control tokens spelled out."""
    names = {
        getattr(model.fim_ids, name): f"<{name}>" for name in ("repo_name", "file_separator", "fim_prefix")
    }
    return "".join(names.get(i) or model.detokenize([i]).decode() for i in prompt)


@pytest.mark.asyncio
async def test_a_prompt_shows_other_files_in_the_format_of_the_model():
    model = backend()
    await service(model).complete(request())
    [prompt] = model.prompts
    text = shown(model, prompt)
    assert text.startswith("<repo_name>sea<file_separator>")
    assert f"<file_separator>fleet/boats.py\n{BOATS}" in text
    assert f"<file_separator>fields.py\n{FIELDS}" in text
    assert text.index("<fim_prefix>") < text.index("main.py\nfrom fleet")
    assert "/w/" not in text


@pytest.mark.asyncio
async def test_the_context_stays_while_typing_and_changes_with_another_file():
    model = backend()
    made = service(model)
    for prefix in (DOCUMENT, DOCUMENT + "B", DOCUMENT + "Boat(\n        field.furrow"):
        await made.complete(request(prefix))
    head = [prompt[: prompt.index(model.fim_ids.fim_prefix)] for prompt in model.prompts]
    assert head[0] == head[1] == head[2]
    await made.complete(request(others={"/w/sea/fields.py": FIELDS + "acres = 7\n"}))
    assert "acres" in shown(model, model.prompts[-1])


@pytest.mark.asyncio
async def test_the_context_is_chosen_anew_in_another_block_of_lines():
    model = backend()
    made = service(model, context_tokens=110)
    await made.complete(request())
    assert "boats.py\n" in shown(model, model.prompts[-1])
    far = "x = 1\n" * 40 + "def furrows(field, depth):\n    return field.furrow("
    await made.complete(request(far))
    assert "plough" in shown(model, model.prompts[-1])


@pytest.mark.parametrize(
    ("use", "tokens", "room"),
    [
        (ContextUse.AUTO, 512, 0),
        (ContextUse.AUTO, 2048, 682),
        (ContextUse.AUTO, 16384, 1024),
        (ContextUse.ON, 512, 170),
        (ContextUse.OFF, 16384, 0),
    ],
)
def test_small_models_are_shown_no_other_files_unless_it_is_asked_for(use, tokens, room):
    assert context_room(use, backend(tokens), 1024) == room


@pytest.mark.asyncio
async def test_a_prompt_never_outgrows_the_context():
    model = backend(2048)
    long = "".join(f"value_{i} = {i}\n" for i in range(500))
    await service(model).complete(request(long + DOCUMENT, unopened={"/w/sea/b.py": long}))
    assert len(model.prompts[0]) < 2048


@pytest.mark.asyncio
async def test_a_choice_that_takes_too_long_comes_into_a_later_prompt():
    model = backend()
    context = PromptContext(model, longest_wait_s=0.0)
    assert await context.of(request(), room=500) is None
    assert context._chosen is not None
    await context._chosen
    assert await context.of(request(), room=500) is not None


@pytest.mark.asyncio
async def test_nothing_is_suggested_in_a_file_for_secrets():
    model = backend()
    assert await service(model).complete(request("TOKEN=", path="/w/sea/.env")) is None
    assert not model.prompts
