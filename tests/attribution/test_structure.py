"""Structural seeds stay when names, comments and layout change, and change when the structure does."""

import importlib.util
import keyword
import tokenize as python_tokenize
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from attribution.fingerprint.fingerprint import fingerprint
from attribution.fingerprint.line_classes import LineClass, line_classes
from attribution.fingerprint.seeds import all_seeds, winnow
from attribution.fingerprint.structure import (
    DISTINCT_SYMBOLS,
    STRUCTURE_TOKENS,
    StructureStream,
    structural_seeds,
    structure,
    structure_sketches,
)
from attribution.fingerprint.tokens import count_lines, tokenize
from attribution.languages import Language, language_named, language_of_path
from attribution.languages.tables import GENERIC, TABLES

PYTHON = language_named("Python")
EVERY_LANGUAGE = [*TABLES.values(), GENERIC]


def load_oracle(name: str):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "oracles" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


by_definition = load_oracle("structure_by_definition")


def lexed(text: str, language: Language | str) -> list[tuple[str, bool]]:
    """The structural tokens, as text up to the next one's start, and whether they are names."""
    found = language if isinstance(language, Language) else language_named(language)
    content = text.encode()
    stream = structure(content, found)
    ends = [*stream.starts[1:].tolist(), len(content)]
    texts = [content[a:b].decode().strip() for a, b in zip(stream.starts.tolist(), ends, strict=True)]
    return list(zip(texts, stream.is_name.tolist(), strict=True))


def words(text: str, language: str) -> list[str]:
    return [token for token, _ in lexed(text, language)]


def seeds_of(content: bytes, language: Language = PYTHON) -> list[tuple[int, int]]:
    seeds = structural_seeds(structure(content, language))
    return list(zip(seeds.hashes.tolist(), seeds.positions.tolist(), strict=True))


# -- seeds and sketches against their definitions


STREAMS = st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=80)


@given(STREAMS, st.randoms(use_true_random=False))
def test_seeds_and_sketches_follow_their_definition(tokens, random) -> None:
    """Few distinct tokens, so that names repeat and k-grams are left out."""
    hashes = [by_definition.mix(symbol + 100 * is_name + 1) for symbol, is_name in tokens]
    is_name = [is_name for _, is_name in tokens]
    lines = sorted(random.randrange(1, 9) for _ in tokens)
    stream = StructureStream(
        hashes=np.array(hashes, np.uint64),
        previous=np.where(np.array(is_name, bool), 0, -1).astype(np.int32),
        starts=np.arange(len(tokens)),
        lines=np.array(lines, np.int32),
    )
    seeds = structural_seeds(stream)
    assert list(zip(seeds.hashes.tolist(), seeds.positions.tolist(), strict=True)) == (
        by_definition.structural_seeds(hashes, is_name, k=STRUCTURE_TOKENS, least_distinct=DISTINCT_SYMBOLS)
    )
    expected = by_definition.structure_sketches(hashes, is_name, lines, 9)
    assert structure_sketches(stream, 9).tolist() == expected


def test_previous_is_the_distance_to_the_same_name(stdlib: Path) -> None:
    stream = structure((stdlib / "shutil.py").read_bytes(), PYTHON)
    last: dict[int, int] = {}
    for at, (hash_, previous) in enumerate(
        zip(stream.hashes.tolist(), stream.previous.tolist(), strict=True)
    ):
        if previous >= 0:
            distance = at - last[hash_] if hash_ in last else 0
            assert previous == (distance if distance < STRUCTURE_TOKENS else 0)
            last[hash_] = at


@pytest.mark.parametrize("window", [16, 48])
def test_one_call_finds_what_the_single_steps_find(stdlib: Path, window: int) -> None:
    for path in sorted(stdlib.glob("*.py"))[::12]:
        content = path.read_bytes()
        made = fingerprint(
            content, language=PYTHON, window_tokens=window, with_structure=True, with_signature=False
        )
        tokens, stream = tokenize(content), structure(content, PYTHON)
        for kept, seeds, lines in (
            (made.literal, winnow(all_seeds(tokens), window=window), tokens.lines),
            (made.structural, winnow(structural_seeds(stream), window=window), stream.lines),
        ):
            assert kept.keys.tolist() == seeds.keys.tolist()
            assert kept.lines.tolist() == lines[seeds.positions].tolist()
        assert made.structure_sketches.tolist() == structure_sketches(stream, tokens.line_count).tolist()
        assert made.token_count == len(tokens)


