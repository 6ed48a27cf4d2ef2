"""The engines that are compared, each behind the same two calls: build an index, open it to search.

A searcher is given a text and a name with the right extension; it answers the names of the files that it
holds to be the source, best first.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import io
import pickle
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling.pack import Label, Pack

if TYPE_CHECKING:
    from attribution.model import Match

Search = Callable[[bytes, str], list[str]]
_WORD = re.compile(r"\w+")
_BYTE_WORD = re.compile(rb"\w+")
_TOP = 5
_PICKLE = "index.pickle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An engine: how it is called, what it does, and the calls."""

    name: str
    method: str
    version: Callable[[], str]
    build: Callable[[Pack, int, Path], None]
    load: Callable[[], None]
    """Import what opening needs, so that imports are not taken for opening."""
    open: Callable[[Path, str], Search]
    """Open an index for one of the lanes, "" being all."""
    lanes: Callable[[], list[str]] = list
    """Names of lanes that can be measured alone."""


def _ours_version() -> str:
    """A digest of the engine's source, so that a kept index is never taken for one of another engine."""
    import attribution

    root = Path(attribution.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in {".py", ".cpp", ".hpp"}):
        if not {"commands", "report", "sources"} & set(path.parts):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _ours_build(profile: str) -> Callable[[Pack, int, Path], None]:
    def build(pack: Pack, documents: int, directory: Path) -> None:
        from attribution.index.builder import build_index
        from attribution.index.profile import Profile

        build_index(directory, pack.files(documents), profile=Profile(profile))

    return build


def _ours_load() -> None:
    import attribution.trace
    from attribution.trace import Tracer

    _ = attribution.trace, Tracer


def _ours_lanes() -> list[str]:
    from attribution.model import Lane
    from attribution.trace import Tracer

    return [lane.value for lane in Lane] if "lanes" in inspect.signature(Tracer.open).parameters else []


def _ours_open(directory: Path, lane: str) -> Search:
    from attribution.model import Lane
    from attribution.trace import Tracer

    if lane:
        chosen = frozenset(Lane(name) for name in lane.split("+"))
        tracer = Tracer.open([directory], lanes=chosen)  # type: ignore[call-arg]
    else:
        tracer = Tracer.open([directory])

    def search(text: bytes, name: str) -> list[str]:
        return [_name_of(match) for match in tracer.trace(text, path=name).matches[:_TOP]]

    return search


def _name_of(match: Match) -> str:
    return Label(language="", url=match.origin.url, path=match.origin.path).name


def _tantivy_schema() -> Any:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("name", stored=True, index_option="basic", tokenizer_name="raw")
    builder.add_text_field("body", stored=False, index_option="freq")
    return builder.build()


def _tantivy_build(pack: Pack, documents: int, directory: Path) -> None:
    import tantivy

    directory.mkdir(parents=True)
    index = tantivy.Index(_tantivy_schema(), path=str(directory))
    writer = index.writer(heap_size=512 << 20, num_threads=2)
    for number in range(documents):
        body = pack.content(number).decode("utf-8", "replace")
        writer.add_document(tantivy.Document(name=pack.label(number).name, body=body))
    writer.commit()
    writer.wait_merging_threads()


def _tantivy_open(directory: Path, _: str) -> Search:
    import tantivy

    index = tantivy.Index.open(str(directory))
    schema, searcher = index.schema, index.searcher()

    def search(text: bytes, _: str) -> list[str]:
        words = dict.fromkeys(re.findall(r"[^\W_]+", text.decode("utf-8", "replace").lower()))
        terms = [
            (tantivy.Occur.Should, tantivy.Query.term_query(schema, "body", word, index_option="freq"))
            for word in words
            if len(word) <= 40
        ]
        hits = searcher.search(tantivy.Query.boolean_query(terms), _TOP).hits
        return [searcher.doc(address)["name"][0] for _, address in hits]

    return search


def _crc32(data: bytes) -> int:
    return zlib.crc32(data)


def _minhash(text: bytes) -> Any:
    from datasketch import MinHash

    words = _BYTE_WORD.findall(text.lower())
    minhash = MinHash(num_perm=128, hashfunc=_crc32)
    minhash.update_batch([b" ".join(words[at : at + 5]) for at in range(max(1, len(words) - 4))])
    return minhash


def _datasketch_build(pack: Pack, documents: int, directory: Path) -> None:
    from datasketch import MinHashLSH

    lsh = MinHashLSH(threshold=0.7, num_perm=128)
    for number in range(documents):
        lsh.insert(number, _minhash(pack.content(number)))
    names = [pack.label(number).name for number in range(documents)]
    tables, lsh.hashtables, lsh.keys = lsh.hashtables, [], None  # keys serve removal alone
    _dump(directory, lsh, names, *tables)


def _dump(directory: Path, *values: object) -> None:
    """Keep what has no form on disk of its own; one by one, so that pickling takes no memory to speak of."""
    directory.mkdir(parents=True)
    with (directory / _PICKLE).open("wb") as file:
        for value in values:
            pickle.dump(value, file, protocol=5)


def _load_pickles(directory: Path) -> list[Any]:
    values = []
    with (directory / _PICKLE).open("rb") as file, contextlib.suppress(EOFError):
        while True:
            values.append(pickle.load(file))
    return values


