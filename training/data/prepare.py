"""Everything a run reads, made once: files, tokenizer, shards, held-out text, index."""

from __future__ import annotations

import csv
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from attribution.errors import UnreadableInputError
from attribution.index.builder import build_index
from attribution.index.opt_outs import OptOuts
from attribution.index.profile import Profile
from attribution.model import SourceFile
from training.data.consent import ids_to_obey, write_obeyed
from training.data.corpus_layout import CorpusLayout
from training.data.pieces import DocumentMaker
from training.data.select import Selection, package_of, select_files
from training.data.shards import read_manifest, write_shards
from training.errors import EmptyCorpusError
from training.recipes.recipe import DataRecipe, Recipe, digest
from training.tokenizer import (
    control_ids,
    fingerprint,
    load_tokenizer,
    save_tokenizer,
    train_tokenizer,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLayout(CorpusLayout):
    """Where things lie in a run's folder."""

    @property
    def files(self) -> Path:
        """Every file of both splits, one a line: split, SWHID, package, path, licence, bytes."""
        return self.root / "files.csv"

    @property
    def opt_outs(self) -> Path:
        """Ids that were obeyed when the files were selected, one a line."""
        return self.root / "opt-outs.txt"

    @property
    def dropped(self) -> Path:
        """How many files were left out, by reason."""
        return self.root / "dropped.json"

    def is_prepared(self) -> bool:
        """Whether all of it is there; shards come last."""
        return self.tokenizer.is_file() and all(
            read_manifest(d) is not None for d in (self.train, self.held_out)
        )


def prepare(
    recipe: Recipe,
    layout: RunLayout,
    files: Iterable[SourceFile],
    *,
    profile: Profile = Profile.SPARSE,
    opt_outs: Iterable[str] = (),
) -> None:
    """Make what is missing in a run's folder from a stream of source files.

    What ``opt_outs`` name, and what the run's index keeps out already, is neither learned from nor measured
    on nor indexed. Raises :class:`EmptyCorpusError`, and whatever building an index raises.
    """
    ids = ids_to_obey(layout.index, opt_outs)
    selection = select_files(files, recipe.data, opt_outs=OptOuts.of(ids))
    for split, kept in (("training", selection.train), ("held-out", selection.held_out)):
        if not kept:
            raise EmptyCorpusError(split, dict(selection.dropped))
    layout.root.mkdir(parents=True, exist_ok=True)
    _write_file_list(layout, selection)
    write_obeyed(layout.opt_outs, ids)
    build_index(layout.index, selection.train, profile=profile, opt_outs=ids)
    tokenizer = ensure_tokenizer(layout.tokenizer, selection.train, vocabulary=recipe.model.vocabulary)
    for number, (directory, kept, rate) in enumerate(
        ((layout.train, selection.train, recipe.data.fim_rate), (layout.held_out, selection.held_out, 0.0))
    ):
        _write_split(directory, kept, tokenizer, recipe.data, fim_rate=rate, stream=number)


def ensure_tokenizer(path: Path, files: Sequence[SourceFile], *, vocabulary: int) -> Tokenizer:
    """Load the tokenizer at ``path`` if it was trained on exactly these files, else train it and save it.

    What it was trained on stands beside it, as a digest: one that has read other files would know text that
    neither the list of files nor the index names.
    """
    record = path.with_name(path.name + ".trained-on")
    if path.is_file():
        tokenizer = load_tokenizer(path)
        if record.is_file() and record.read_bytes() == _training_record(tokenizer, files, vocabulary):
            return tokenizer
        _log.info("%s was not trained on these files, and is trained anew", path)
    tokenizer = train_tokenizer(_texts(files), vocabulary=vocabulary)
    save_tokenizer(tokenizer, path)
    tokenizer = load_tokenizer(path)
    record.write_bytes(_training_record(tokenizer, files, vocabulary))
    return tokenizer


def _training_record(tokenizer: Tokenizer, files: Iterable[SourceFile], vocabulary: int) -> bytes:
    """Digest of a tokenizer together with the contents and the size that it was trained for."""
    lines = [fingerprint(tokenizer), str(vocabulary), *sorted(str(file.swhid) for file in files)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest().encode()


def index_run(
    layout: RunLayout, directory: Path, files: Iterable[SourceFile], *, opt_outs: Iterable[str] = ()
) -> None:
    """Index those of ``files`` that a run learned from, all of them but what ``opt_outs`` name.

    Raises :class:`attribution.errors.UnreadableInputError` where the run has no list of files, or some of
    them are no longer among the sources.
    """
    try:
        with layout.files.open(newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row["split"] == "train"]
        wanted = {(row["swhid"], row["url"], row["path"]) for row in rows}
    except (OSError, KeyError) as error:
        raise UnreadableInputError(
            layout.files, f"is not a list of files ({error})", remedy="name the folder of a run"
        ) from error
    found = [f for f in files if (str(f.swhid), f.origin.url, f.origin.path) in wanted]
    if len(found) < len(wanted):
        raise UnreadableInputError(
            layout.files,
            f"{len(wanted) - len(found)} files that were learned from are not among these sources",
            remedy="name the sources that the run was prepared from",
        )
    build_index(directory, found, profile=Profile.SPARSE, opt_outs=opt_outs)


def _texts(files: Iterable[SourceFile]) -> Iterator[str]:
    return (file.content.decode("utf-8") for file in files)


def _write_split(
    directory: Path,
    files: Iterable[SourceFile],
    tokenizer: Tokenizer,
    recipe: DataRecipe,
    *,
    fim_rate: float,
    stream: int,
) -> None:
    ids = control_ids(tokenizer)
    maker = DocumentMaker(tokenizer, ids, recipe, fim_rate=fim_rate, stream=stream)
    manifest = write_shards(
        directory,
        (document for text in _texts(files) for document in maker.documents(text)),
        row_tokens=recipe.row_tokens,
        pad_id=ids.fim_pad,
        tokenizer=fingerprint(tokenizer),
        data=digest(recipe),
    )
    _log.info("%s: %d rows, %d tokens", directory.name, manifest.rows, manifest.tokens)


def _write_file_list(layout: RunLayout, selection: Selection) -> None:
    with layout.files.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["split", "swhid", "package", "url", "path", "license", "bytes"])
        for split, files in (("train", selection.train), ("held-out", selection.held_out)):
            for file in files:
                origin = file.origin
                writer.writerow(
                    [
                        split,
                        file.swhid,
                        origin.revision or package_of(origin),
                        origin.url,
                        origin.path,
                        origin.license.expression,
                        len(file.content),
                    ]
                )
    with layout.held_out_text.open("w") as stream:
        for file in selection.held_out:
            entry = {
                "swhid": str(file.swhid),
                "package": package_of(file.origin),
                "path": file.origin.path,
                "text": file.content.decode("utf-8"),
            }
            stream.write(json.dumps(entry) + "\n")
    layout.dropped.write_text(json.dumps(Counter(selection.dropped), indent=1, sort_keys=True))
