"""Documents as rows of parquet: The Stack v2's columns, what we know besides, and why a row was dropped.

Columns that no source of ours fills (``directory_id``, ``gha_…``) are there and null, so that whoever reads
The Stack v2 reads this too. ``content`` is the text as it is to be trained on; dropped rows have none.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from attribution.fingerprint.minhash import PERMUTATIONS
from attribution.index.builder import git_digest
from attribution.model import Facts, License, Origin, SourceFile
from attribution.swhid import Swhid
from training.data.filters.license import type_of
from training.data.stage import ControlToken, Document, Dropped, Judged, Mark, PersonalData, Redaction

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]
SIGNATURE_BYTES = 4 * PERMUTATIONS
_GITHUB = "https://github.com/"
_NOTICES, _COUNTS = b"sc-attrib.notices", b"sc-attrib.counts"


def curated_schema() -> pa.Schema:
    """Columns of the files that are kept."""
    import pyarrow as pa

    time, texts = pa.timestamp("us"), pa.list_(pa.string())
    redaction = pa.struct(
        [("kind", pa.string()), ("start", pa.int64()), ("end", pa.int64()), ("replacement", pa.string())]
    )
    mark = pa.struct([("position", pa.int64()), ("token", pa.string())])
    return pa.schema(
        [
            ("blob_id", pa.string()),
            ("directory_id", pa.string()),
            ("path", pa.string()),
            ("content_id", pa.string()),
            ("detected_licenses", texts),
            ("license_type", pa.string()),
            ("repo_name", pa.string()),
            ("snapshot_id", pa.string()),
            ("revision_id", pa.string()),
            ("branch_name", pa.string()),
            ("visit_date", time),
            ("revision_date", time),
            ("committer_date", time),
            ("github_id", pa.int64()),
            ("star_events_count", pa.int64()),
            ("fork_events_count", pa.int64()),
            ("gha_license_id", pa.string()),
            ("gha_event_created_at", time),
            ("gha_created_at", time),
            ("gha_language", pa.string()),
            ("src_encoding", pa.string()),
            ("language", pa.string()),
            ("is_vendor", pa.bool_()),
            ("is_generated", pa.bool_()),
            ("length_bytes", pa.int64()),
            ("extension", pa.string()),
            ("filename", pa.string()),
            ("origin", pa.string()),
            ("revision", pa.string()),
            ("date", pa.string()),
            ("license_expression", pa.string()),
            ("license_evidence", texts),
            ("license_conflicts", texts),
            ("content", pa.string()),
            ("redactions", pa.list_(redaction)),
            ("marks", pa.list_(mark)),
            ("drop_reason", pa.string()),
            ("drop_stage", pa.string()),
            ("drop_detail", pa.string()),
            ("duplicate_of", pa.string()),
        ]
    )


def filtered_schema() -> pa.Schema:
    """Columns of the files in between: the same, with the file's bytes and the signature of its text."""
    import pyarrow as pa

    own = pa.schema([("bytes", pa.binary()), ("signature", pa.binary(SIGNATURE_BYTES))])
    return pa.unify_schemas([curated_schema(), own])


def row_of(document: Document) -> Row:
    """What is known of a document but for its text; names that are not UTF-8 are written with escapes."""
    file, origin = document.file, document.file.origin
    path = _writable(origin.path)
    name = path.rpartition("/")[2]
    revision = origin.revision
    is_commit = revision is not None and revision.startswith("swh:1:rev:")
    return {
        "blob_id": hashlib.sha1(file.content, usedforsecurity=False).hexdigest(),
        "path": f"/{path}",
        "content_id": git_digest(file.content).hex(),
        "detected_licenses": _identifiers(origin.license),
        "license_type": type_of(origin.license),
        "repo_name": origin.url.removeprefix(_GITHUB),
        "snapshot_id": origin.snapshot.object_id if origin.snapshot else None,
        "revision_id": revision.removeprefix("swh:1:rev:") if revision and is_commit else None,
        "revision_date": _time(origin.date),
        "star_events_count": file.facts.stars,
        "fork_events_count": file.facts.forks,
        "src_encoding": "UTF-8",
        "language": document.language,
        "is_vendor": file.facts.is_vendored,
        "is_generated": file.facts.is_generated,
        "length_bytes": len(file.content),
        "extension": name.rpartition(".")[2] if "." in name else "",
        "filename": name,
        "origin": origin.url,
        "revision": revision,
        "date": origin.date,
        "license_expression": origin.license.expression,
        "license_evidence": [*map(_writable, origin.license.evidence)],
        "license_conflicts": [*map(_writable, origin.license.conflicts)],
    }


