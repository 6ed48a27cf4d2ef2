"""A small lexer for the benchmarks' languages, apart from the engine's own, and the functions of a file.

It knows strings, comments, names and numbers: enough to change code without touching what must stay, and to
find where a function ends. ``"".join(token.text for token in lex(…))`` is the text again.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Iterator
from typing import NamedTuple

KEYWORDS = {
    "Python": frozenset(keyword.kwlist),
    "JavaScript": frozenset(
        "abstract any as async await boolean break case catch class const continue debugger declare default "
        "delete do else enum export extends false finally for from function get if implements import in "
        "infer instanceof interface is keyof let namespace never new null number of private protected public "
        "readonly return set static string super switch this throw true try type typeof undefined unknown "
        "var void while with yield".split()
    ),
    "Go": frozenset(
        "break case chan const continue default defer else fallthrough for func go goto if import interface "
        "map package range return select struct switch type var".split()
    ),
    "Rust": frozenset(
        "as async await break const continue crate dyn else enum extern false fn for if impl in let loop "
        "match mod move mut pub ref return self Self static struct super trait true type unsafe use where "
        "while".split()
    ),
    "Java": frozenset(
        "abstract assert boolean break byte case catch char class const continue default do double else enum "
        "extends false final finally float for goto if implements import instanceof int interface long "
        "native new null package private protected public record return short static strictfp super switch "
        "synchronized this throw throws transient true try var void volatile while yield".split()
    ),
}
"""Reserved words, by language; what is not among them is a name."""
BUILTINS = {
    "Python": frozenset(dir(builtins)) | {"self", "cls"},
    "JavaScript": frozenset(
        "Array BigInt Boolean Date Error Infinity JSON Map Math NaN Number Object Promise Proxy Reflect "
        "RegExp Set String Symbol TypeError WeakMap WeakSet arguments console document exports globalThis "
        "isFinite isNaN module parseFloat parseInt process require window".split()
    ),
    "Go": frozenset(
        "any append bool byte cap clear close comparable complex complex64 complex128 copy delete error "
        "false float32 float64 imag int int8 int16 int32 int64 iota len make max min new nil panic print "
        "println real recover rune string true uint uint8 uint16 uint32 uint64 uintptr".split()
    ),
    "Rust": frozenset(
        "bool char f32 f64 i8 i16 i32 i64 i128 isize str u8 u16 u32 u64 u128 usize "
        "Box Err None Ok Option Result Some String Vec".split()
    ),
    "Java": frozenset("Object Override String".split()),
}
"""Names that a language declares everywhere: nobody who copies code renames them, though one could."""
_QUOTED = r'"(?:\\.|[^"\\\n])*"'
_SINGLE = r"'(?:\\.|[^'\\\n])*'"
_C_COMMENT = r"//[^\n]*|/\*[\s\S]*?\*/"
_COMMENTS = {"Python": r"\#[^\n]*"}
_STRINGS = {
    "Python": r'[rRbBuUfF]{0,2}(?:"""(?:\\[\s\S]|[^\\])*?"""|' + r"'''(?:\\[\s\S]|[^\\])*?'''|"
    rf"{_QUOTED}|{_SINGLE})",
    "JavaScript": rf"{_QUOTED}|{_SINGLE}|`(?:\\[\s\S]|[^`\\])*`",
    "Go": rf"{_QUOTED}|{_SINGLE}|`[^`]*`",
    "Rust": r'b?r(?P<hashes>\#{0,3})"[\s\S]*?"(?P=hashes)|b?"(?:\\[\s\S]|[^"\\])*"|'
    + r"b?'(?:\\[^\n][^'\n]*|[^'\\\n])'",
    "Java": rf'"""[\s\S]*?"""|{_QUOTED}|{_SINGLE}',
}
_LEXERS = {
    language: re.compile(
        rf"(?P<newline>\r?\n)|(?P<space>[^\S\n]+)|(?P<comment>{_COMMENTS.get(language, _C_COMMENT)})|"
        rf"(?P<string>{strings})|(?P<word>[^\W\d][\w$]*|\$[\w$]*)|"
        r"(?P<number>\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?\w*)|(?P<punct>[\s\S])"
    )
    for language, strings in _STRINGS.items()
}
_REGEX = re.compile(r"/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*")
_BEFORE_REGEX = frozenset("( , = : [ ! & | ? { } ; return typeof case".split()) | {""}


class Token(NamedTuple):
    """A piece of text: newline, space, comment, string, word, number or punct."""

    kind: str
    text: str


def decode(code: bytes) -> str:
    """Text of code; :func:`encode` is the inverse."""
    return code.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """Bytes of a text."""
    return text.encode("utf-8", "surrogateescape")


def lex(text: str, language: str) -> list[Token]:
    """Split a text into tokens without losing a character."""
    match_at = _LEXERS[language].match
    tokens, position, before = [], 0, ""
    while position < len(text):
        found = match_at(text, position)
        assert found is not None
        kind = found.lastgroup or "punct"
        if text[position] == "/" and kind == "punct" and language == "JavaScript" and before in _BEFORE_REGEX:
            regex = _REGEX.match(text, position)
            found, kind = (regex, "string") if regex else (found, kind)
        tokens.append(Token(kind, found.group()))
        position = found.end()
        if kind not in ("newline", "space", "comment"):
            before = found.group()
    return tokens


_HEADERS = {
    "JavaScript": re.compile(
        r"\s*(?:export\s+)?(?:default\s+)?(?:async\s+)?function\b|"
        r"\s*(?:(?:public|private|protected|static|async|get|set)\s+)*(?!(?:if|for|while|switch|catch|with|"
        r"return|function)\b)[\w$#]+\s*(?:<[^>]*>)?\([^;]*$|"
        r"\s*(?:export\s+)?(?:const|let|var)?\s*[\w$.]+\s*[=:]\s*(?:async\s+)?(?:function\b|\([^;]*=>\s*\{)"
    ),
    "Go": re.compile(r"func\b"),
    "Rust": re.compile(
        r"\s*(?:pub(?:\([^)]*\))?\s+)?(?:(?:const|async|unsafe|default|extern(?:\s+\"\w+\")?)\s+)*fn\s"
    ),
    "Java": re.compile(
        r"\s+(?:@\w+\s+)*(?:(?:public|protected|private|static|final|synchronized|default)\s+)*"
        r"(?!(?:return|throw|else|new|case|if|for|while|switch|catch|class|interface|enum|record)\b)"
        r"(?:<[^>]+>\s*)?(?:[\w.<>\[\],?]+\s+)?\w+\s*\([^;=]*$"
    ),
}


def functions(content: bytes, language: str) -> list[tuple[int, int]]:
    """First and last line, from 1, of every function of a file that can be told."""
    if language == "Python":
        return _python_functions(content)
    return list(_braced_functions(decode(content), language))


def _python_functions(content: bytes) -> list[tuple[int, int]]:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return []
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        (min([node.lineno, *(d.lineno for d in node.decorator_list)]), node.end_lineno or node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, kinds)
    ]


def _braced_functions(text: str, language: str) -> Iterator[tuple[int, int]]:
    """Lines that look like a function's head, and the line on which the brace behind it is closed."""
    header = _HEADERS[language]
    lines = text.split("\n")
    marks = list(_marks(text, language))
    starts: dict[int, int] = {}
    for number, (line, _) in enumerate(marks):
        starts.setdefault(line, number)
    for line, first in starts.items():
        if header.match(lines[line - 1]):
            last = _end(marks, first)
            if last is not None:
                yield line, last


def _marks(text: str, language: str) -> Iterator[tuple[int, str]]:
    """Brackets and semicolons of the code, with their lines."""
    line = 1
    for kind, piece in lex(text, language):
        if kind == "punct" and piece in "(){}[];":
            yield line, piece
        line += piece.count("\n")


def _end(marks: list[tuple[int, str]], first: int) -> int | None:
    """Line of the brace that closes the first one outside of parentheses; none where there is no body."""
    braces = brackets = 0
    for line, mark in marks[first:]:
        if mark in "([":
            brackets += 1
        elif mark in ")]":
            brackets -= 1
        elif mark == ";" and braces == 0 and brackets == 0:
            return None
        elif mark in "{}" and (braces or brackets == 0):
            braces += 1 if mark == "{" else -1
            if braces <= 0:
                return line if braces == 0 and brackets == 0 else None
        if brackets < 0:
            return None
    return None
