"""What a model is asked about a selection of code, and what is made of its answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from assistant.chat.template import Message
from attribution.fingerprint.structure import structure
from attribution.languages.language import language_of_path

_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n]*\n(?P<code>.*?)^[ \t]*\1[ \t]*$", re.DOTALL | re.MULTILINE)
_STRING = re.compile(rb"[A-Za-z]{0,2}[\"'`]")
_CONTEXT_LINES = 40


class Task(StrEnum):
    """What is wanted."""

    EXPLAIN = "explain"
    DOCSTRING = "docstring"
    FIX = "fix"

    @property
    def headline(self) -> str:
        """What it is called in a menu."""
        return _HEADLINES[self]

    @property
    def changes_code(self) -> bool:
        """Whether the answer takes the place of the selection."""
        return self is not Task.EXPLAIN


_HEADLINES = {
    Task.EXPLAIN: "Explain this code",
    Task.DOCSTRING: "Write documentation for this code",
    Task.FIX: "Fix this code",
}
_WANTED = {
    Task.EXPLAIN: "Explain in a few sentences what this code does.",
    Task.DOCSTRING: "Add a documentation comment or docstring to this code and change nothing else. "
    "Answer with the whole code in one code block.",
    Task.FIX: "Find the mistake in this code and mend it, changing as little as possible. "
    "Answer with the whole code in one code block.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Whole lines of a document."""

    text: str
    """The whole document."""
    start: int
    """Characters before the selection."""
    end: int
    path: str = ""
    problems: tuple[str, ...] = ()
    """What tools say of these lines, for :attr:`Task.FIX`."""

    @classmethod
    def of_lines(
        cls, text: str, start: int, end: int, *, path: str = "", problems: tuple[str, ...] = ()
    ) -> Selection:
        """Widen a range of characters to whole lines; an end at a line's start does not take that line in."""
        first = text.rfind("\n", 0, start) + 1
        last = end - 1 if end > start and text[end - 1] == "\n" else end
        line_end = text.find("\n", last)
        return cls(
            text=text, start=first, end=len(text) if line_end < 0 else line_end, path=path, problems=problems
        )

    @property
    def code(self) -> str:
        """The selected lines, without the last line's end."""
        return self.text[self.start : self.end]

    @property
    def before(self) -> str:
        """The document before it."""
        return self.text[: self.start]

    @property
    def after(self) -> str:
        """The document behind it."""
        return self.text[self.end :]


def ask(task: Task, selection: Selection) -> list[Message]:
    """The chat that asks for it."""
    fence = _fence_for(selection.code)
    above = "\n".join(selection.before.split("\n")[-_CONTEXT_LINES:])
    parts = [_WANTED[task]]
    if above.strip():
        parts.append(f"The code above it, for your information:\n{fence}\n{above.rstrip()}\n{fence}")
    if task is Task.FIX and selection.problems:
        parts.append("Tools say:\n" + "\n".join(f"- {problem}" for problem in selection.problems))
    parts.append(f"The code:\n{fence}\n{selection.code}\n{fence}")
    return [Message(role="user", content="\n\n".join(parts))]


def _fence_for(code: str) -> str:
    """A fence that the code does not hold."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    return "`" * max(3, longest + 1)


def understand(task: Task, selection: Selection, answer: str) -> str | None:
    """What is to be shown, or put in the selection's place; ``None`` if the answer is of no use."""
    if task is Task.EXPLAIN:
        return answer.strip() or None
    found = _FENCE.search(answer)
    if found is None:
        return None
    code = _indented_like(selection.code, found["code"].rstrip("\n"))
    if not code.strip() or code == selection.code:
        return None
    if task is Task.DOCSTRING and not _same_code(selection, code):
        return None
    return code


def _indented_like(original: str, code: str) -> str:
    """Give code the indentation that the selection has, where a model left it out."""
    wanted, given = _indentation(original), _indentation(code)
    if not wanted.startswith(given) or wanted == given:
        return code
    missing = wanted[len(given) :]
    return "\n".join(missing + line if line.strip() else line for line in code.split("\n"))


def _indentation(code: str) -> str:
    line = next((line for line in code.split("\n") if line.strip()), "")
    return line[: len(line) - len(line.lstrip(" \t"))]


def _same_code(selection: Selection, code: str) -> bool:
    """Whether the new code is the old one but for comments and for strings that were put in."""
    language = language_of_path(selection.path)
    content = code.encode("utf-8", "replace")
    ours = structure(selection.code.encode("utf-8", "replace"), language).hashes.tolist()
    theirs = structure(content, language)
    position = 0
    for value, start in zip(theirs.hashes.tolist(), theirs.starts.tolist(), strict=True):
        if position < len(ours) and ours[position] == value:
            position += 1
        elif not _STRING.match(content, start):
            return False
    return position == len(ours)