# -- what changes seeds, and what does not


def renamed(content: bytes, language: Language, names: dict[bytes, bytes], only: int | None = None) -> bytes:
    """Put other names in the places of names; with ``only``, in the place of that one token."""
    stream = structure(content, language)
    pieces, done = [], 0
    for at in np.flatnonzero(stream.is_name).tolist() if only is None else [only]:
        start = int(stream.starts[at])
        end = start
        while end < len(content) and (
            content[end : end + 1].isalnum() or content[end] == 95 or content[end] > 127
        ):
            end += 1
        old = content[start:end]
        pieces += [content[done:start], names.setdefault(old, b"renamed_%d" % len(names))]
        done = end
    return b"".join([*pieces, content[done:]])


def test_a_consistent_renaming_changes_no_structural_seed_and_no_sketch(stdlib: Path) -> None:
    for path in sorted(stdlib.glob("*.py"))[::9]:
        content = path.read_bytes()
        other = renamed(content, PYTHON, {})
        if not content.strip():
            continue
        before, after = structure(content, PYTHON), structure(other, PYTHON)
        assert seeds_of(content) == seeds_of(other)
        assert np.array_equal(before.previous, after.previous)
        lines = count_lines(content)
        assert np.array_equal(structure_sketches(before, lines), structure_sketches(after, lines))


NAMES = st.sampled_from(["a", "b", "größe", "total", "_x"])
FIXED = st.sampled_from(["if", "return", "(", ")", "=", "+", "1", "0.5", "'text'", '"other"', ".", ":"])
PROGRAMS = st.lists(NAMES | FIXED, min_size=20, max_size=90)


@given(PROGRAMS, st.permutations(["a", "b", "größe", "total", "_x"]))
def test_any_permutation_of_names_is_a_consistent_renaming(program, order) -> None:
    names = dict(zip(["a", "b", "größe", "total", "_x"], order, strict=True))
    other = [names.get(word, word) for word in program]
    assert seeds_of(" ".join(program).encode()) == seeds_of(" ".join(other).encode())


@given(PROGRAMS, st.data())
def test_an_inconsistent_renaming_changes_the_k_grams_that_see_it(program, data) -> None:
    """Those that hold the renamed occurrence and its previous one change; those without it do not."""
    content = " ".join(program).encode()
    stream = structure(content, PYTHON)
    places = np.flatnonzero(stream.previous > 0).tolist()
    assume(places)
    place = data.draw(st.sampled_from(places))
    other = renamed(content, PYTHON, {b"": b""}, only=place)
    before = {position: seed for seed, position in seeds_of(content)}
    after = {position: seed for seed, position in seeds_of(other)}
    for position in before.keys() & after.keys():
        holds = range(position, position + STRUCTURE_TOKENS)
        if place in holds and place - int(stream.previous[place]) in holds:
            assert before[position] != after[position]
        elif place not in holds:
            assert before[position] == after[position]


COMMENTS = {
    "Python": ["# it's a \"comment\n"],
    "Ruby": [" # it's a comment\n", "\n=begin\nit's\n=end\n"],
    "Shell": [" # it's\n"],
    "JavaScript": ["// it's `\n", "/* it's \" ` // */"],
    "TypeScript": ["// it's\n", "/* * / */"],
    "Java": ["// it's\n", "/** it's\n * @x */"],
    "C": ["// it's\n", "/* it's */"],
    "C++": ["// it's\n", '/* R"( */'],
    "Go": ["// it's `\n", "/* ` */"],
    "Rust": ["// it's\n", "/* a /* nested ' */ comment */"],
    "C#": ["/// <summary>it's</summary>\n", '/* @" */'],
    "PHP": ["// it's\n", "# it's\n", "/* it's */"],
    "Kotlin": ["/* /* ' */ */"],
    "Swift": ["/* /* ' */ */"],
    "Scala": ["/* /* ' */ */"],
    "Lua": ["-- it's\n", "--[[ it's\n ]]"],
    "Perl": [" # it's\n", "\n=pod\nit's\n\n=cut\n"],
    "SQL": ["-- it's\n", "/* it's */"],
    "generic": [" // it's\n", " # it's\n", "/* it's */", " -- it's\n"],
}


