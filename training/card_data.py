"""What a model card says of the data: who gave what under which licence, what was held out, who said no."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from attribution.index.catalog import remembered_opt_outs
from training.data.engine.layout import CurationLayout
from training.data.prepare import RunLayout
from training.data.sharded import CuratedSource
from training.data.stage import DropReason

_MOST_PROJECTS = 200
HELD_OUT = "held-out"
LEARNED = "train"
_SPLITS = {None: LEARNED, str(DropReason.HELD_OUT): HELD_OUT}


class _Key(NamedTuple):
    split: str
    package: str
    license: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRow:
    """What one package or repository gave under one licence."""

    split: str
    package: str
    license: str
    url: str
    files: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What a run learned from, file by file, summed up."""

    packages: tuple[PackageRow, ...]
    """Of both splits."""
    swhids: frozenset[str]
    """Contents that were learned from."""
    dropped: tuple[tuple[str, int], ...]
    """Files by the reason for which they were left out."""
    opt_outs: int
    """Ids that were obeyed."""

    def of(self, split: str) -> tuple[PackageRow, ...]:
        """Packages of one split."""
        return tuple(row for row in self.packages if row.split == split)


def learned_by_run(layout: RunLayout) -> Learned:
    """Read the lists that a run with a corpus of its own left; raise OSError, KeyError or ValueError."""
    rows, swhids = _Sums(), set()
    with layout.files.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            rows.add(_Key(row["split"], row["package"], row["license"], row["url"]), int(row["bytes"]))
            if row["split"] == LEARNED:
                swhids.add(row["swhid"])
    obeyed = layout.opt_outs.read_text("utf-8").split("\n") if layout.opt_outs.is_file() else []
    dropped: dict[str, int] = json.loads(layout.dropped.read_text("utf-8"))
    return Learned(
        packages=rows.packages(),
        swhids=frozenset(swhids),
        dropped=tuple(sorted(dropped.items())),
        opt_outs=len({name for name in obeyed if name} | remembered_opt_outs(layout.index)),
    )


def learned_by_curation(layout: CurationLayout) -> Learned:
    """Sum the parquet files of a curation up; raise OSError, KeyError or ValueError (pyarrow's are those)."""
    import pyarrow.parquet as pq

    rows, swhids, dropped = _Sums(), set(), Counter[str]()
    columns = ["content_id", "origin", "license_expression", "length_bytes", "drop_reason"]
    paths = sorted(layout.root.glob("curated-*.parquet"))
    if not paths:
        raise FileNotFoundError(2, "its parquet files are gone", str(layout.root))
    for path in paths:
        table = pq.read_table(path, columns=columns)
        for content, url, license_, size, reason in zip(
            *(table[c].to_pylist() for c in columns), strict=True
        ):
            split = _SPLITS.get(reason)
            if split is None:
                dropped[reason] += 1
                continue
            rows.add(_Key(split, _short(url), license_ or "NOASSERTION", url), size)
            if split == LEARNED:
                swhids.add(f"swh:1:cnt:{content}")
    return Learned(
        packages=rows.packages(),
        swhids=frozenset(swhids),
        dropped=tuple(sorted(dropped.items())),
        opt_outs=len(_obeyed(layout) | remembered_opt_outs(layout.index)),
    )


def swhid_digest(swhids: Iterable[str]) -> str:
    r"""SHA-256 of SWHIDs, each once, ascending, each with a line feed at its end.

    >>> swhid_digest(["swh:1:cnt:b", "swh:1:cnt:a", "swh:1:cnt:a"])[:16]
    '4a6cc01b4eb05acd'
    """
    return hashlib.sha256("".join(f"{swhid}\n" for swhid in sorted(set(swhids))).encode()).hexdigest()


def describe_data(learned: Learned, source: CuratedSource | None) -> str:
    """The section; raise OSError, KeyError or ValueError where a curation's card cannot be read."""
    about = _of_curation(source) if source is not None else _OF_PACKAGES
    train, held_out = learned.of(LEARNED), learned.of(HELD_OUT)
    reasons = "\n".join(f"| {reason} | {count:,} |" for reason, count in learned.dropped)
    return f"""## Data

{about}

Learned from: {_total(train)}. The SHA-256 of the sorted list of their {len(learned.swhids):,} different
SWHIDs, one a line, is `{swhid_digest(learned.swhids)}`.
`index/` lists exactly these files.

{_table(train)}

Held out, never learned from: {_total(held_out)}.

{_table(held_out)}

Left out:

| reason | files |
| --- | ---: |
{reasons}

Opt-outs: {learned.opt_outs:,} ids were obeyed when this corpus was made. A run looks for later ones
whenever it is started or resumed, and does not go on with what they cover; what a finished model has learned
cannot be taken out of it again."""


_OF_PACKAGES = """\
Python files of the interpreter's standard library and of installed packages, under permissive licences
only, as their own metadata and file headers state them."""


def _of_curation(source: CuratedSource) -> str:
    """Name the data card; all that is to be said about how files were chosen is there."""
    layout = source.layout
    recipe = json.loads(layout.configuration.read_text("utf-8"))["recipe"]
    card = hashlib.sha256(layout.card.read_bytes()).hexdigest()
    return f"""\
Curated by `sc-attrib train curate --recipe {recipe["name"]}` ({recipe["summary"].rstrip(".")}). What was
read, kept, dropped and why, what was redacted, languages and samples are in the data card of that curation,
`card.md` in its folder (SHA-256 `{card}`).
The rows are those of the digest `{source.identity}`."""


def _obeyed(layout: CurationLayout) -> frozenset[str]:
    filters = json.loads(layout.configuration.read_text("utf-8"))["recipe"]["filters"]
    return frozenset(name for stage in filters if stage["is"] == "OptedOut" for name in stage["ids"])


class _Sums:
    """Files and bytes by package and licence."""

    def __init__(self) -> None:
        self._files: Counter[_Key] = Counter()
        self._bytes: Counter[_Key] = Counter()

    def add(self, key: _Key, size: int) -> None:
        self._files[key] += 1
        self._bytes[key] += size

    def packages(self) -> tuple[PackageRow, ...]:
        """Rows by name."""
        keys = sorted(self._files, key=lambda key: (key.split, key.package.lower(), key.license))
        return tuple(
            PackageRow(**key._asdict(), files=self._files[key], bytes=self._bytes[key]) for key in keys
        )


def _short(url: str) -> str:
    """The end of an address, owner and name where it has them.

    >>> _short("https://github.com/pallets/click"), _short("file:///srv/code/")
    ('pallets/click', 'srv/code')
    """
    return "/".join(url.rstrip("/").split("/")[3:][-2:]) or url


def _total(rows: Iterable[PackageRow]) -> str:
    rows = tuple(rows)
    return f"{sum(row.files for row in rows):,} files, {sum(row.bytes for row in rows) / 1e6:.1f} MB"


def _table(rows: tuple[PackageRow, ...]) -> str:
    """The largest, in their order; the index has the rest."""
    shown = set(sorted(rows, key=lambda row: -row.bytes)[:_MOST_PROJECTS])
    lines = [f"| {_linked(r)} | {r.license} | {r.files:,} | {r.bytes:,} |" for r in rows if r in shown]
    more = [f"| {len(rows) - len(shown):,} smaller ones | | | |"] if len(rows) > len(shown) else []
    return "\n".join(["| project | licence | files | bytes |", "| --- | --- | ---: | ---: |", *lines, *more])


def _linked(row: PackageRow) -> str:
    return f"[{row.package}]({row.url})" if row.url.startswith("https://") else row.package
