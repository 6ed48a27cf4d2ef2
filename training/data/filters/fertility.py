"""By fertility: text that a tokenizer of code cuts into crumbs is not code (SantaCoder, section 4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from training.data.stage import Document, DropReason, Judged, judge_each

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_LEAST = {"Java": 2.9, "JavaScript": 2.6, "Python": 2.5}


@dataclass(frozen=True, slots=True, kw_only=True)
class ByFertility:
    """Drop files with too few characters a token; languages that SantaCoder has no figure for are kept."""

    tokenizer: Path | None = None
    """A ``tokenizer.json``; a recipe has none until it is given one."""
    sha256: str = ""
    """Of the file: another tokenizer is another filter."""
    least: tuple[tuple[str, float], ...] = tuple(_LEAST.items())
    """Characters a token, by language."""
    name: str = "fertility"

    def __call__(self, batch: Sequence[Document]) -> Judged:
        """Judge by the text; raises :class:`training.errors.TokenizerError`."""
        return judge_each(batch, self._refuse)

    def _refuse(self, document: Document) -> tuple[DropReason, str] | None:
        least = dict(self.least).get(document.language)
        if least is None:
            return None
        if self.tokenizer is None:
            raise ValueError("fertility is measured with a tokenizer, and the stage was given none")
        tokenizer = _load(self.tokenizer, self.sha256)
        tokens = len(tokenizer.encode(document.text, add_special_tokens=False).ids)
        fertility = len(document.text) / max(1, tokens)
        if fertility < least:
            return DropReason.FERTILITY, f"{fertility:.2f} characters a token"
        return None


@lru_cache(maxsize=2)
def _load(path: Path, sha256: str) -> Tokenizer:
    import hashlib

    from training.errors import TokenizerError
    from training.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise TokenizerError(path, "it is another one than the recipe names", remedy="put that one back")
    return tokenizer
