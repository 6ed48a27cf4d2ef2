"""One's own repositories: what may be learned of them, what is held out, and rows in pretraining's format.

A repository is packed several times over, each time in another order and with other gaps, because a small one
is read several times: in every other pass as StarCoder2 saw repositories, name and paths shown; in the passes
between, file by file, as an editor without other files presents one.
"""

from __future__ import annotations

import csv
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from tokenizers import Tokenizer

from attribution.fingerprint.minhash import sign
from attribution.index.builder import build_index
from attribution.model import SourceFile
from training.data.consent import write_obeyed
from training.data.dedup.near import NearDuplicates, near_duplicates
from training.data.documents import open_documents
from training.data.filters.license import OptedOut
from training.data.pieces import DocumentMaker
from training.data.pii.stage import RedactPersonalData
from training.data.repositories import RepositoryPacker, RepositoryText
from training.data.select import package_of
from training.data.shards import write_shards
from training.data.stage import Document, DropReason, Stage, run_stages
from training.errors import EmptyCorpusError
from training.finetuning.layout import TuningLayout
from training.finetuning.own import divide
from training.finetuning.recipe import TuningRecipe
from training.recipes.curation.recipe import TokenRecipe
from training.recipes.curation.starcoder2 import RECIPE as STARCODER2
from training.tokenizer import control_ids, fingerprint

_log = logging.getLogger(__name__)

FOREIGN = "under another licence than the repository"
_BY_LICENSE = "licence"
_HELD_OUT_STREAM = 1 << 32
"""A random stream that no pass has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRepository:
    """The files of one repository, and the licence that it states for itself."""

    files: tuple[SourceFile, ...]
    license: str
    """SPDX expression, or ``NOASSERTION``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How files are chosen."""

    keeps_foreign: bool = False
    """Whether files under another licence than their repository's are learned from too."""
    held_out_share: float = 0.1
    """Of the characters; at least one file."""
    seed: int = 20261122


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What is learned from, what is measured on, and what is neither."""

    learned: tuple[Document, ...]
    held_out: tuple[Document, ...]
    foreign: tuple[SourceFile, ...]
    dropped: Counter[str]


def choose(repositories: Sequence[OwnRepository], choice: Choice, opt_outs: frozenset[str]) -> Chosen:
    """Judge the files of repositories by whose they are, by pretraining's filters, and for personal data.

    Raises :class:`EmptyCorpusError` where too little is left to learn from and to measure on.
    """
    divided = [divide(repository.files, repository.license) for repository in repositories]
    foreign = tuple(file for division in divided for file in division.foreign)
    own = [file for division in divided for file in division.own]
    dropped: Counter[str] = Counter()
    if choice.keeps_foreign:
        own += foreign
    else:
        dropped.update({FOREIGN: len(foreign)} if foreign else {})
    opened = open_documents(own)
    judged = run_stages(_stages(opt_outs), opened.kept)
    dropped.update(str(refused.reason) for refused in (*opened.dropped, *judged.dropped))
    learned, held_out = _hold_out(_distinct(judged.kept, dropped), choice)
    learned = _unlike(learned, held_out, dropped)
    for split, documents in (("training", learned), ("held-out", held_out)):
        if not documents:
            raise EmptyCorpusError(split, dict(dropped))
    return Chosen(learned=tuple(learned), held_out=tuple(held_out), foreign=foreign, dropped=dropped)


def _stages(opt_outs: frozenset[str]) -> tuple[Stage, ...]:
    """Pretraining's own, but for its judgement of licences: here the owner asks."""
    filters = tuple(stage for stage in STARCODER2.filters if stage.name != _BY_LICENSE)
    return (OptedOut(ids=tuple(sorted(opt_outs))), *filters, RedactPersonalData())


def _distinct(documents: Iterable[Document], dropped: Counter[str]) -> list[Document]:
    first: dict[str, Document] = {}
    for document in sorted(documents, key=lambda d: (d.file.origin.url, d.path)):
        if first.setdefault(document.text, document) is not document:
            dropped[str(DropReason.EXACT_DUPLICATE)] += 1
    return list(first.values())


def _hold_out(documents: list[Document], choice: Choice) -> tuple[list[Document], list[Document]]:
    """Draw files at random until they hold the share of all characters; never the last one."""
    room = choice.held_out_share * sum(len(document.text) for document in documents)
    drawn: set[int] = set()
    for number in np.random.default_rng(choice.seed).permutation(len(documents))[:-1]:
        if room <= 0:
            break
        drawn.add(int(number))
        room -= len(documents[number].text)
    learned = [d for number, d in enumerate(documents) if number not in drawn]
    return learned, [documents[number] for number in sorted(drawn)]


def _unlike(learned: list[Document], held_out: list[Document], dropped: Counter[str]) -> list[Document]:
    """Leave out what is nearly the same as a held-out file."""
    documents = [*held_out, *learned]
    if not documents:
        return learned
    signatures = np.stack([sign(document.text.encode("utf-8")) for document in documents])
    keepers = near_duplicates(signatures, np.arange(len(documents)), NearDuplicates())
    ours = zip(learned, keepers[len(held_out) :], strict=True)
    unlike = [document for document, keeper in ours if keeper >= len(held_out)]
    if len(unlike) < len(learned):
        dropped[str(DropReason.NEAR_HELD_OUT)] += len(learned) - len(unlike)
    return unlike


