"""How densely an index keeps fingerprints."""

from __future__ import annotations

from enum import StrEnum


class Profile(StrEnum):
    """Trade between size, the lanes that can be asked, and the shortest run that is certain to be found.

    A verbatim run of k + w - 1 tokens (k = 8) always shares a seed: 23 tokens in full and seeds, 55 in
    ``sparse``. That seed leads to a match if the whole lines around it reach the tokens that were asked for.
    """

    FULL = "full"
    """Every lane."""
    SEEDS = "seeds"
    """Literal and structural seeds: no search by words, no near copies by signature."""
    SPARSE = "sparse"
    """Literal seeds alone, few of them."""

    @property
    def window_tokens(self) -> int:
        """The winnowing window w."""
        return 48 if self is Profile.SPARSE else 16

    @property
    def repeat_cap(self) -> int:
        """Places kept of a seed in one document."""
        return 1 if self is Profile.SPARSE else 4

    @property
    def keeps_structure(self) -> bool:
        """Whether structural seeds are kept, by which renamed copies are found."""
        return self is not Profile.SPARSE

    @property
    def keeps_words(self) -> bool:
        """Whether the words of each document are kept, for BM25."""
        return self is Profile.FULL

    @property
    def keeps_signatures(self) -> bool:
        """Whether whole-file MinHash signatures are kept."""
        return self is Profile.FULL

    @property
    def sketch_type(self) -> str:
        """Numpy type of one line sketch; a sparse index keeps the low byte only."""
        return "u1" if self is Profile.SPARSE else "<u2"

    @property
    def columns(self) -> dict[str, str]:
        """Arrays of a segment that grow document by document, with their types."""
        columns = {"sketches": self.sketch_type, "token_counts": "<u4", "sizes": "<u4", "flags": "u1"}
        if self.keeps_structure:
            columns["structure_sketches"] = "u1"
        if self.keeps_signatures:
            columns["signatures"] = "u1"
        return columns

    @property
    def tables(self) -> tuple[str, ...]:
        """Posting tables of a segment."""
        structural = ("structural",) if self.keeps_structure else ()
        return ("literal", *structural, *(("words",) if self.keeps_words else ()))