def _datasketch_open(directory: Path, _: str) -> Search:
    lsh, names, *lsh_tables = _load_pickles(directory)
    lsh.hashtables = lsh_tables
    return lambda text, _: [names[number] for number in lsh.query(_minhash(text))[:_TOP]]


def _copydetect_print(text: bytes, path: str) -> Any:
    from copydetect import CodeFingerprint

    return CodeFingerprint(path, 25, 10, fp=io.StringIO(text.decode("utf-8", "replace")))


def _copydetect_build(pack: Pack, documents: int, directory: Path) -> None:
    """Fingerprint all files: copydetect has no index, it compares with one after the other."""
    prints = [_copydetect_print(pack.content(n), pack.label(n).name) for n in range(documents)]
    _dump(directory, *prints)


def _copydetect_open(directory: Path, _: str) -> Search:
    from copydetect import compare_files

    prints = _load_pickles(directory)

    def search(text: bytes, name: str) -> list[str]:
        ours = _copydetect_print(text, name)
        overlaps = [(compare_files(ours, known)[0], number) for number, known in enumerate(prints)]
        best = sorted(overlaps, reverse=True)[:_TOP]
        return [prints[number].filename for overlap, number in best if overlap]

    return search


_NO_TOKEN = 0xFE
"""An end-of-text token that never decides anything here; files are parted by 0xFF."""


def _infini_gram_build(pack: Pack, documents: int, directory: Path) -> None:
    """Write bytes and offsets as its first step would, without its tokenizer; let it sort the suffixes."""
    directory.mkdir(parents=True)
    offsets, at = np.zeros(documents, dtype=np.uint64), 0
    with (directory / "tokenized.0").open("wb", buffering=1 << 20) as file:
        for number in range(documents):
            content = pack.content(number).replace(b"\xff", b" ")
            offsets[number] = at
            at += file.write(b"\xff" + content)
    offsets.tofile(directory / "offset.0")
    names = "\n".join(pack.label(number).name for number in range(documents))
    (directory / "names.txt").write_text(names, "utf-8", "surrogateescape")
    (directory / "data").mkdir()
    options = "--token_dtype u8 --cpus 2 --mem 6 --ulimit 1024".split()
    folders = ["--data_dir", str(directory / "data"), "--save_dir", str(directory)]
    subprocess.run(
        [sys.executable, "-m", "infini_gram.indexing", *options, *folders],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _infini_gram_open(directory: Path, _: str) -> Search:
    from infini_gram.engine import InfiniGramEngine

    engine = InfiniGramEngine(
        str(directory), eos_token_id=_NO_TOKEN, vocab_size=0xFF, version=4, token_dtype="u8"
    )
    names = (directory / "names.txt").read_text("utf-8", "surrogateescape").split("\n")
    offsets = np.fromfile(directory / "offset.0", dtype=np.uint64)  # its own look-up refuses odd places

    def search(text: bytes, _: str) -> list[str]:
        answer: Any = engine.attribute(
            input_ids=list(text), delim_ids=[], min_len=40, max_cnt=50, enforce_bow=False
        )
        longest = sorted(answer["spans"], key=lambda span: span["l"] - span["r"])[:1]
        places = [doc["ptr"] for span in longest for doc in span["docs"][:_TOP]]
        return [names[number] for number in np.searchsorted(offsets, places, side="right") - 1]

    return search


def _package_version(name: str) -> Callable[[], str]:
    return lambda: metadata.version(name)


def _importing(*names: str) -> Callable[[], None]:
    def load() -> None:
        for name in names:
            __import__(name)

    return load


ENGINES = {
    engine.name: engine
    for engine in (
        Engine(
            name="sc-attrib",
            method="seed, chain, verify; full profile",
            version=_ours_version,
            build=_ours_build("full"),
            load=_ours_load,
            open=_ours_open,
            lanes=_ours_lanes,
        ),
        Engine(
            name="sc-attrib-seeds",
            method="literal and structural seeds alone",
            version=_ours_version,
            build=_ours_build("seeds"),
            load=_ours_load,
            open=_ours_open,
        ),
        Engine(
            name="sc-attrib-sparse",
            method="literal seeds only, window 48",
            version=_ours_version,
            build=_ours_build("sparse"),
            load=_ours_load,
            open=_ours_open,
        ),
        Engine(
            name="infini-gram",
            method="suffix array over bytes; longest verbatim spans",
            version=_package_version("infini-gram"),
            build=_infini_gram_build,
            load=_importing("infini_gram.engine"),
            open=_infini_gram_open,
        ),
        Engine(
            name="tantivy",
            method="BM25 over words on disk",
            version=_package_version("tantivy"),
            build=_tantivy_build,
            load=_importing("tantivy"),
            open=_tantivy_open,
        ),
        Engine(
            name="datasketch",
            method="MinHash LSH over whole files, in memory; 128 permutations, 0.7, CRC-32",
            version=_package_version("datasketch"),
            build=_datasketch_build,
            load=_importing("datasketch"),
            open=_datasketch_open,
        ),
        Engine(
            name="copydetect",
            method="winnowed fingerprints, in memory; compares with each file",
            version=_package_version("copydetect"),
            build=_copydetect_build,
            load=_importing("copydetect"),
            open=_copydetect_open,
        ),
    )
}