def write_data(
    layout: TuningLayout,
    chosen: Chosen,
    tokenizer: Tokenizer,
    recipe: TuningRecipe,
    *,
    data: str,
    opt_outs: frozenset[str],
) -> None:
    """Write lists, index and rows; the rows come last. ``data`` is a digest that the manifests bear.

    Raises what building an index raises, and :class:`OSError`.
    """
    layout.root.mkdir(parents=True, exist_ok=True)
    write_lists(layout, chosen)
    write_obeyed(layout.opt_outs, opt_outs)
    build_index(layout.index, [document.file for document in chosen.learned], opt_outs=opt_outs)
    ids, name = control_ids(tokenizer), fingerprint(tokenizer)
    for directory, documents in (
        (layout.train, pack(chosen.learned, tokenizer, recipe)),
        (layout.held_out, _plain(chosen.held_out, tokenizer, recipe)),
    ):
        manifest = write_shards(
            directory,
            documents,
            row_tokens=recipe.row_tokens,
            pad_id=ids.fim_pad,
            tokenizer=name,
            data=data,
        )
        _log.info("%s: %d rows, %d tokens", directory.name, manifest.rows, manifest.tokens)


def pack(documents: Sequence[Document], tokenizer: Tokenizer, recipe: TuningRecipe) -> Iterator[list[int]]:
    """Token documents of as many passes as there are epochs, as far as there are updates to read them."""
    room = recipe.most_updates * recipe.batch_rows * recipe.row_tokens
    for number in range(recipe.most_epochs):
        passing = _as_repositories if recipe.names_repositories and number % 2 == 0 else _as_files
        for document in passing(documents, tokenizer, recipe, number):
            yield document
            room -= len(document)
        if room <= 0:
            return


def _as_repositories(
    documents: Sequence[Document], tokenizer: Tokenizer, recipe: TuningRecipe, number: int
) -> Iterator[list[int]]:
    """All files of each repository under its name, as pretraining presents those whose names are shown."""
    ids = control_ids(tokenizer)
    if ids.repo_name is None:  # SantaCoder knows no repositories
        yield from _as_files(documents, tokenizer, recipe, number)
        return
    settings = TokenRecipe(
        row_tokens=recipe.row_tokens,
        fim_repository_rate=1.0,
        fim_rate=recipe.fim_rate,
        psm_rate=recipe.psm_rate,
        line_rate=recipe.line_rate,
        metadata_rate=1.0,
        seed=recipe.seed,
    )
    for url in sorted({document.file.origin.url for document in documents}):
        texts = [RepositoryText(path=d.path, text=d.text) for d in documents if d.file.origin.url == url]
        key = int.from_bytes(hashlib.sha256(f"{url} {number}".encode()).digest()[:8], "little")
        yield from RepositoryPacker(tokenizer, ids, settings, name=_shown(url), key=key).rows(texts)


def _as_files(
    documents: Sequence[Document], tokenizer: Tokenizer, recipe: TuningRecipe, number: int
) -> Iterator[list[int]]:
    maker = DocumentMaker(
        tokenizer, control_ids(tokenizer), recipe.file_rows, fim_rate=recipe.fim_rate, stream=number
    )
    for document in documents:
        yield from maker.documents(document.text)


def _plain(documents: Sequence[Document], tokenizer: Tokenizer, recipe: TuningRecipe) -> Iterator[list[int]]:
    """Held-out text as it is, cut to rows."""
    return _as_files(documents, tokenizer, replace(recipe, fim_rate=0.0), _HELD_OUT_STREAM)


def _shown(url: str) -> str:
    """What a model sees as a repository's name: without scheme and host, of a path the last folder."""
    path = url.partition("://")[2].partition("/")[2].strip("/")
    return path.rpartition("/")[2] if url.startswith("file:") else path or url


def write_lists(layout: TuningLayout, chosen: Chosen) -> None:
    """Write which files were used and how, which are another's, and counts of all else."""
    with layout.files.open("w", newline="", encoding="utf-8", errors="surrogateescape") as stream:
        writer = csv.writer(stream)
        writer.writerow(["split", "swhid", "package", "url", "path", "license", "bytes"])
        for split, documents in (("train", chosen.learned), ("held-out", chosen.held_out)):
            writer.writerows([split, *_described(document.file)] for document in documents)
    with layout.foreign.open("w", newline="", encoding="utf-8", errors="surrogateescape") as stream:
        writer = csv.writer(stream)
        writer.writerow(["swhid", "package", "url", "path", "license", "bytes"])
        writer.writerows(_described(file) for file in chosen.foreign)
    with layout.held_out_text.open("w", encoding="utf-8") as stream:
        for document in chosen.held_out:
            entry = {
                "swhid": str(document.file.swhid),
                "package": package_of(document.file.origin),
                "path": document.path,
                "text": document.text,
            }
            stream.write(json.dumps(entry) + "\n")
    layout.dropped.write_text(json.dumps(chosen.dropped, indent=1, sort_keys=True))
    layout.report.write_text(json.dumps(report_of(chosen), indent=1))


def report_of(chosen: Chosen) -> dict[str, object]:
    """Counts of what was used, left out and redacted, for people and programs."""
    documents = (*chosen.learned, *chosen.held_out)
    return {
        "schema": 1,
        "learned": len(chosen.learned),
        "held_out": len(chosen.held_out),
        "dropped": dict(sorted(chosen.dropped.items())),
        "foreign": dict(Counter(file.origin.license.expression for file in chosen.foreign)),
        "redacted": dict(Counter(str(r.kind) for document in documents for r in document.redactions)),
    }


def _described(file: SourceFile) -> list[object]:
    origin = file.origin
    license = origin.license.expression
    name = origin.revision or package_of(origin)
    return [file.swhid, name, origin.url, origin.path, license, len(file.content)]
