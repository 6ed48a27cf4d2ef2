"""An origin is entered into a policy as one's own, and nothing else of the file changes."""

from __future__ import annotations

import tomllib

import pytest

from attribution.policy.mistakes import PolicyError
from attribution.policy.owning import with_own

URL = "https://example.org/ours"


def own(text: str, *, table: str = "policy") -> str:
    return with_own(text, URL, table=table, name=".sc-attrib.toml")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f'[policy]\nown = ["{URL}"]\n'),
        ("[policy]", f'[policy]\nown = ["{URL}"]\n'),
        (
            "# said\n[policy] # by us\nreview = []\n",
            f'# said\n[policy] # by us\nown = ["{URL}"]\nreview = []\n',
        ),
        ("[policy]\nown = []\n", f'[policy]\nown = ["{URL}"]\n'),
        ('[policy]\nown = [\n  "a:b", # one\n]\n', f'[policy]\nown = ["{URL}", \n  "a:b", # one\n]\n'),
        ("[other]\nown = [1]", f'[other]\nown = [1]\n\n[policy]\nown = ["{URL}"]\n'),
        ("[policy]\n[other]\nown = [1]\n", f'[policy]\nown = ["{URL}"]\n[other]\nown = [1]\n'),
        ('[[policy.paths]]\nmatch = "a"\n', f'[[policy.paths]]\nmatch = "a"\n\n[policy]\nown = ["{URL}"]\n'),
    ],
)
def test_it_is_entered_where_it_belongs(before, after):
    assert own(before) == after
    tomllib.loads(after)


def test_it_is_entered_into_a_pyproject():
    before = '[project]\nname = "x"\n\n[tool.sc-attrib.policy]\ndeny = []\n'
    after = own(before, table="tool.sc-attrib.policy")
    assert tomllib.loads(after)["tool"]["sc-attrib"]["policy"] == {"own": [URL], "deny": []}


def test_what_is_there_already_is_not_entered_twice():
    assert own(own("")) == own("")


@pytest.mark.parametrize(
    "text", ["[policy", 'policy = {own = ["a:b"]}\n', '[policy]\nx = """\nown = [\n"""\n']
)
def test_what_cannot_be_entered_safely_is_refused_in_a_sentence(text):
    with pytest.raises(PolicyError, match=r"\.sc-attrib\.toml"):
        own(text)