def refusal_of(dropped: Dropped) -> Row:
    """The columns that say why a document is dropped."""
    return {
        "drop_reason": str(dropped.reason),
        "drop_stage": dropped.stage,
        "drop_detail": dropped.detail or None,
    }


def redactions_of(document: Document) -> list[Row]:
    """The column of redactions."""
    return [
        {"kind": str(r.kind), "start": r.start, "end": r.end, "replacement": r.replacement}
        for r in document.redactions
    ]


def marks_of(document: Document) -> list[Row]:
    """The column of places at which control tokens stand."""
    return [{"position": mark.position, "token": str(mark.token)} for mark in document.marks]


def marks_in(row: Mapping[str, Any]) -> tuple[Mark, ...]:
    """What :func:`marks_of` wrote; nothing in rows of a time that knew no marks."""
    return tuple(
        Mark(position=written["position"], token=ControlToken(written["token"]))
        for written in row.get("marks") or ()
    )


def file_of(row: Mapping[str, Any]) -> SourceFile:
    """The source file that a row with its bytes was made from."""
    snapshot = row["snapshot_id"]
    return SourceFile(
        content=row["bytes"],
        origin=Origin(
            url=row["origin"],
            path=row["path"][1:],
            revision=row["revision"],
            snapshot=Swhid.parse(f"swh:1:snp:{snapshot}") if snapshot else None,
            date=row["date"],
            license=License(
                expression=row["license_expression"],
                evidence=tuple(row["license_evidence"]),
                conflicts=tuple(row["license_conflicts"]),
            ),
        ),
        facts=Facts(
            stars=row["star_events_count"],
            forks=row["fork_events_count"],
            is_vendored=row["is_vendor"],
            is_generated=row["is_generated"],
        ),
    )


def document_of(row: Mapping[str, Any], language: str) -> Document:
    """The document of a row with its bytes and its text."""
    return Document(
        file=file_of(row),
        text=row["content"],
        language=language,
        redactions=tuple(
            Redaction(**{**written, "kind": PersonalData(written["kind"])})
            for written in row["redactions"] or ()
        ),
        marks=marks_in(row),
    )


def signature_bytes(signature: NDArray[np.uint32]) -> bytes:
    """A signature as it is stored."""
    return signature.astype("<u4").tobytes()


def write_rows(path: Path, rows: list[Row], schema: pa.Schema, judged: Judged) -> None:
    """Write a parquet file, with what the stages have to say; equal rows and words give equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    said = {_NOTICES: json.dumps(sorted(judged.notices)), _COUNTS: json.dumps(judged.counts, sort_keys=True)}
    schema = schema.with_metadata({name: text.encode() for name, text in said.items()})
    columns = {name: [row.get(name) for row in rows] for name in schema.names}
    table = pa.table({f.name: pa.array(columns[f.name], type=f.type) for f in schema}, schema=schema)
    pq.write_table(table, path, compression="zstd", row_group_size=1024)


def read_notices(path: Path) -> frozenset[str]:
    """The notices that a file was written with."""
    import pyarrow.parquet as pq

    metadata = pq.read_schema(path).metadata or {}
    return frozenset(json.loads(metadata.get(_NOTICES, b"[]")))


def read_counts(path: Path) -> Counter[str]:
    """The counts of the stages that a file was written with."""
    import pyarrow.parquet as pq

    metadata = pq.read_schema(path).metadata or {}
    return Counter(json.loads(metadata.get(_COUNTS, b"{}")))


def _writable(text: str) -> str:
    r"""A text without what stands for bytes that are not UTF-8.

    >>> _writable("caf\udce9.py")
    'caf\\xe9.py'
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _identifiers(license: License) -> list[str]:
    from attribution.licenses.expressions import parse

    tree = parse(license.expression)
    return sorted({str(symbol) for symbol in tree.symbols}) if tree is not None else []


def _time(date: str | None) -> datetime | None:
    """A time in UTC, without its zone as The Stack writes it; ``None`` where it cannot be told.

    >>> _time("2024-03-01T10:00:00+02:00"), _time("yesterday"), _time("0001-01-01T00:00:00+14:00")
    (datetime.datetime(2024, 3, 1, 8, 0), None, None)
    """
    try:
        time = datetime.fromisoformat(date) if date else None
        return time.astimezone(UTC).replace(tzinfo=None) if time and time.tzinfo else time
    except (ValueError, OverflowError):  # a time before the year 1 elsewhere
        return None
