"""Which files of a workspace the code imports: by cheap patterns, without running or parsing anything."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator

_PYTHON = (".py", ".pyi")
_JAVASCRIPT = (".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts")
_FROM = re.compile(r"(?m)^[ \t]*from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]{0,4096}\)|[^\n#]{0,1024})")
_IMPORT = re.compile(r"(?m)^[ \t]*import[ \t]+([\w., \t]{1,1024})")
_NAME = re.compile(r"(?<![\w.])(\w+)(?:[ \t]+as[ \t]+\w+)?")
_QUOTED = re.compile(r"""(?:\bfrom|\brequire\(|\bimport\(?)\s{0,8}["'](\.{1,2}/[^"'\n]{0,512}|\.{1,2})["']""")


def imported_files(path: str, text: str, known: Collection[str]) -> list[str]:
    """Files among ``known`` that a file imports, each once, in the order of its imports.

    Paths are relative to the workspace, with forward slashes. An absolute Python module is looked for from
    the top, and below any folder such as ``src``; of several the one with the shortest path counts.
    """
    files = set(known)
    wanted = _of_python(path, text) if path.endswith(_PYTHON) else _of_javascript(path, text)
    by_end: dict[str, str] = {}
    for name in sorted(files, key=lambda file: (file.count("/"), file)):
        for start in (0, *(slash.end() for slash in re.finditer("/", name))):
            by_end.setdefault(name[start:], name)
    found = (by_end.get(name, "") if is_absolute else name for name, is_absolute in wanted)
    return list(dict.fromkeys(name for name in found if name in files and name != path))


def _of_python(path: str, text: str) -> Iterator[tuple[str, bool]]:
    """Candidate files, and whether they are named from the top of a source folder."""
    for found in _FROM.finditer(text):
        dotted, names = found[1], found[2].removeprefix("(").removesuffix(")")
        dots = len(dotted) - len(dotted.lstrip("."))
        base = dotted[dots:].replace(".", "/")
        if dots:
            folder = posixpath.dirname(path)
            for _ in range(dots - 1):
                folder = posixpath.dirname(folder)
            base = posixpath.join(folder, base).rstrip("/")
        for name in ("", *(f"/{name}" for name in _NAME.findall(names))):
            yield from _modules((base + name).lstrip("/"), is_absolute=not dots)
    for found in _IMPORT.finditer(text):
        for name in found[1].split(","):
            dotted = name.strip().partition(" ")[0]
            yield from _modules(dotted.replace(".", "/"), is_absolute=True)


def _modules(base: str, *, is_absolute: bool) -> Iterator[tuple[str, bool]]:
    if base:
        yield f"{base}.py", is_absolute
    yield posixpath.join(base, "__init__.py"), is_absolute and bool(base)


def _of_javascript(path: str, text: str) -> Iterator[tuple[str, bool]]:
    if not path.endswith(_JAVASCRIPT):
        return
    for found in _QUOTED.finditer(text):
        base = posixpath.normpath(posixpath.join(posixpath.dirname(path), found[1]))
        stem = posixpath.splitext(base)[0] if base.endswith(_JAVASCRIPT) else base
        yield base, False
        for end in _JAVASCRIPT:
            yield f"{stem}{end}", False
        for end in _JAVASCRIPT:
            yield f"{base}/index{end}", False
