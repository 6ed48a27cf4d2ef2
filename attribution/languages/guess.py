"""Which language a text is in, where no file name says it: snippets from stdin, scratch buffers."""

from __future__ import annotations

from attribution.languages.language import Language, language_named


def guess_language(content: bytes) -> Language:
    """The most likely language of ``content``; generic tables where nothing speaks for any."""
    return language_named(None)
