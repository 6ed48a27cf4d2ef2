"""End to end: a model that knows one file by heart, and a policy that denies that file's licence."""

from __future__ import annotations

import asyncio
import colorsys
from pathlib import Path

import pytest
import torch

from assistant.backends.llama_cpp import LlamaCppBackend
from assistant.backends.scripted import Reply, ScriptedBackend
from assistant.completion import Completion, CompletionRequest, Trigger
from assistant.config import CompletionSettings, Lines, OnDeny, Settings, TraceSettings
from assistant.guard import RegurgitationGuard
from assistant.models import ModelOptions
from assistant.service import CompletionService
from assistant.tracing import Decision, Surroundings
from attribution.index.builder import build_index
from attribution.model import License, Origin, SourceFile
from attribution.policy.projects import ProjectPolicies
from attribution.trace import Tracer
from tests.assistant.overfitted import ANSWER_TOKENS, PREFIX_TOKENS, overfit, places

TEXT = Path(colorsys.__file__).read_text()
PLACES = places(TEXT)[::4]
ORIGIN = Origin(
    url="https://github.com/python/cpython", path="Lib/colorsys.py", license=License(expression="PSF-2.0")
)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    torch.set_num_threads(1)
    return overfit(TEXT, tmp_path_factory.mktemp("overfitted") / "model")


@pytest.fixture(scope="module")
def tracer(tmp_path_factory) -> Tracer:
    index = tmp_path_factory.mktemp("known") / "index"
    build_index(index, [SourceFile(content=TEXT.encode(), origin=ORIGIN)])
    return Tracer.open([index], policy=ProjectPolicies())


@pytest.fixture
def project(tmp_path) -> Path:
    (tmp_path / ".sc-attrib.toml").write_text('[policy]\ndeny = ["PSF-2.0"]\n')
    return tmp_path


def completed(backend, tracer, project: Path, *, at: list[int] = PLACES, **trace) -> list[Completion | None]:
    """What is suggested at each place of the file, where the cursor has only its beginning before it."""
    wanted = CompletionSettings(
        timeout_ms=60_000, max_tokens=ANSWER_TOKENS, prefix_tokens=PREFIX_TOKENS, lines=Lines.MULTIPLE
    )
    settings = Settings(completion=wanted, trace=TraceSettings(**trace))

    async def complete() -> list[Completion | None]:
        service = CompletionService(backend, tracer=tracer, settings=settings)
        requests = [
            CompletionRequest(
                text=TEXT[:place], offset=place, path=str(project / "ours.py"), trigger=Trigger.INVOKED
            )
            for place in at
        ]
        return [await service.complete(request) for request in requests]

    return asyncio.run(complete())


def test_copies_of_denied_code_are_withheld_and_with_the_guard_replaced(model, tracer, project):
    backend = LlamaCppBackend.open(model, ModelOptions(threads=1))
    bare = completed(backend, tracer, project, guard=False)
    guarded = completed(backend, tracer, project)
    asyncio.run(backend.close())
    withheld = [number for number, one in enumerate(bare) if one is not None and one.is_withheld]
    assert len(withheld) >= len(PLACES) // 5, "the model knows the file"
    for number in withheld:
        reason = bare[number].ruling.reason
        assert "Lib/colorsys.py" in reason
        assert "licence PSF-2.0 the policy denies" in reason
        assert "line 2 denies PSF-2.0" in reason
    replaced = [guarded[number] for number in withheld if not guarded[number].is_withheld]
    assert len(replaced) > len(withheld) / 2
    for one in replaced:
        assert one.text
        assert one.ruling.verdict.value != "deny"
    for one, other in zip(bare, guarded, strict=True):
        if one is None or not one.is_withheld:
            assert (one and one.text) == (other and other.text), "what is not denied is left alone"


SCRIPTED_AT = places(TEXT)[3]
"""Where already the first word makes a copy of a whole line."""


def scripted() -> ScriptedBackend:
    """Knows nothing else to say than the file."""
    return ScriptedBackend([Reply(text=TEXT[SCRIPTED_AT : SCRIPTED_AT + 300])])


def test_what_cannot_be_written_otherwise_stays_withheld_with_its_reason(tracer, project):
    backend = scripted()
    [completion] = completed(backend, tracer, project, at=[SCRIPTED_AT])
    assert completion.is_withheld
    assert "Lib/colorsys.py" in completion.ruling.reason
    assert len(backend.prompts) == 2


def test_nobody_asks_again_where_denied_code_is_only_marked(tracer, project):
    backend = scripted()
    [marked] = completed(backend, tracer, project, at=[SCRIPTED_AT], on_deny=OnDeny.ANNOTATE)
    assert marked.ruling.decision is Decision.ANNOTATE
    assert len(backend.prompts) == 1


def guard_of(tracer, project, *, at: int, required: str = "") -> RegurgitationGuard:
    backend = ScriptedBackend([])
    around = Surroundings.of(TEXT[:at], "", TraceSettings(), path=str(project / "ours.py"))
    return RegurgitationGuard(tracer, around, required=required, detokenize=backend.detokenize)


def test_the_guard_refuses_what_the_gate_would_withhold_and_nothing_else(tracer, project):
    tokenize = ScriptedBackend([]).tokenize
    at = PLACES[3]
    guard = guard_of(tracer, project, at=at)
    copy = tokenize(TEXT[at : at + 200])
    permitted = [guard.permits(copy[:n], copy[n]) for n in range(len(copy))]
    assert not all(permitted)
    assert guard.refusals == permitted.count(False)
    own = tokenize("print(somewhere.else_entirely)")
    fresh = guard_of(tracer, project, at=at)
    assert all(fresh.permits(own[:n], own[n]) for n in range(len(own)))


def test_white_space_and_half_characters_ask_nobody(tracer, project):
    guard = guard_of(tracer, project, at=PLACES[3])
    tokenize = ScriptedBackend([]).tokenize
    assert all(guard.permits([], token) for token in tokenize(" \n\t"))
    assert guard.traces == 0
    assert guard.permits([], tokenize("é")[0])
    assert guard.traces == 0


def test_what_the_document_has_already_is_not_judged_again(tracer, project):
    """The stream begins with the word before the cursor, which was left out of the prompt."""
    at = PLACES[3]
    asked = []

    class Noting:
        def trace_insertion(self, before, inserted, after, **_):
            asked.append(inserted)
            return ()

    guard = guard_of(Noting(), project, at=at, required=" ret")
    tokens = ScriptedBackend([]).tokenize(" return")
    for n, token in enumerate(tokens):
        assert guard.permits(tokens[:n], token)
    assert asked == [b"u", b"ur", b"urn"], "of what the model adds alone"
