"""What a curation is made of, as values: a recipe can be read, compared and hashed, never mutated."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from training.data.decontamination.sets import EvaluationSet
from training.data.decontamination.stage import DropContaminated
from training.data.dedup.near import NearDuplicates
from training.data.documents import Opening
from training.data.filters.license import ByLicense, OptedOut
from training.data.filters.place import HeldOut
from training.data.malware.stage import DropMalware, WithoutScanner
from training.data.stage import Stage


class Packing(StrEnum):
    """What is one document to the model."""

    REPOSITORY = "repository"
    """Files of a repository one after another, in StarCoder2's format."""
    FILE = "file"
    """Pieces of single files, as :mod:`training.data.pieces` cuts them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deduplication:
    """Which copies are dropped."""

    near: NearDuplicates | None = field(default_factory=NearDuplicates)
    """``None`` drops equal contents only."""
    copies_must_agree: bool = True
    """Whether a content is dropped that is refused elsewhere, for its licence or by its owner's word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecipe:
    """How kept documents become rows of tokens."""

    vocabulary: int = 16_384
    """Of the tokenizer that is trained where none is given; a multiple of 128."""
    tokenizer_bytes: int = 100_000_000
    """Text that it is trained on, drawn evenly from what is kept."""
    row_tokens: int = 1_024
    packing: Packing = Packing.REPOSITORY
    fim_repository_rate: float = 0.5
    """Share of the repositories (of the files, for :attr:`Packing.FILE`) in which files are rearranged."""
    fim_rate: float = 0.5
    """Share of the files in those that are rearranged for filling in the middle."""
    metadata_rate: float = 0.5
    """Share of the repositories whose name and paths are shown."""
    line_rate: float = 0.5
    """Share of the rearranged files whose middle is the rest of one line."""
    psm_rate: float = 0.5
    """Share of the rearranged files that are prefix-suffix-middle; the others are suffix-prefix-middle."""
    notebook_scripts: bool = False
    """Whether of a notebook that is kept as pairs its script is a document as well."""
    seed: int = 20261122


@dataclass(frozen=True, slots=True, kw_only=True)
class CurationRecipe:
    """From sources to shards."""

    name: str
    summary: str
    opening: Opening = field(default_factory=Opening)
    """How files become documents."""
    filters: tuple[Stage, ...]
    """Before deduplication, in this order; the cheap ones first."""
    deduplication: Deduplication = Deduplication()
    cleaning: tuple[Stage, ...] = ()
    """After it, in this order: what is dear, and what changes texts."""
    tokens: TokenRecipe = TokenRecipe()
    shard_documents: int = 2_048
    shard_bytes: int = 32 << 20
    """A shard is closed when it holds so many documents or bytes; a worker holds one shard at a time."""

    def __post_init__(self) -> None:
        names = [stage.name for stage in (*self.filters, *self.cleaning)]
        if len(set(names)) < len(names):
            raise ValueError(f"two stages have one name: {names}")

    def with_opt_outs(self, ids: frozenset[str]) -> CurationRecipe:
        """The same recipe with one more stage at its beginning."""
        if not ids:
            return self
        return replace(self, filters=(OptedOut(ids=tuple(sorted(ids))), *self.filters))

    def with_opt_ins(self, ids: frozenset[str], *, issues: bool) -> CurationRecipe:
        """The same recipe that keeps what these ids cover, and issues, whatever licence they have or lack."""
        if not ids and not issues:
            return self
        filters = tuple(
            replace(stage, opted_in=tuple(sorted({*stage.opted_in, *ids})), keeps_issues=issues)
            if isinstance(stage, ByLicense)
            else stage
            for stage in self.filters
        )
        return replace(self, filters=filters)

    def with_held_out(self, names: tuple[str, ...]) -> CurationRecipe:
        """The same recipe that holds out these packages and, where a name is a URL, these origins."""
        if not names:
            return self
        origins = tuple(sorted(name.rstrip("/") for name in names if ":" in name))
        packages = tuple(sorted(name for name in names if ":" not in name))
        return replace(self, filters=(*self.filters, HeldOut(origins=origins, packages=packages)))

    def with_rows(self, *, vocabulary: int | None, row_tokens: int | None) -> CurationRecipe:
        """The same recipe for a model of this vocabulary and rows of this length, where they are given."""
        tokens = self.tokens
        return replace(
            self,
            tokens=replace(
                tokens,
                vocabulary=vocabulary or tokens.vocabulary,
                row_tokens=row_tokens or tokens.row_tokens,
            ),
        )

    def with_evaluation_sets(self, sets: tuple[EvaluationSet, ...]) -> CurationRecipe:
        """The same recipe that also drops what holds items of these sets."""
        if not sets:
            return self
        return replace(self, cleaning=(DropContaminated(sets=sets), *self.cleaning))

    def with_clamd(self, address: str) -> CurationRecipe:
        """The same recipe that asks for malware there, and stops where nobody answers."""
        scan = DropMalware(address=address, without_scanner=WithoutScanner.STOP)
        return replace(self, cleaning=(scan, *(s for s in self.cleaning if not isinstance(s, DropMalware))))