@pytest.mark.parametrize("name", sorted(COMMENTS))
@settings(max_examples=20)
@given(program=PROGRAMS, data=st.data())
def test_comments_and_layout_change_nothing(name: str, program, data) -> None:
    language = TABLES.get(name, GENERIC)
    program = [word.replace("'", '"') for word in program]
    with_comments = []
    for word in program:
        with_comments.append(word)
        with_comments.append(data.draw(st.sampled_from([" ", "\n", "\t", *COMMENTS[name]])))
        with_comments.append(" ")
    plain, other = " ".join(program).encode(), "".join(with_comments).encode()
    assert structure(plain, language).hashes.tolist() == structure(other, language).hashes.tolist()
    assert seeds_of(plain, language) == seeds_of(other, language)


@pytest.mark.parametrize("window", [16, 48])
@given(before=PROGRAMS, after=PROGRAMS, random=st.randoms(use_true_random=False))
def test_a_shared_run_shares_a_structural_seed_whatever_its_names(window, before, after, random) -> None:
    """The winnowing guarantee: k + w - 1 tokens all of whose k-grams are seeds."""
    count = STRUCTURE_TOKENS + window - 1
    run = [random.choice(["a", "b", "c", "(", ")", ".", "if", str(n), f"v{n}"]) for n in range(count)]
    names = {"a": "x", "b": "yy", "c": "z"}
    assume(len(seeds_of(" ".join(run).encode())) == window)
    indexed = structural_seeds(structure(" ".join([*before, *run, *after]).encode(), PYTHON))
    other = [names.get(word, word.replace("v", "w")) for word in run]
    queried = structural_seeds(structure(" ".join(other).encode(), PYTHON))
    assert np.isin(winnow(indexed, window=window).hashes, queried.hashes).any()


def test_rows_that_are_alike_everywhere_are_no_seeds() -> None:
    rows = b"".join(b"self.%s = %s\n" % (name, name) for name in (b"a", b"b", b"c", b"d", b"e", b"f", b"g"))
    assert seeds_of(rows) == []
    assert seeds_of(b"0, " * 100) == []
    assert len(seeds_of(b"x = [" + b", ".join(b"%d" % n for n in range(50)) + b"]")) > 50


# -- lexing


def test_names_are_those_of_pythons_own_tokenizer(stdlib: Path) -> None:
    """All words outside strings and comments, in order, and which of them are keywords."""
    compared = 0
    for path in sorted(stdlib.glob("*.py"))[::4]:
        content = path.read_bytes()
        theirs = list(python_tokenize.tokenize(BytesIO(content).readline))
        names = [t.string for t in theirs if t.type == python_tokenize.NAME]
        strings = [t.string for t in theirs if t.type == python_tokenize.STRING]
        if any("\\\n" in text and '"""' not in text and "'''" not in text for text in strings):
            continue
        stream = structure(content, PYTHON)
        starts = stream.starts[stream.is_name | _is_keyword(stream)].tolist()
        found = [_word_at(content, start) for start in starts]
        assert found == names, path
        kept = [_word_at(content, start) for start in stream.starts[stream.is_name].tolist()]
        assert kept == [n for n in names if not keyword.iskeyword(n)]
        compared += 1
    assert compared > 20


def _is_keyword(stream: StructureStream) -> np.ndarray:
    keywords = tokenize(PYTHON.keywords.encode()).hashes
    return np.isin(stream.hashes, keywords)


