"""What kind of text a document is: the rows by which a data card tells code from what is beside it."""

from __future__ import annotations

from typing import Final

ISSUES: Final = "Issues"
PULL_REQUESTS: Final = "Pull Requests"
JUPYTER: Final = "Jupyter Notebook"
CONVERSATIONS: Final = frozenset({ISSUES, PULL_REQUESTS})
_DOCUMENTATION = frozenset({"AsciiDoc", "Markdown", "Text", "reStructuredText"})


def kind_of(language: str) -> str:
    """``Code``, ``Documentation``, ``Issues``, ``Pull Requests`` or ``Jupyter``.

    A notebook that is kept as a script is code in its kernel's language.
    """
    if language in CONVERSATIONS:
        return language
    if language == JUPYTER:
        return "Jupyter"
    return "Documentation" if language in _DOCUMENTATION else "Code"
