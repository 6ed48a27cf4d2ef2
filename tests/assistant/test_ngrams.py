"""What follows the same code nearby: found as a plain scan finds it, mixed as the formula says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.backends.llama_cpp import LlamaCppBackend
from assistant.completion import CompletionRequest, Trigger
from assistant.config import CompletionSettings, Lines, Settings, TraceSettings
from assistant.models import DEFAULT_MODEL, ModelOptions
from assistant.ngrams.matches import LEAST_TOKENS, MOST_TOKENS, Followers, SortedTexts, TokenTexts
from assistant.ngrams.mixing import NearbyCode, mix, weight_of
from assistant.ngrams.nearby import MOST_CHARACTERS, MOST_CHARACTERS_IN_ALL, NearbyFiles
from assistant.service import CompletionService

VOCABULARY = 8
NO_ENDS = np.zeros(VOCABULARY, dtype=np.bool_)
ids = st.lists(st.integers(0, 3), max_size=40)


def scanned(texts, context):
    """The longest match and what follows it, by looking everywhere."""
    for length in range(min(len(context), MOST_TOKENS), LEAST_TOKENS - 1, -1):
        wanted = context[len(context) - length :]
        found = [
            text[place]
            for text in texts
            for place in range(length, len(text))
            if text[place - length : place] == wanted
        ]
        if found:
            return length, {token: found.count(token) for token in found}
    return None


@pytest.mark.parametrize("kind", [TokenTexts, SortedTexts])
@given(texts=st.lists(ids, max_size=4), context=ids)
def test_matches_are_those_of_a_plain_scan(kind, texts, context):
    found = kind(texts).followers(context)
    shown = None
    if found is not None:
        shown = found.length, dict(zip(found.tokens.tolist(), found.counts.tolist(), strict=True))
    assert shown == scanned(texts, context)


@pytest.mark.parametrize("kind", [TokenTexts, SortedTexts])
def test_no_match_reaches_from_one_text_into_the_next(kind):
    texts = kind([[1, 2], [3, 4]])
    assert texts.followers([1, 2]) is None
    assert texts.followers([2, 3]) is None


def followers(length=4, **counts):
    tokens = np.array([int(name.strip("t")) for name in counts], dtype=np.int32)
    return Followers(tokens=tokens, counts=np.array(list(counts.values())), length=length)


def chances(logits):
    return np.exp(logits) / np.exp(logits).sum()


def test_mixed_chances_are_a_weighted_mean():
    logits = np.log(np.array([0.5, 0.3, 0.1, 0.05, 0.02, 0.01, 0.01, 0.01], dtype=np.float32))
    found = followers(t1=3, t2=1)
    expected = chances(logits) * (1 - weight_of(found))
    expected[[1, 2]] += weight_of(found) * np.array([0.75, 0.25])
    assert np.exp(mix(logits, found, NO_ENDS, weight=weight_of(found))) == pytest.approx(expected, rel=1e-5)


def test_longer_and_more_frequent_and_unanimous_matches_weigh_more():
    weights = [weight_of(f) for f in (followers(2, t1=1), followers(8, t1=1), followers(8, t1=5))]
    assert weights == sorted(weights)
    assert weight_of(followers(8, t1=3, t2=2)) < weights[-1] < 1


def test_forbidden_tokens_stay_forbidden():
    logits = np.zeros(VOCABULARY, dtype=np.float32)
    logits[3] = -np.inf
    assert mix(logits, followers(16, t3=9), NO_ENDS, weight=0.9)[3] == -np.inf


def test_a_line_that_ended_says_nothing_about_where_the_gap_ends():
    """Tokens 6 and 7 end a line; the match ended with 6, the model prefers 7 of the two."""
    ends = NO_ENDS.copy()
    ends[6:] = True
    logits = np.log(np.array([0.4, 0.3, 0.1, 0.05, 0.02, 0.01, 0.04, 0.08], dtype=np.float32))
    mixed = np.exp(mix(logits, followers(16, t6=9), ends, weight=0.95))
    assert mixed[7] == pytest.approx(2 * mixed[6], rel=1e-4)
    assert mixed[6:].sum() > 0.9
    assert mixed.sum() == pytest.approx(1.0, rel=1e-4)


def shaped(context, *, here=(), elsewhere=(), generated=()):
    logits = np.zeros(VOCABULARY, dtype=np.float32)
    code = NearbyCode(
        context, here=TokenTexts(here), elsewhere=TokenTexts(elsewhere), line_ends=lambda _: NO_ENDS
    )
    code.shape(list(generated), logits)
    return logits


def test_what_was_generated_is_a_part_of_the_context():
    assert shaped([1], elsewhere=[[1, 2, 5]]).max() == 0.0
    assert shaped([1], elsewhere=[[1, 2, 5]], generated=[2]).argmax() == 5


def test_the_longer_match_wins_and_the_nearer_of_equal_ones():
    assert shaped([1, 2], here=[[1, 2, 4]], elsewhere=[[1, 2, 5]]).argmax() == 4
    assert shaped([3, 1, 2], here=[[1, 2, 4]], elsewhere=[[3, 1, 2, 5]]).argmax() == 5


def test_logits_without_a_match_or_without_hope_are_left_alone():
    assert not shaped([1, 2]).any()
    logits = np.full(VOCABULARY, -np.inf, dtype=np.float32)
    code = NearbyCode(
        [1, 2], here=TokenTexts([[1, 2, 3]]), elsewhere=TokenTexts([]), line_ends=lambda _: NO_ENDS
    )
    code.shape([], logits)
    assert (logits == -np.inf).all()


class CountingBackend:
    """The bundled model's vocabulary, counting the characters that it tokenises."""

    def __init__(self, backend):
        self._backend = backend
        self.fim_ids = backend.fim_ids
        self.detokenize = backend.detokenize
        self.characters = 0

    def tokenize(self, text):
        self.characters += len(text)
        return self._backend.tokenize(text)


