"""The report for people."""

import os
import re

from attribution.report.formats import Context, render
from attribution.trace import Tracer

NAME = os.fsdecode(b"caf\xe9 ") + "\udcc2\udc9b2J.py"


def test_it_is_plain_text_that_says_everything_without_colour(check, facts) -> None:
    text = check(".")
    assert "\x1b" not in text
    (match,) = facts["src/harbour.py"]["matches"]
    first, last = match["query"]["lines"]
    (block,) = [block for block in text.split("\n\n") if block.startswith("src/harbour.py:")]
    assert block.splitlines()[0].startswith(f"src/harbour.py:{first}-{last}  deny  copied code, ")
    assert "\n    licence   GPL-3.0-only  (the policy denies this licence)\n" in block
    assert "\n    reason    no rule: strong copyleft is denied\n" in block
    assert "\n    source    https://git.harbour.example/fleet  fleet.py:6-19\n" in block
    assert text.splitlines()[-1].startswith(f"{len(facts)} files checked: ")


def test_advice_stands_with_the_match_and_its_credit_once(check, project, tmp_path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.sc-attrib.policy]\nlicense = "Apache-2.0"\n')
    for name in ("harbour.py", "pasted.py"):
        (tmp_path / name).write_bytes((project / "src" / name).read_bytes())
    text = check(".", cwd=tmp_path)
    assert "    advice    No: code under GPL-3.0-only may not go into a work under Apache-2.0\n" in text
    assert "    advice    Yes: " in text
    assert text.count("OSADL license compatibility matrix") == 1


def test_what_is_settled_takes_one_line(check, project, tmp_path) -> None:
    """So a project whose old findings stand in a baseline still shows its new ones."""
    (tmp_path / "harbour.py").write_bytes((project / "src" / "harbour.py").read_bytes())
    check(".", "--baseline", "known.json", "--update-baseline", cwd=tmp_path, code=0)
    (tmp_path / "new.py").write_bytes((project / "src" / "pasted.py").read_bytes())
    text = check(".", "--baseline", "known.json", cwd=tmp_path, code=0)
    (line,) = [line for line in text.splitlines() if "harbour.py:" in line]
    assert re.fullmatch(
        r"harbour\.py:\d+-\d+  ignored  copied code, .* tokens, GPL-3\.0-only: in the baseline since .*", line
    )
    new = text.index("new.py:")
    assert text.index("    evidence  ") > new
    assert "in the baseline" not in text[new:]


def test_colour_only_adds_to_the_text(index, project) -> None:
    tracer = Tracer.open([index])
    content = (project / "src" / "harbour.py").read_bytes()
    found = [tracer.trace(content, path="a\x1b[2J\u202e.py")]
    plain, coloured = (
        render("text", found, Context(our_text=lambda _: None, their_text=lambda _: None, colour=colour))
        for colour in (False, True)
    )
    assert "\x1b" not in plain
    assert plain.startswith("a\\x1b[2J\\u202e.py:")
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain
    assert "\x1b[31mdeny\x1b[0m" in coloured


def test_names_that_are_not_utf_8_are_their_bytes_but_for_those_that_control(index, project) -> None:
    """A terminal of eight bits takes 0x9B for the start of a command; so does one of UTF-8 behind 0xC2."""
    found = [Tracer.open([index]).trace((project / "src" / "harbour.py").read_bytes(), path=NAME)]
    text = render("text", found, Context(our_text=lambda _: None, their_text=lambda _: None))
    written = text.encode("utf-8", "surrogateescape")
    assert written.startswith(b"caf\xe9 \xc2\\udc9b2J.py:")