def _word_at(content: bytes, start: int) -> str:
    text = content[start : start + 200].decode("utf-8", "ignore")
    return text[: next((n for n, c in enumerate(text) if not (c.isalnum() or c == "_" or ord(c) > 127)), 200)]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("Python", "x = f'a{b}' + r\"\\d\" # c", ["x", "=", "f'a{b}'", "+", 'r"\\d" # c']),
        (
            "Python",
            'def f():\n    """It\'s."""\n    return b',
            ["def", "f", "(", ")", ':\n    """It\'s."""', "return", "b"],
        ),
        ("Python", "it's x", ["it", "'", "s", "x"]),
        ("JavaScript", "a = `x\n${b} // no`; c", ["a", "=", "`x\n${b} // no`", ";", "c"]),
        (
            "Rust",
            "fn f<'a>(x: &'a str) { 'x'; '\\n'; }",
            "fn f < ' a > ( x : & ' a str ) { 'x' ; '\\n' ; }".split(),
        ),
        ("Rust", 'r#"a " b"# + br"c\\" r#type', ['r#"a " b"#', "+", 'br"c\\"', "r", "#", "type"]),
        ("C++", 'R"x(a )" b)x" + 1\'000', ['R"x(a )" b)x"', "+", "1", "'", "000"]),
        (
            "C#",
            'a = @"c:\\"; b = @"say ""hi"""; $"{x}"',
            ["a", "=", '@"c:\\"', ";", "b", "=", '@"say ""hi"""', ";", '$"{x}"'],
        ),
        ("Go", "a := `\\`; b", ["a", ":", "=", "`\\`", ";", "b"]),
        ("Java", "char c = '\\u0041'; // it's", ["char", "c", "=", "'\\u0041'", "; // it's"]),
        (
            "SQL",
            "Select x FROM t -- it's\nwhere y = 'it''s'",
            ["Select", "x", "FROM", "t -- it's", "where", "y", "=", "'it'", "'s'"],
        ),
        (
            "Lua",
            "x = [[ a\nb ]] .. 'c' --[[ d ]] e",
            ["x", "=", "[[ a\nb ]]", ".", ".", "'c' --[[ d ]]", "e"],
        ),
        (
            "Shell",
            "x=${y#z} # it's\necho $#",
            ["x", "=", "$", "{", "y", "#", "z", "} # it's", "echo", "$", "#"],
        ),
        ("PHP", "#[Attr]\n$a = 'b'; # it's", ["#", "[", "Attr", "]", "$", "a", "=", "'b'", "; # it's"]),
    ],
)
def test_tokens_of_a_language(language: str, text: str, expected: list[str]) -> None:
    assert words(text, language) == expected


@pytest.mark.parametrize(
    ("language", "a", "b"),
    [
        ("Python", "'text'", '"text"'),
        ("Python", "r'text'", "b'text'"),
        ("Python", "f'{a} b'", "f'{c} d'"),
        ("JavaScript", "`${a}`", "`b ${c}`"),
        ("Ruby", '"#{a}"', '"#{b}"'),
        ("SQL", "SELECT A", "select a"),
    ],
)
def test_strings_and_words_that_mean_the_same_are_the_same_token(language: str, a: str, b: str) -> None:
    first, second = (structure(text.encode(), language_named(language)) for text in (a, b))
    assert first.hashes.tolist() == second.hashes.tolist()


def test_a_string_is_not_the_word_in_it() -> None:
    stream = structure(b"'if' if if_ 'if_'", PYTHON)
    assert len(set(stream.hashes.tolist())) == 4
    assert stream.is_name.tolist() == [False, False, True, False]


DELIMITERS = [
    *'" \' ` \\ # // /* */ \'\'\' r" r#" R"( )" @" $" [[ ]] --[[ =begin =cut ( ) { } x \'a\' -- é'.split(),
    *('"""', "import", "\n", "\0", " "),
]


@pytest.mark.parametrize("language", EVERY_LANGUAGE, ids=lambda language: language.name)
@settings(max_examples=30)
@given(
    content=st.binary(max_size=200)
    | st.lists(
        st.sampled_from(DELIMITERS),
        max_size=60,
    ).map(lambda parts: "".join(parts).encode())
)
def test_the_lexer_takes_any_bytes(language: Language, content: bytes) -> None:
    stream = structure(content, language)
    literal = tokenize(content)
    assert len(stream) <= len(literal)
    assert np.all(np.diff(stream.starts) > 0)
    assert np.all(np.diff(stream.lines) >= 0)
    assert set(stream.starts.tolist()) <= set(literal.starts.tolist())
    lines_of = dict(zip(literal.starts.tolist(), literal.lines.tolist(), strict=True))
    assert stream.lines.tolist() == [lines_of[start] for start in stream.starts.tolist()]
    classes = line_classes(content, language)
    assert len(classes) == literal.line_count
    assert set((stream.lines - 1).tolist()) <= set(np.flatnonzero(classes & LineClass.CODE).tolist())