@pytest.fixture(scope="module")
def bundled():
    backend = LlamaCppBackend.open(DEFAULT_MODEL, ModelOptions(threads=1))
    yield backend
    asyncio.run(backend.close())


@pytest.fixture
def counting(bundled):
    return CountingBackend(bundled)


SOURCE = Path(CompletionService.__init__.__code__.co_filename).read_text("utf-8")


def asking(before="", after="", others=None, unopened=None):
    """The end of a prompt, and the request that it is for."""
    request = CompletionRequest(
        text=before + after,
        offset=len(before),
        path="typed.py",
        others=others or {},
        unopened=unopened or {},
    )
    return before, request


def patient(backend):
    return NearbyFiles(backend, longest_wait_s=None)


@pytest.mark.asyncio
async def test_typing_tokenises_the_line_that_was_typed_on_and_no_more(counting):
    files = patient(counting)
    place = SOURCE.index("        self.backend = backend")
    await files.shaping(*asking(SOURCE[:place], SOURCE[place:], {"a.py": SOURCE}))
    for typed in ("x", "x = 1"):
        counting.characters = 0
        await files.shaping(*asking(SOURCE[:place] + typed, SOURCE[place:], {"a.py": SOURCE}))
        assert counting.characters == len("\n" + typed)


@pytest.mark.asyncio
async def test_a_new_line_tokenises_the_one_above_it(counting):
    files = patient(counting)
    await files.shaping(*asking("a = 1\nb = 2\nc = 3", "\n"))
    counting.characters = 0
    await files.shaping(*asking("a = 1\nb = 2\nc = 3\nd", "\n"))
    assert counting.characters == len("\nc = 3") + len("\nd")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "before", ["", "a = 1", "a = 1\n", "a = 1\r\n\r\n  b", "\n\n", "x" * 70_000, "y = 1\n" * 20_000]
)
async def test_what_is_looked_through_is_the_end_of_the_document_whatever_was_asked_before(bundled, before):
    files = patient(bundled)
    for other in ("a = 1\nb", "a = 1\nb\n\nc", before[: len(before) // 2]):
        await files.shaping(*asking(other))
    code = await files.shaping(*asking(before, "end()"))
    here = bundled.detokenize([i for i in code._here._ids.tolist() if i >= 0]).decode()
    assert here.startswith("end()")
    looked_through = here.removeprefix("end()")
    assert before.endswith(looked_through)
    assert len(looked_through) >= min(len(before), MOST_CHARACTERS - 4096)
    assert len(looked_through) <= MOST_CHARACTERS


@pytest.mark.asyncio
async def test_of_very_many_files_some_are_left_out_and_open_ones_come_first(counting):
    whole = "x = 1\n" * (MOST_CHARACTERS // 6)
    count = MOST_CHARACTERS_IN_ALL // len(whole) + 4
    unopened = {f"{number}.py": whole for number in range(count)}
    files = patient(counting)
    await files.shaping(*asking("", "", {"open.py": whole}, unopened))
    assert "open.py" in files._known.files
    assert len(whole) * len(files._known.files) <= MOST_CHARACTERS_IN_ALL
    assert len(files._known.files) >= count - 5


async def mixed(files, **others):
    logits = np.zeros(8192, dtype=np.float32)
    code = await files.shaping(*asking("alpha = beta_", **others))
    code.shape([], logits)
    return bool(logits.any())


KNOWN = {"b.py": "alpha = beta_gamma\n"}


@pytest.mark.asyncio
async def test_a_file_that_was_closed_or_may_not_be_shown_any_more_is_forgotten_at_once(counting):
    files = NearbyFiles(counting, longest_wait_s=0.0)
    await mixed(files, others=KNOWN)
    await files._reading
    assert await mixed(files, others=KNOWN)
    assert not await mixed(files, others={})


@pytest.mark.asyncio
async def test_files_that_are_not_open_are_read_beside_and_not_waited_for(counting):
    files = NearbyFiles(counting, longest_wait_s=60.0)
    assert not await mixed(files, unopened=KNOWN)
    await files._reading
    assert await mixed(files, unopened=KNOWN)
    assert await mixed(patient(counting), unopened=KNOWN)


@pytest.mark.asyncio
async def test_the_bundled_model_goes_on_as_an_open_file_does(bundled):
    """A name that no model could guess, from another file."""
    before = "def total(order):\n    return order.zanzibar"
    settings = Settings(
        completion=CompletionSettings(lines=Lines.SINGLE), trace=TraceSettings(required=False)
    )
    line = "    return order.zanzibar_quagga_tariff(7)\n"
    others = {"other.py": f"def sum_up(order):\n{line}\n\ndef again(order):\n{line}"}

    async def suggested(nearby, others):
        service = CompletionService(bundled, tracer=None, settings=settings, nearby=nearby)
        request = CompletionRequest(
            text=before, offset=len(before), path="a.py", trigger=Trigger.INVOKED, others=others
        )
        completion = await service.complete(request)
        return "" if completion is None else completion.text

    assert await suggested(patient(bundled), others) == "_quagga_tariff(7)"
    assert "quagga" not in await suggested(None, others)
    assert "quagga" not in await suggested(patient(bundled), {})
