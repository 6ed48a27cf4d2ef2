"""The one path of every suggestion: prompt, tokens, trim, trace."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from assistant.backends.llama_cpp import LlamaCppBackend
from assistant.backends.protocol import Token
from assistant.backends.scripted import Reply, ScriptedBackend
from assistant.completion import Completion, CompletionRecords, CompletionRequest, Timing, Trigger
from assistant.config import CompletionSettings, Lines, OnDeny, Settings, TraceSettings
from assistant.errors import BackendError
from assistant.models import DEFAULT_MODEL, ModelOptions
from assistant.service import CompletionService
from assistant.tracing import UNTRACED, Decision, decide, head, tail
from attribution.model import Attribution, Kind, Lane, License, Match, Origin, Verdict
from attribution.span import Span
from attribution.swhid import Swhid

pytestmark = pytest.mark.asyncio


def match(verdict: Verdict, *, path: str = "a.py") -> Match:
    origin = Origin(url="https://example.org/p", path=path, license=License(expression="MIT"))
    return Match(
        kind=Kind.LITERAL,
        query=Span(1, 2),
        source=origin.qualify(Swhid.of_content(b"x"), lines=Span(3, 9)),
        origin=origin,
        similarity=0.9,
        containment=0.9,
        tokens=40,
        found_by=(Lane.SEEDS,),
        verdict=verdict,
    )


class FakeTracer:
    """Answers the matches it was given, and remembers what it was asked."""

    def __init__(self, *verdicts: Verdict) -> None:
        self.matches = tuple(match(verdict) for verdict in verdicts)
        self.asked: list[tuple[bytes, bytes, bytes, int]] = []

    def trace(self, content: bytes, *, path: str) -> Attribution:
        raise NotImplementedError

    def trace_insertion(
        self, before: bytes, inserted: bytes, after: bytes, *, first_line: int = 1, path: str = ""
    ):
        self.asked.append((before, inserted, after, first_line))
        return self.matches


def service(*replies: Reply, tracer: FakeTracer | None = None, trace=None, **completion) -> CompletionService:
    settings = Settings(completion=CompletionSettings(**completion), trace=TraceSettings(**(trace or {})))
    backend = ScriptedBackend(replies, context_tokens=2048)
    return CompletionService(backend, tracer=tracer or FakeTracer(), settings=settings)


def request(before: str, after: str = "", *, trigger: Trigger = Trigger.AUTOMATIC) -> CompletionRequest:
    return CompletionRequest(text=before + after, offset=len(before), path="a.py", trigger=trigger)


async def test_the_models_answer_is_suggested():
    completion = await service(Reply(after="x = ", text="1 + 2")).complete(request("x = "))
    assert completion.text == "1 + 2"
    assert completion.model == "scripted"
    assert completion.ruling.decision is Decision.SHOW
    assert completion.timing.generated_tokens == len(" 1 + 2 ")
    assert completion.timing.total_ms >= 0


async def test_characters_that_take_several_tokens_are_whole():
    completion = await service(Reply(after="x = ", text="'ñ🦆'")).complete(request("x = "))
    assert completion.text == "'ñ🦆'"


async def test_half_a_character_is_left_out():
    completion = await service(Reply(text="'ñ🦆'"), max_tokens=5).complete(request("x = "))
    assert completion is None or "\ufffd" not in completion.text


async def test_generating_ends_with_the_line():
    """What comes after would be thrown away, so it is not even generated."""
    answer = Reply(after="x = ", text="1\nmuch more that nobody wants")
    completion = await service(answer).complete(request("x = "))
    assert completion.text == "1"
    assert completion.timing.generated_tokens == len(" 1\n")


async def test_the_last_word_is_left_to_the_model_and_not_suggested_again():
    """It may be half a token, after which a model does not know how to go on."""
    made = service(Reply(after="    ret", text="urn x"))
    completion = await made.complete(request("def f(x):\n    ret"))
    assert completion.text == "urn x"
    [prompt] = made.backend.prompts
    assert not made.backend.detokenize(prompt).endswith(b"ret")


async def test_a_model_that_repeats_itself_is_stopped():
    answer = Reply(after="x = ", text="a.path ", ends=False)
    completion = await service(Reply(after="x = ", text="a" + ".path" * 100)).complete(request("x = "))
    assert completion.text == "a.path"
    assert completion.timing.generated_tokens < 40
    assert (await service(answer).complete(request("x = "))).text == "a.path"


async def test_an_explicit_request_may_span_lines():
    answer = Reply(after="x = ", text="1\ny = 2")
    completion = await service(answer).complete(request("x = ", trigger=Trigger.INVOKED))
    assert completion.text == "1\ny = 2"


async def test_while_typing_the_model_does_not_guess_and_asked_explicitly_it_does():
    backend = LlamaCppBackend.open(DEFAULT_MODEL, ModelOptions(threads=1))

    async def written(min_confidence: float, trigger: Trigger) -> str:
        wanted = CompletionSettings(lines=Lines.SINGLE, min_confidence=min_confidence)
        served = CompletionService(backend, tracer=FakeTracer(), settings=Settings(completion=wanted))
        completion = await served.complete(request("def area(width, height):\n    return ", trigger=trigger))
        return completion.text if completion else ""

    guess = await written(0.0, Trigger.AUTOMATIC)
    assert guess
    assert await written(1.0, Trigger.INVOKED) == guess
    assert await written(1.0, Trigger.AUTOMATIC) == ""
    assert guess.startswith(await written(0.3, Trigger.AUTOMATIC))
    await backend.close()


@pytest.mark.parametrize(("lines", "text"), [(Lines.SINGLE, "a()"), (Lines.MULTIPLE, "a()\nb()")])
async def test_the_setting_of_lines_decides(lines, text):
    completion = await service(Reply(text="a()\nb()"), lines=lines).complete(request("", ""))
    assert completion.text == text


async def test_nothing_worth_suggesting_is_none():
    assert await service(Reply(text="  \n ")).complete(request("x = ")) is None


async def test_out_of_time_what_is_ready_is_used():
    answer = Reply(text="first(word) + second", delay_ms=20, ends=False)
    completion = await service(answer, timeout_ms=400, max_tokens=4000).complete(request("x = "))
    assert "first(word)".startswith(completion.text[:5])


async def test_a_cursor_beyond_the_text_is_its_end():
    wanted = CompletionRequest(text="x = ", offset=400)
    assert (await service(Reply(after="x = ", text="1")).complete(wanted)).text == "1"


async def test_a_document_longer_than_the_context_is_cut():
    before, after = "a = 1\n" * 5000 + "x = ", "\n" + "b = 2\n" * 5000
    assert (await service(Reply(after="x = ", text="1")).complete(request(before, after))).text == "1"


async def test_the_suggestion_is_traced_with_the_code_around_it():
    tracer = FakeTracer()
    before = "".join(f"a{n} = f(b, c)\n" for n in range(50))
    await service(Reply(after="x = ", text="1"), tracer=tracer).complete(
        request(before + "x = ", "\ny = 2\n")
    )
    [(traced_before, inserted, traced_after, first_line)] = tracer.asked
    assert inserted == b"1"
    assert traced_before.endswith(b"x = ")
    assert len(traced_before.split()) >= 30
    assert traced_before.startswith(b"a")
    assert before.split("\n")[first_line - 1] == traced_before.decode().split("\n")[0]
    assert traced_after == b"\ny = 2\n"


async def test_denied_code_is_withheld_and_says_why():
    tracer = FakeTracer(Verdict.ATTRIBUTE, Verdict.DENY)
    made = service(Reply(text="1"), tracer=tracer)
    completion = await made.complete(request("x = "))
    assert completion.is_withheld
    assert "https://example.org/p a.py:3-9" in completion.ruling.reason
    assert "MIT" in completion.ruling.reason
    assert made.records.find(completion.id).completion is completion


@pytest.mark.parametrize(
    ("verdicts", "on_deny", "decision"),
    [
        ((), OnDeny.WITHHOLD, Decision.SHOW),
        ((Verdict.COMMON, Verdict.ALLOW), OnDeny.WITHHOLD, Decision.SHOW),
        ((Verdict.ATTRIBUTE,), OnDeny.WITHHOLD, Decision.ANNOTATE),
        ((Verdict.REVIEW, Verdict.ALLOW), OnDeny.WITHHOLD, Decision.ANNOTATE),
        ((Verdict.ALLOW, Verdict.DENY), OnDeny.WITHHOLD, Decision.WITHHOLD),
        ((Verdict.DENY,), OnDeny.ANNOTATE, Decision.ANNOTATE),
    ],
)
async def test_the_gravest_verdict_decides(verdicts, on_deny, decision):
    ruling = decide(tuple(match(verdict) for verdict in verdicts), on_deny)
    assert ruling.decision is decision
    assert ruling.verdict == max(verdicts, key=lambda v: v.severity, default=Verdict.ALLOW)


async def test_without_an_index_nothing_is_suggested_unless_that_is_wanted():
    backend = ScriptedBackend([Reply(text="1")])
    assert await CompletionService(backend, tracer=None).complete(request("x = ")) is None
    assert backend.prompts == [], "the model is not even asked"
    lax = Settings(trace=TraceSettings(required=False))
    completion = await CompletionService(backend, tracer=None, settings=lax).complete(request("x = "))
    assert completion.ruling is UNTRACED


async def test_switched_off_it_suggests_nothing():
    assert await service(Reply(text="1"), enabled=False).complete(request("x = ")) is None


async def test_inside_a_word_nothing_is_suggested_unless_asked_for():
    made = service(Reply(text="1"))
    assert await made.complete(request("resu", "lt = 1")) is None
    assert await made.complete(request("resu", "lt = 1", trigger=Trigger.INVOKED)) is not None
    assert await made.complete(request("result", " = 1")) is not None


async def test_an_error_of_the_model_is_passed_on():
    with pytest.raises(BackendError, match="out of luck"):
        await service(Reply(text="", error="out of luck")).complete(request("x = "))


async def test_cancelling_frees_the_model_for_the_next_request():
    made = service(Reply(after="slow", text="1" * 100, delay_ms=1000), Reply(after="x = ", text="2"))
    task = asyncio.create_task(made.complete(request("slow")))
    await asyncio.sleep(0)
    while not made.backend.prompts:
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    async with asyncio.timeout(1):
        assert (await made.complete(request("x = "))).text == "2"


def _completion(number: int) -> Completion:
    timing = Timing(prompt_ms=0, decode_ms=0, trace_ms=0, prompt_tokens=1, generated_tokens=1)
    return Completion(id=str(number), text="abc", path="", ruling=UNTRACED, timing=timing, model="m")


async def test_records_are_bounded_and_the_oldest_leave():
    records = CompletionRecords(capacity=3)
    for number in range(5):
        records.add(_completion(number))
    assert len(records) == 3
    assert records.find("1") is None
    assert records.mark_accepted("1") is None
    assert records.find("4") is not None


async def test_what_was_accepted_only_grows():
    records = CompletionRecords()
    records.add(_completion(1))
    assert records.mark_shown("1").shown
    assert records.mark_accepted("1", characters=2).accepted_characters == 2
    assert records.mark_accepted("1", characters=1).accepted_characters == 2
    assert records.mark_accepted("1", characters=99).accepted_characters == 3
    assert records.mark_accepted("1").accepted_characters == 3


async def test_the_code_around_is_whole_lines_with_enough_tokens():
    text = "a = 1\nb = 2\n\nc = "
    assert tail(text, 2) == ("c = ", 4)
    assert tail(text, 3) == ("b = 2\n\nc = ", 2)
    assert tail(text, 99) == (text, 1)
    assert tail("", 9) == ("", 1)
    assert head(" + 1\nb = 2\n", 1) == " + 1\n"
    assert head("", 5) == ""


async def test_lines_of_extraordinary_length_are_cut():
    assert len(tail("x" * 10**6, 64)[0]) < 20_000
    assert len(head("x" * 10**6, 64)) < 20_000


async def test_explicitly_several_different_suggestions_are_made():
    answer = Reply(after="x = ", text="1", others=["4", "1", "2", "2", "3"])
    made = service(answer, candidates=5)
    asked = request("x = ", trigger=Trigger.INVOKED)
    first = await made.complete(asked)
    others = await made.alternatives(asked, beside=first)
    assert [first.text, *(other.text for other in others)] == ["1", "2", "3"]
    assert len({first.id, *(other.id for other in others)}) == 3
    assert all(made.records.find(other.id) is not None for other in others)


async def test_one_candidate_asks_the_model_no_more():
    made = service(Reply(after="x = ", text="1", others=["2"]), candidates=1)
    asked = request("x = ", trigger=Trigger.INVOKED)
    assert await made.alternatives(asked, beside=await made.complete(asked)) == []
    assert len(made.backend.prompts) == 1


async def test_an_alternative_that_the_policy_denies_is_left_out():
    class DeniesTwo(FakeTracer):
        def trace_insertion(self, before, inserted, after, *, first_line=1, path=""):
            return (match(Verdict.DENY),) if b"2" in inserted else ()

    made = service(
        Reply(after="x = ", text="1", others=["3", "2", "3"]), tracer=DeniesTwo(), trace={"guard": False}
    )
    asked = request("x = ", trigger=Trigger.INVOKED)
    others = await made.alternatives(asked, beside=await made.complete(asked))
    assert [other.text for other in others] == ["3"]
    assert others[0].ruling.decision is Decision.SHOW


@pytest.mark.parametrize("control", range(7))
async def test_every_control_token_ends_an_answer_and_none_of_it_is_text(control):
    """Also where a vocabulary spells it out, as other assistants have shown."""

    class Leaking(ScriptedBackend):
        async def generate(self, prompt, **options):
            for token in [Token(id=300, text=b" 1"), Token(id=control, text=b"<file_sep>")]:
                yield token
            raise AssertionError("nothing more is asked for")

    made = CompletionService(Leaking([]), tracer=FakeTracer())
    assert (await made.complete(request("x = "))).text == "1"
