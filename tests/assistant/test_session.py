"""What happens between keystrokes."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.backends.scripted import Reply, ScriptedBackend
from assistant.completion import CompletionRecords, CompletionRequest, Trigger
from assistant.config import Settings, TraceSettings
from assistant.service import CompletionService
from assistant.session.pace import Pace
from assistant.session.session import Session
from assistant.session.suggestions import Suggestions

pytestmark = pytest.mark.asyncio


def request(before: str, after: str = "", *, path: str = "a.py", invoked: bool = False) -> CompletionRequest:
    trigger = Trigger.INVOKED if invoked else Trigger.AUTOMATIC
    return CompletionRequest(text=before + after, offset=len(before), path=path, trigger=trigger)


class Desk:
    """A session in front of a real service with a scripted model."""

    def __init__(self, *replies: Reply, pace: Pace | None = None, foresees: bool = True) -> None:
        self.records = CompletionRecords()
        self.backend = ScriptedBackend(replies)
        self.service = CompletionService(
            self.backend,
            tracer=None,
            settings=Settings(trace=TraceSettings(required=False)),
            records=self.records,
        )
        self.session = Session(self.records, pace=pace, foresees=foresees)

    async def complete(self, before: str, after: str = "", **other) -> str | None:
        found = await self.session.complete(request(before, after, **other), self.service.complete)
        return found.text if found else None

    @property
    def computations(self) -> int:
        return len(self.backend.prompts)


async def test_typing_along_a_suggestion_asks_no_model():
    desk = Desk(Reply(after="total = ", text="price * count"))
    for typed in range(len("price * count")):
        shown = await desk.complete("total = " + "price * count"[:typed], "\nnext()\n")
        assert shown == "price * count"[typed:]
    assert desk.computations == 1
    assert desk.session.counts.continued == 12


async def test_a_rest_is_a_record_of_its_own_with_the_ruling_of_the_whole():
    desk = Desk(Reply(after="x = ", text="value"))
    whole = await desk.session.complete(request("x = "), desk.service.complete)
    rest = await desk.session.complete(request("x = va"), desk.service.complete)
    assert rest.id != whole.id
    assert rest.ruling == whole.ruling
    assert rest.timing.generated_tokens == 0
    assert desk.records.mark_accepted(rest.id).accepted_characters == len("lue")


async def test_taking_typed_letters_back_brings_the_suggestion_back():
    desk = Desk(Reply(after="x = ", text="value"))
    await desk.complete("x = ")
    await desk.complete("x = val")
    desk.session.edited("a.py", is_deletion=True)
    assert await desk.complete("x = v") == "alue"
    assert desk.computations == 1


async def test_a_deletion_asks_for_nothing_until_something_is_typed():
    desk = Desk(Reply(text="value"))
    desk.session.edited("a.py", is_deletion=True)
    assert await desk.complete("x =") is None
    assert await desk.complete("y = ", path="b.py") == "value"
    assert await desk.complete("x = ", invoked=True) == "value"
    desk.session.edited("a.py", is_deletion=False)
    assert await desk.complete("x  = ") == "value"


async def test_brackets_that_the_editor_closes_are_no_other_document():
    desk = Desk(Reply(after="f = ", text="open(name)"), Reply(text="other"))
    await desk.complete("f = ", "\n")
    assert await desk.complete("f = open(", ")\n") == "name"
    assert await desk.complete("f = open(name", ")\n") == "other"


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [("x = w", "", "a.py"), ("y = ", "", "a.py"), ("x = ", "#", "a.py"), ("x = ", "", "b.py")],
)
async def test_another_place_is_another_suggestion(before, after, path):
    desk = Desk(Reply(text="value"))
    await desk.complete("x = ")
    await desk.complete(before, after, path=path)
    assert desk.computations == 2


async def test_asking_on_purpose_asks_the_model():
    desk = Desk(Reply(text="value"))
    await desk.complete("x = ")
    await desk.complete("x = ", invoked=True)
    assert desk.computations == 2


async def test_the_suggestion_after_an_accepted_one_is_begun_at_once():
    desk = Desk(Reply(after="x = ", text="f(a)"), Reply(after="f(a)", text=" + g(b)", delay_ms=1))
    first = await desk.session.complete(request("x = ", "\n"), desk.service.complete)
    desk.session.accepted(first.id, desk.service.complete)
    assert await desk.complete("x = f(a)", "\n") == " + g(b)"
    assert desk.computations == 2
    assert desk.session.counts.foreseen == 1


async def test_what_was_foreseen_for_another_place_is_stopped():
    desk = Desk(
        Reply(after="x = ", text="f(a)"),
        Reply(after="f(a)", text=" + g(b)", delay_ms=60_000),
        Reply(text="1"),
    )
    first = await desk.session.complete(request("x = "), desk.service.complete)
    desk.session.accepted(first.id, desk.service.complete)
    await asyncio.sleep(0.01)
    assert await desk.complete("y = ") == "1"
    await desk.session.close()


async def test_what_goes_wrong_ahead_of_time_is_told_when_it_is_asked_for():
    desk = Desk(Reply(after="x = ", text="f(a)"), Reply(after="f(a)", text="", error="broken"))
    first = await desk.session.complete(request("x = "), desk.service.complete)
    desk.session.accepted(first.id, desk.service.complete)
    await asyncio.sleep(0.01)
    with pytest.raises(Exception, match="broken"):
        await desk.complete("x = f(a)")


async def test_cancelling_who_waits_for_a_foreseen_suggestion_stops_the_model():
    desk = Desk(Reply(after="x = ", text="f(a)"), Reply(after="f(a)", text=" + g(b)", delay_ms=60_000))
    first = await desk.session.complete(request("x = "), desk.service.complete)
    desk.session.accepted(first.id, desk.service.complete)
    waiting = asyncio.create_task(desk.complete("x = f(a)"))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(desk.backend.close(), timeout=30)


async def test_new_settings_make_new_suggestions():
    desk = Desk(Reply(text="value"))
    await desk.complete("x = ")
    desk.session.configure(foresees=True, most_wait_s=0.0)
    await desk.complete("x = ")
    assert desk.computations == 2


async def test_a_file_that_was_opened_since_may_know_better():
    desk = Desk(Reply(text="value"))
    await desk.complete("x = ")
    others = {"b.py": "x = valid"}
    await desk.session.complete(replace(request("x = v"), others=others), desk.service.complete)
    assert desk.computations == 1
    await desk.session.complete(replace(request("x = "), others=others), desk.service.complete)
    assert desk.computations == 2


async def test_a_fast_model_is_asked_at_once_and_a_slow_one_in_a_pause():
    pace = Pace(most_s=0.15)
    assert pace.delay_s == 0.0
    for press in range(20):
        pace.struck(press * 0.1)
    pace.answered(0.05)
    assert pace.delay_s == 0.0
    for _ in range(20):
        pace.answered(2.0)
    assert pace.delay_s == pytest.approx(0.125, abs=0.01)
    for press in range(20):
        pace.struck(100 + press * 0.5)
    assert pace.delay_s == 0.15
    pace.struck(10_000)
    assert pace.delay_s == 0.15


async def test_a_model_that_is_never_waited_for_is_known_to_be_slow():
    """Whoever types on cancels each request: without a measurement the model would be asked at every key."""
    pace = Pace(most_s=0.15)
    for press in range(20):
        pace.struck(press * 0.1)
    pace.gave_up(0.05)
    assert pace.delay_s == 0.0, "less than the time between two keys proves nothing"
    for _ in range(20):
        pace.gave_up(0.11)
    assert pace.delay_s == pytest.approx(0.125, abs=0.01)
    known = Pace(most_s=0.15)
    known.answered(10.0)
    before = known._answer_s
    known.gave_up(0.1)
    assert known._answer_s == before, "to have waited shorter says nothing of a model that is slower"


async def test_a_request_that_is_cancelled_tells_how_long_it_was_waited_for():
    now = [0.0]
    desk = Desk(Reply(text="value", delay_ms=60_000))
    desk.session = Session(desk.records, pace=(pace := Pace()), clock=lambda: now[0])
    waiting = asyncio.create_task(desk.complete("x = "))
    await asyncio.sleep(0.01)
    now[0] = 5.0
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert pace.delay_s > 0


async def test_a_suggestion_that_comes_again_stays_accepted():
    desk = Desk(Reply(text="value"))
    first = await desk.session.complete(request("x = "), desk.service.complete)
    desk.records.mark_accepted(first.id, characters=3)
    again = await desk.session.complete(request("x = "), desk.service.complete)
    assert again.id == first.id
    assert desk.records.find(first.id).accepted_characters == 3


async def test_who_types_on_during_the_pause_costs_nothing():
    pace = Pace(most_s=30)
    for press in range(20):
        pace.struck(press * 0.9)
    for _ in range(20):
        pace.answered(100.0)
    desk = Desk(Reply(text="value"), pace=pace)
    waiting = asyncio.create_task(desk.complete("x = "))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert desk.computations == 0


async def test_suggestions_in_long_documents_are_forgotten_sooner():
    kept = Suggestions(most_characters=1000)
    made = await CompletionService(
        ScriptedBackend([Reply(text="value")]),
        tracer=None,
        settings=Settings(trace=TraceSettings(required=False)),
    ).complete(request("x = "))
    for number, length in enumerate((100, 500, 600, 5000)):
        kept.add(request("a" * length), replace(made, id=str(number)))
    assert [kept.find(str(number)) is not None for number in range(4)] == [False, False, False, True]
    kept.add(request("b"), replace(made, id="4"))
    assert kept.find("3") is None
    assert kept.find("4") is not None


@given(seed=st.integers(0, 1_000_000))
async def test_whatever_is_typed_a_rest_always_completes_the_suggestion(seed: int):
    """Prefix and rest together are a prefix and a suggestion that the model made for it."""
    draw = random.Random(seed)
    desk = Desk(Reply(after="(", text="ab(c), 'd'"), Reply(text="abba()"))
    before, after = "", draw.choice(["", ")", "\n"])
    made: dict[str, str] = {}
    for _ in range(30):
        computed = desk.computations
        shown = await desk.complete(before, after)
        if desk.computations > computed and shown:
            made[before] = shown
        elif shown:
            assert any((before + shown) == start + text for start, text in made.items())
        action = draw.random()
        if action < 0.5 and shown:
            before += shown[: draw.randint(1, len(shown))]
        elif action < 0.7:
            before = before[: -draw.randint(1, 4)]
        else:
            before += draw.choice("(ab'\n")