def test_lexing_recovers_at_the_next_line_from_a_stray_quote() -> None:
    code = b"def f(a):\n    return a + 1\n"
    stray = b"it's unfinished \"\n"
    alone, after = structure(code, PYTHON), structure(stray + code, PYTHON)
    assert after.hashes.tolist()[-len(alone) :] == alone.hashes.tolist()


# -- line classes


def classes(text: str, language: str) -> str:
    """One letter a line: import, Code, comment (#), both (+), blank (.)."""
    letters = {0: ".", 1: "C", 2: "#", 3: "+", 5: "i", 7: "i"}
    return "".join(letters[c] for c in line_classes(text.encode(), language_named(language)).tolist())


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (
            "Python",
            '"""Doc.\n\nMore.\n"""\n\nimport os\nfrom a import (\n    b,\n    c,\n)\nx = 1  # y\n# z\n',
            "####.iiiii+#",
        ),
        (
            "JavaScript",
            "import {\n  a,\n} from 'b';\nconst c = require('d');\nimport('e');\nlet f = 1;\n",
            "iiiiCC",
        ),
        ("C", "#include <a.h>\n#define B 1\n/* c\n d */ int e;\n", "iC#+"),
        ("Go", 'package a\n\nimport (\n\t"b"\n\n\t"c"\n)\nvar d = 1\n', "i.ii.iiC"),
        ("Rust", "use a::{\n    b,\n};\npub use c;\nextern crate d;\npub fn e() {}\n", "iiiiiC"),
        ("C#", "using A;\nusing (var b = c()) {\n}\n", "iCC"),
        ("Java", "package a;\nimport static b.c;\nclass D {}\n", "iiC"),
        ("PHP", "use A\\B;\nrequire_once('c.php');\n$d = 1;\n", "iiC"),
        ("Ruby", "require 'a'\nrequire_relative 'b'\nclass C\n", "iiC"),
        ("Lua", "local a = require('b')\nlocal c = 1\n", "iC"),
        ("Perl", "use strict;\npackage A;\nmy $b;\n", "iiC"),
        ("Shell", "source a.sh\n# b\necho c\n", "i#C"),
    ],
)
def test_lines_are_classified(language: str, text: str, expected: str) -> None:
    assert classes(text, language) == expected


