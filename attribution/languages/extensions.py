"""Which file name extension means which language; nothing else is source code to us."""

from __future__ import annotations

LANGUAGES = {
    extension: language
    for language, extensions in {
        "Assembly": "asm s",
        "Batchfile": "bat cmd",
        "C": "c h",
        "C#": "cs",
        "C++": "cc cpp cxx hh hpp hxx inl ipp",
        "CMake": "cmake",
        "CSS": "css less sass scss",
        "Clojure": "clj cljs cljc",
        "Cuda": "cu cuh",
        "Cython": "pyx pxd pxi",
        "Dart": "dart",
        "Elixir": "ex exs",
        "Erlang": "erl hrl",
        "Fortran": "f f77 f90 f95 f03 f08",
        "Go": "go",
        "Haskell": "hs lhs",
        "Java": "java",
        "JavaScript": "js jsx mjs cjs",
        "Julia": "jl",
        "Jupyter Notebook": "ipynb",
        "Kotlin": "kt kts",
        "Lua": "lua",
        "Metal": "metal",
        "Nim": "nim",
        "OCaml": "ml mli",
        "Objective-C": "m mm",
        "PHP": "php",
        "Perl": "pl pm",
        "PowerShell": "ps1 psm1",
        "Protocol Buffer": "proto",
        "Python": "py pyi pyw",
        "R": "r",
        "Ruby": "rb rake",
        "Rust": "rs",
        "SQL": "sql",
        "Scala": "scala",
        "Shell": "sh bash zsh",
        "Svelte": "svelte",
        "Swift": "swift",
        "TypeScript": "ts tsx mts cts",
        "Vue": "vue",
        "Zig": "zig",
    }.items()
    for extension in extensions.split()
}
"""Language by file name extension, lowercase and without the dot."""


def language_of(name: str) -> str | None:
    """Language by the name's extension, ``None`` where it is not known as code."""
    return LANGUAGES.get(name.rpartition(".")[2].lower()) if "." in name else None
