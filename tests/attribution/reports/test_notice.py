"""The notice, and the copyright statements in it."""

import random
from dataclasses import replace
from importlib.metadata import version

import pytest

from attribution.report.copyrights import copyright_statements
from attribution.report.formats import Context, render
from attribution.trace import Tracer


@pytest.fixture(scope="module")
def notice(check) -> str:
    return check(".", "--format", "notice")


def test_each_work_stands_under_its_licence_with_its_holders_and_places(notice, facts) -> None:
    gpl, bsd = notice.index("\nGPL-3.0-only\n"), notice.index("\nBSD-3-Clause\n")
    assert bsd < notice.index(f"click {version('click')}\nhttps://github.com/pallets/click\n") < gpl
    (match,) = facts["src/harbour.py"]["matches"]
    first, last = match["query"]["lines"]
    swhid = match["source"]["swhid"].partition(";")[0]
    assert notice[gpl:].partition("=\n\n")[2] == (
        "https://git.harbour.example/fleet\n"
        "  Copyright (C) 2019 The Harbour Authors\n"
        "\n"
        f"  src/harbour.py, lines {first}-{last}\n"
        "    from fleet.py, lines 6-19\n"
        f"    https://archive.softwareheritage.org/{swhid}\n"
    )
    assert "https://spdx.org/licenses/" in notice


def test_the_address_of_a_repository_goes_before_its_commit(project, index) -> None:
    commit = f"swh:1:rev:{'94' * 20}"
    found = Tracer.open([index]).trace((project / "src" / "harbour.py").read_bytes(), path="harbour.py")
    (match,) = found.matches
    match = replace(match, origin=replace(match.origin, revision=commit))
    context = Context(our_text=lambda _: None, their_text=lambda _: None)
    notice = render("notice", [replace(found, matches=(match,))], context)
    assert f"https://git.harbour.example/fleet\n{commit}\n" in notice


def test_every_match_is_credited_once(notice, facts) -> None:
    matches = sum(len(file["matches"]) for file in facts.values())
    assert notice.count("    from ") == matches
    assert notice.count("https://github.com/pallets/click\n") == 1
    assert notice.endswith("\n")
    assert not notice.endswith("\n\n")


def test_the_order_of_the_findings_does_not_matter(project, index, facts) -> None:
    tracer = Tracer.open([index])
    found = [tracer.trace((project / path).read_bytes(), path=path) for path in facts]
    context = Context(our_text=lambda _: None, their_text=tracer.known_text)
    notices = set()
    for seed in range(5):
        random.Random(seed).shuffle(found)
        notices.add(render("notice", [*found, found[0]], context))
    assert len(notices) == 1


def test_without_their_texts_no_holder_is_invented(check, index_without_texts) -> None:
    notice = check("src/harbour.py", "--format", "notice", "--index", index_without_texts)
    assert "https://git.harbour.example/fleet" in notice
    assert "Copyright" not in notice


def test_ignored_code_and_nothing_need_no_credit(check, project, tmp_path) -> None:
    nothing = check("own.py", "--format", "notice", code=0)
    assert nothing == "NOTICE\n\nNo code was found that must be credited to others.\n"
    text = (project / "src" / "harbour.py").read_text()
    (tmp_path / "a.py").write_text(text.replace("def assign", "# sc-attrib: ignore ours\ndef assign"))
    assert check("a.py", "--format", "notice", cwd=tmp_path, code=0) == nothing


@pytest.mark.parametrize(
    ("line", "statement"),
    [
        ("# Copyright 2014 Pallets", "Copyright 2014 Pallets"),
        (
            " * Copyright (C) 1999, A. Author <a@example.org>. */",
            "Copyright (C) 1999, A. Author <a@example.org>.",
        ),
        ("// © 2001 Jane", "© 2001 Jane"),
        ("/* (c) 2020 Jane */", "(c) 2020 Jane"),
        ("-- Copyright The Harbour Authors", "Copyright The Harbour Authors"),
        ("# SPDX-FileCopyrightText: 2020 Jane", "Copyright 2020 Jane"),
        ("# SPDX-FileCopyrightText: © 2020 Jane", "© 2020 Jane"),
        ("# the above copyright notice and this permission notice", None),
        ("#  copyright owner(s)", None),
        ("copyright = None", None),
        ("show_copyright()", None),
    ],
)
def test_a_copyright_statement_is_told_from_other_lines(line: str, statement: str | None) -> None:
    found = copyright_statements(f"{line}\nx = 1\n{line}\n".encode())
    assert found == (() if statement is None else (statement,))