GENUINE_IMPORTS = [
    ("Python", "import a.b as c, d\nfrom . import (\n    a,\n    b as c,\n)\nfrom .x import a, \\\n    b\n"),
    ("Python", "import a; from b import c; import d\n"),
    ("JavaScript", "import a, {\n  b as c,\n} from 'd'\nimport * as e from 'f';\nimport 'g';\n"),
    ("JavaScript", 'import{a as b}from"./x.js";import{c}from"./y.js";\n'),
    ("JavaScript", "import a from './a.json' with { type: 'json' };\n"),
    (
        "JavaScript",
        "const {\n  a,\n  b: c,\n} = require('d').promises;\nvar $ = require('jquery')(window);\n",
    ),
    ("JavaScript", "var a = require('a'),\n    b = require('b').default;\n"),
    ("TypeScript", "import type {\n  A,\n} from 'a';\nimport fs = require('fs');\n"),
    ("Java", "package a.b;\nimport static a.B.*;\n"),
    ("C", '#include <a/b.h>\n# include "c.h"\n'),
    ("C++", "using namespace std;\nusing a::b;\nimport c;\n"),
    ("Objective-C", '#import <A/B.h>\n#import "c.h"\n'),
    ("Go", 'package a\nimport (\n\t. "b"\n\tc "d/e"\n)\nimport . "f"\n'),
    ("Rust", "use a::{\n    b::{self, c},\n    d as e,\n};\npub use {f, g};\npub extern crate h as i;\n"),
    ("C#", "global using A;\nusing static B.C;\nusing D = E.F<G>;\n"),
    (
        "PHP",
        "namespace A\\B;\nuse A\\{\n    B,\n    function c,\n};\nrequire_once dirname(__FILE__) . '/a';\n",
    ),
    ("Ruby", "require 'a'\nrequire File.expand_path('../b', __FILE__)\n"),
    ("Shell", 'source a/b.sh\nsource "$x/c.sh"\n'),
    ("Kotlin", "package a.b\nimport c.D as E\nimport f.*\n"),
    ("Swift", "import Foundation\nimport struct A.B\n"),
    ("Scala", "package a.b\nimport c.{\n  D => E,\n  F,\n}\nimport g._\n"),
    ("Lua", "local a = require 'b'\nlocal c <const> = require('d').e\nrequire('f')\n"),
    (
        "Perl",
        "use strict;\nuse POSIX qw(\n    a\n    b\n);\nuse C (\n    'd',\n);\nrequire E::F;\npackage G;\n",
    ),
    ("brainfuck", "import A (b, c)\nuse D, only: [e: 1]\n"),
]
SWALLOWED = [
    ("JavaScript", "const s = require('http').createServer((a, b) => {", "});"),
    ("JavaScript", "const s = require('http').createServer({", "});"),
    ("JavaScript", 'import{a}from"./x.js";const c = () => {', "};"),
    ("JavaScript", "import('x').then(a => {", "});"),
    ("JavaScript", "import.meta.hot.accept(() => {", "});"),
    ("JavaScript", "var mod = function(require, exports, module) {", "};"),
    ("JavaScript", "const a = {", "};"),
    ("TypeScript", "const load = async () => { const x = await import('y');", "};"),
    ("TypeScript", "const x = await import('y').then({", "});"),
    ("PHP", "namespace App {", "}"),
    ("PHP", "namespace {", "}"),
    ("PHP", "use ($x) {", "}"),
    ("PHP", "use A, B {", "}"),
    ("Rust", "crate::runtime::spawn(async move {", "});"),
    ("Rust", 'extern "C" {', "}"),
    ("Rust", "pub extern fn a() {", "}"),
    ("Scala", "package object x {", "}"),
    ("Scala", "package x {", "}"),
    ("Perl", "package Foo {", "}"),
    ("Perl", "use constant {", "};"),
    ("Lua", "local M = require('x').new({", "})"),
    ("Lua", "require('x').setup {", "}"),
    ("Lua", "require('x').map(function(a)", "end)"),
    ("C++", "using F = decltype([](int a) {", "});"),
    ("C#", "using (var a = b()) {", "}"),
    ("C#", "using var a = new B {", "};"),
    ("Go", "import := f(", ")"),
    ("Java", "import a.b; class C {", "}"),
    ("Python", "from a import b; c = {", "}"),
    ("Python", "import a; b = f(", ")"),
    ("Ruby", "require('a').each {", "}"),
    ("brainfuck", "using (a) {", "}"),
    ("brainfuck", "package a {", "}"),
]


@pytest.mark.parametrize(("language", "text"), GENUINE_IMPORTS)
def test_all_lines_of_an_import_are_import(language: str, text: str) -> None:
    assert classes(text + "a = b(1)\n", language) == "i" * text.count("\n") + "C"


@pytest.mark.parametrize(("language", "first", "last"), SWALLOWED)
def test_an_import_swallows_no_code(language: str, first: str, last: str) -> None:
    text = f"{first}\n" + "  a = b(1)\n" * 3 + f"{last}\na = b(1)\n"
    assert classes(text, language) == "C" * 6


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("Python", "import a; b = 1"),
        ("JavaScript", 'import{a}from"b";let c=1'),
        ("JavaScript", "const a = require('a'), b = 5;"),
        ("JavaScript", "const a = require('a') || b;"),
        ("JavaScript", "const a = require('a').map(b => b.c);"),
        ("Lua", "local a = require 'a' b.c()"),
        ("Java", "import a.b; class C {}"),
        ("C++", "using A = B;"),
        ("Go", "package a; var b = 1"),
    ],
)
def test_a_line_that_holds_more_than_imports_is_code(language: str, line: str) -> None:
    assert classes(f"{line}\n", language) == "C"


def test_an_import_whose_bracket_never_closes_is_none() -> None:
    assert classes("from a import (\n" + "x\n" * 500, "Python") == "C" * 501
    assert classes("from a import (\n" + "    b,\n" * 9, "Python") == "i" * 10
    assert classes("from a import (\n    b,\n\ndef c():\n    pass\n", "Python") == "CC.CC"


def test_languages_are_known_by_extension() -> None:
    assert language_of_path("a/b.PY").name == "Python"
    assert language_of_path("a.tsx").name == "TypeScript"
    assert language_of_path("a.cuh").name == "C++"
    for name in ("Makefile", "a.unknown", "", ".", "a." + "x" * 10_000):
        assert language_of_path(name) is GENERIC
