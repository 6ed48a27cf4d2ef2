r"""File names that say too little: extensions of several languages, and none at all.

In the order of github-linguist: what an editor is told (a modeline), the interpreter in the first line, then
lines that only one of an extension's languages has (after its ``heuristics.yml``). The first of an
extension's patterns that is found decides; without one the extension has its commonest language.
"""

from __future__ import annotations

import re

from attribution.languages.extensions import LANGUAGES

HEAD_BYTES = 1 << 15
"""What of a file is looked at."""
_TAIL_BYTES = 1_024
_MODELINE = re.compile(
    rb"-\*-[ \t]*(?:[^\n]*?\bmode:[ \t]*)?([\w+#-]+)[ \t]*(?:;[^\n]*)?-\*-"
    rb"|\b(?:vi|vim|ex):[^\n]*\b(?:ft|filetype|syntax)=([\w+#-]+)"
)
_SHEBANG = re.compile(
    rb"#![ \t]*(?:\S*/)?(?:env[ \t]+(?:(?:-\S+|\w+=\S*)[ \t]+)*)?(?:\S*/)?([A-Za-z][\w.-]*)"
)
_VERSION = re.compile(r"[\d.]+\Z")
_INTERPRETERS = {
    program: language
    for language, programs in {
        "Elixir": "elixir iex",
        "Erlang": "escript",
        "JavaScript": "node nodejs qjs",
        "Julia": "julia",
        "Lua": "lua luajit texlua",
        "Makefile": "make gmake",
        "PHP": "php php-cgi",
        "Perl": "perl",
        "PowerShell": "pwsh powershell",
        "Prolog": "swipl prolog yap",
        "Python": "python pypy pypy3 uv ipython",
        "R": "rscript littler",
        "Raku": "raku perl6 rakudo",
        "Ruby": "ruby jruby rake macruby",
        "Scala": "scala",
        "Shell": "ash bash dash ksh mksh rc sh zsh",
        "Swift": "swift",
        "Tcl": "tclsh wish expect",
        "TypeScript": "bun deno ts-node tsx",
    }.items()
    for program in programs.split()
}
_MODES = {name.lower(): name for name in LANGUAGES.values()} | {
    mode: language
    for language, modes in {
        "C++": "cpp cxx",
        "Coq": "coq",
        "JavaScript": "js js2 node",
        "MATLAB": "matlab octave",
        "Makefile": "make makefile-gmake",
        "Objective-C": "objc",
        "Perl": "cperl",
        "Prolog": "prolog",
        "Python": "py python3",
        "Raku": "raku perl6",
        "Shell": "sh shell-script ksh",
        "Verilog": "verilog systemverilog",
        "YAML": "yaml",
    }.items()
    for mode in modes.split()
}


def _any(*patterns: str) -> re.Pattern[bytes]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns).encode(), re.MULTILINE)


