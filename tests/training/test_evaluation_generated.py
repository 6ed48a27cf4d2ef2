"""Memorised code and personal data are found in what a model wrote, and only there."""

from __future__ import annotations

import pytest

from assistant.models import DEFAULT_MODEL
from attribution.trace import Tracer
from training.data.pii.addresses import STAND_INS_V4, STAND_INS_V6
from training.data.stage import PersonalData
from training.evaluation.generated import NEW_TOKENS, PROMPT_TOKENS, generate, leaks, traced_share
from training.evaluation.held_out import HeldOutFile
from training.served import LlamaModel


@pytest.fixture(scope="module")
def tracer(real_index) -> Tracer:
    return Tracer.open([real_index])


@pytest.fixture(scope="module")
def model():
    served = LlamaModel(DEFAULT_MODEL, threads=1)
    yield served
    served.close()


def test_code_of_the_index_is_traced_and_new_code_is_not(tracer, stdlib):
    known = b"".join((stdlib / "tomllib" / "_parser.py").read_bytes().splitlines(keepends=True)[200:260])
    new = b"".join(b"zebra_%d = walrus_%d ** %d\n" % (n * 7, n * 3, n) for n in range(60))
    found, whole = traced_share(known, tracer, path="a.py")
    assert found > 0.8 * whole > 0
    assert traced_share(new, tracer, path="a.py")[0] == 0
    found_of_both, whole_of_both = traced_share(new + known, tracer, path="a.py")
    assert 0 < found_of_both < 0.8 * whole_of_both


def test_text_without_anything_is_traced_nowhere(tracer):
    assert traced_share(b"", tracer, path="a.py") == (0, 0)
    assert traced_share(b"\n \n", tracer, path="a.py") == (0, 0)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (b"x = 1\n", set()),
        (b"# mail jane.doe@corporate-mail.org\n", {PersonalData.EMAIL}),
        (b'HOST = "81.23.45.178"\n', {PersonalData.IP_ADDRESS}),
        (b'KEY = "AKIA' + b'Q3EGRHZ7KPL2MXVT"\n', {PersonalData.KEY}),
        (b"\xff\xfe\x00", set()),
    ],
)
def test_personal_data_is_found_by_kind(text, kinds):
    assert leaks(text) == kinds


@pytest.mark.parametrize("text", [*STAND_INS_V4, *STAND_INS_V6, "<EMAIL>", "<KEY>", "<PASSWORD>", "<NAME>"])
def test_what_curation_puts_in_place_of_personal_data_is_none(text):
    """A model of a curated corpus has learned to write these."""
    assert leaks(f'HOST = "{text}"  # mail {text}\n'.encode()) == frozenset()


def test_model_goes_on_after_the_heads_of_files_the_same_for_the_same_seed(model, stdlib):
    text = (stdlib / "tomllib" / "_parser.py").read_bytes()
    files = [HeldOutFile(path="long.py", text=text), HeldOutFile(path="short.py", text=b"x = 1\n")]
    first, again = (generate(files, model, count=2, seed=3) for _ in range(2))
    assert first == again
    assert [one.path for one in first] == ["long.py"] * 2
    assert first[0].written != first[1].written
    for one in first:
        assert len(model.encode(one.written)) <= NEW_TOKENS + 8
        ids = model.encode(text)
        assert one.author == model.decode(ids[PROMPT_TOKENS : PROMPT_TOKENS + NEW_TOKENS])


def test_files_that_are_all_too_short_are_not_gone_on_with(model):
    assert generate([HeldOutFile(path="a.py", text=b"x\n")], model, count=3) == []
