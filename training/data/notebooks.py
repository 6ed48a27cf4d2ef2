r"""Notebooks as chains of text, code and output (StarCoder2's paper, 2.4.1 and 5.4).

``<jupyter_start><jupyter_text>text<jupyter_code>code\n<jupyter_output>output<jupyter_text>…``: neighbouring
cells of one kind are one block, of merged code the output is that of the last cell, and code that ran and
wrote nothing is followed by ``<empty_output>``. As there, only notebooks in Python with both text and code
are taken so. An output that is long, no text, or unknown because a cell never ran is left out with its token:
its absence must not read as an empty one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from training.data.marked import MarkedText
from training.data.stage import ControlToken

MOST_OUTPUT_CHARACTERS = 1_000
MOST_OUTPUT_LINES = 20
_TEXT_KINDS = frozenset({"markdown", "heading"})
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""Colours and cursor movements (ECMA-48, 5.4)."""


@dataclass(frozen=True, slots=True)
class _Cell:
    is_code: bool
    text: str
    output: str | None
    """What it wrote; ``None`` where that is no text, too long, or not known because it never ran."""


def structured(content: bytes) -> MarkedText | None:
    """The chain of a notebook in Python that holds text and code; ``None`` for any other file."""
    try:
        whole = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(whole, dict) or not _is_python(whole):
        return None
    cells = [cell for cell in _cells(whole) if cell.text.strip()]
    if {cell.is_code for cell in cells} != {True, False}:
        return None
    return _chain(cells)


def _chain(cells: list[_Cell]) -> MarkedText:
    chain = MarkedText()
    chain.add(ControlToken.JUPYTER_START)
    for is_code, group in groupby(cells, key=lambda cell: cell.is_code):
        block = list(group)
        text = "\n".join(cell.text.strip("\n") for cell in block)
        if not is_code:
            chain.add(ControlToken.JUPYTER_TEXT, text=text)
            continue
        chain.add(ControlToken.JUPYTER_CODE, text=text)
        output = block[-1].output
        if output:
            chain.add(ControlToken.JUPYTER_OUTPUT, text=output)
        elif output is not None:
            chain.add(ControlToken.JUPYTER_OUTPUT, ControlToken.EMPTY_OUTPUT)
    return chain


def _is_python(whole: dict[str, Any]) -> bool:
    """Whether the metadata name Python (nbformat 4), or the cells do (nbformat 3)."""
    metadata = _object(whole.get("metadata"))
    kernel = _object(metadata.get("kernelspec"))
    named = [
        kernel.get("language"),
        _object(metadata.get("language_info")).get("name"),
        *(cell.get("language") for cell in _raw_cells(whole)),
    ]
    stated = [name.lower() for name in named if isinstance(name, str)] or [str(kernel.get("name")).lower()]
    return any(name.startswith(("python", "ipython")) for name in stated)


def _cells(whole: dict[str, Any]) -> Iterator[_Cell]:
    for cell in _raw_cells(whole):
        if cell.get("cell_type") == "code":
            text = _joined(cell.get("source", cell.get("input")))
            has_run = (
                cell.get("outputs") or cell.get("execution_count", cell.get("prompt_number")) is not None
            )
            yield _Cell(is_code=True, text=text, output=_output(cell.get("outputs")) if has_run else None)
        elif cell.get("cell_type") in _TEXT_KINDS:
            yield _Cell(is_code=False, text=_joined(cell.get("source")), output=None)


def _raw_cells(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Cells of version 4, and of the worksheets before it."""
    sheets = whole.get("worksheets")
    for holder in (whole, *(sheets if isinstance(sheets, list) else ())):
        cells = _object(holder).get("cells")
        yield from (cell for cell in cells if isinstance(cell, dict)) if isinstance(cells, list) else ()


def _output(outputs: object) -> str | None:
    """The text that a cell wrote, without colours."""
    parts: list[str] = []
    for output in outputs if isinstance(outputs, list) else ():
        data = _object(_object(output).get("data"))
        text = _object(output).get("text", data.get("text/plain"))
        if text is None:
            return None
        parts.append(_joined(text))
    whole = _ESCAPES.sub("", "".join(parts)).strip("\n")
    is_short = len(whole) <= MOST_OUTPUT_CHARACTERS and whole.count("\n") < MOST_OUTPUT_LINES
    return whole if is_short else None


def _joined(text: object) -> str:
    """A text of the format: a string, or a list of strings."""
    parts = text if isinstance(text, list) else [text]
    joined = "".join(part for part in parts if isinstance(part, str))
    return joined.encode("utf-8", "replace").decode("utf-8")  # JSON may name halves of characters


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