_OBJECTIVE_C = _any(
    r"^[ \t]*@(?:interface|class|protocol|property|end|implementation|selector|import)\b",
    r'^[ \t]*#[ \t]*import[ \t]+[<"]',
)
_CPP = _any(
    r"^[ \t]*#[ \t]*include[ \t]*<(?:c(?:assert|math|stdint|stdio|stdlib|string)|\w*stream|algorithm|array"
    r"|atomic|bitset|chrono|complex|deque|functional|list|map|memory|mutex|queue|set|stack|string|tuple|type_traits"
    r"|unordered_\w+|utility|vector)>",
    r"^[ \t]*(?:inline[ \t]+)?(?:using[ \t]+)?namespace(?:[ \t]+[\w:]+|[ \t]*\{)",
    r"^[ \t]*template[ \t]*<",
    r"^[ \t]*(?:enum[ \t]+)?class[ \t]+\w+(?:[ \t]+\w+)?[ \t]*(?:final[ \t]*)?(?:[:;{]|$)",
    r"^[ \t]*(?:private|protected|public)[ \t]*:",
    r"^[ \t]*(?:constexpr|try[ \t]*\{|catch[ \t]*\(|using[ \t]+\w+[ \t]*=)",
    r"^[^/*\"\n]*\w::~?\w",
    r"^[ \t]*#[ \t]*include[ \t]*[<\"][^>\"\n]+\.(?:hpp|hxx|hh|cuh)[>\"]",
)
_MATLAB = _any(r"^[ \t]*%", r"^[ \t]*function\b", r"^[ \t]*(?:classdef|end)\b")
_RULES = {
    ".cs": ((_any(r"![\w\s]+methodsFor: "), "Smalltalk"),),
    ".h": ((_OBJECTIVE_C, "Objective-C"), (_CPP, "C++")),
    ".inc": ((_any(r"\A\s*<\?php"), "PHP"),),
    ".m": (
        (_OBJECTIVE_C, "Objective-C"),
        (_any(r"^[ \t]*:-[ \t]+module\b"), "Mercury"),
        (_any(r"^[ \t]*\(\*", r"^\w+\[[^\]\n]*_[^\]\n]*\][ \t]*:="), "Mathematica"),
        (_MATLAB, "MATLAB"),
    ),
    ".pl": (
        (
            _any(
                r"^[ \t]*use[ \t]+(?:strict|warnings|v?5|[A-Z]\w*)\b", r"^[ \t]*(?:my[ \t]+[$@%(]|package\b)"
            ),
            "Perl",
        ),
        (_any(r"^[ \t]*use[ \t]+v6\b"), "Raku"),
        (_any(r"^[ \t]*:-", r"^[a-z]\w*(?:\([^)\n]*\))?[ \t]*:-", r"^[a-z]\w*\([^)\n]*\)\."), "Prolog"),
    ),
    ".ts": ((_any(r"\A\s*(?:<\?xml|<!DOCTYPE TS|<TS\b)"), "XML"),),
    ".v": (
        (_any(r"^[ \t]*(?:Proof|Qed|Defined)\.", r"^[ \t]*Require[ \t]+(?:Import|Export)\b"), "Coq"),
        (
            _any(
                r"^[ \t]*(?:end)?module\b",
                r"^[ \t]*`(?:define|ifdef|ifndef|include|timescale)\b",
                r"^[ \t]*(?:always|initial)\b",
            ),
            "Verilog",
        ),
        (_any(r"^[ \t]*(?:pub[ \t]+)?fn[ \t]+\w+\("), "V"),
    ),
}


def language_by_content(extension: str, content: bytes) -> str | None:
    r"""The language of a file whose name leaves several, or none; ``None`` where its text does not tell.

    ``extension`` has its dot and is in small letters.

    >>> language_by_content(".h", b"template <class T>\nstruct A {};\n")
    'C++'
    >>> language_by_content("", b"#!/usr/bin/env -S Rscript --vanilla\n")
    'R'
    """
    if extension and extension not in _RULES:
        return None
    told = _by_modeline(content) or _by_shebang(content)
    if told is not None:
        return told
    head = content[:HEAD_BYTES]
    return next((language for mark, language in _RULES.get(extension, ()) if mark.search(head)), None)


def _by_modeline(content: bytes) -> str | None:
    """Emacs looks at the first two lines, vim at the first and the last five."""
    first, last = content[:_TAIL_BYTES].split(b"\n")[:5], content[-_TAIL_BYTES:].split(b"\n")[-6:]
    found = _MODELINE.search(b"\n".join([*first, *last]))
    return _MODES.get((found[1] or found[2]).decode("ascii", "replace").lower()) if found else None


def _by_shebang(content: bytes) -> str | None:
    found = _SHEBANG.match(content[:256])
    if found is None:
        return None
    program = found[1].decode("ascii", "replace").lower()
    return _INTERPRETERS.get(program) or _INTERPRETERS.get(_VERSION.sub("", program).rstrip("-"))
