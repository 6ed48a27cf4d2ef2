"""Real code to measure with: old and new versions of real packages, fetched and cached, never committed.

    python benchmarks/corpora.py [--corpus DIR] [--quick]     fetch it, and say what it holds

Python comes through ``pip download``, JavaScript and TypeScript (and Java for Android) through ``npm pack``,
Go, Rust and Java through ``apt-get download`` from two releases of Debian, with an apt state of its own in
the cache folder: nothing is installed, no code of a package is run, and no address stands in this file, since
each client knows its own. Everything is pinned by name and version. Of every package only its own code is
kept, as one zip file, so a second run reads the disk alone, and one that was cut off goes on where it was.

Left out: tests and their data, vendored packages, minified and generated bundles, type declarations, and
files under 200 bytes or over 200 kB. The new versions are indexed, the old ones only asked about; held-out
packages are neither indexed nor vendored by one that is.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from corpus_packages import HELD_OUT, INDEXED, QUICK

from attribution.model import NO_ASSERTION, License, Origin, SourceFile

DEFAULT_CORPUS = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "sc-attrib", "benchmarks")
LANGUAGES = {
    "py": "Python",
    "js": "JavaScript",
    "mjs": "JavaScript",
    "cjs": "JavaScript",
    "jsx": "JavaScript",
    "ts": "JavaScript",
    "tsx": "JavaScript",
    "go": "Go",
    "rs": "Rust",
    "java": "Java",
}
"""Language of the table by extension; TypeScript counts as JavaScript."""
_SUITES = ("bookworm", "trixie")
_BYTES = range(200, 200_000)
_LEFT_OUT = re.compile(
    r"(^|/)(tests?|testing|testdata|__tests__|spec|fixtures|_?vendor|_vendored|third_party|node_modules|"
    r"dist|umd|esm|locale|benches|docs?)/|_test\.go$|\.min\.|\.d\.[mc]?ts$|\.(test|spec)\.[jt]sx?$|\.bundle\."
)
_DEB_PREFIX = re.compile(
    r"usr/(?:share/gocode/src|share/cargo/registry/[^/]+|share/go-[\d.]+|src/rustc-[^/]+|lib/jvm/[^/]+(?:/lib)?)/"
)
_SPDX = re.compile(
    r"(MIT|ISC|0BSD|Apache-2\.0|BSD-[23]-Clause|MPL-2\.0|PSF-2\.0|LGPL-[\d.]+(-only|-or-later)?)"
)
_TIMEOUT_S = 600


class CorpusError(Exception):
    """A package cannot be fetched; says which, why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One version of one package, and the folders of it that count (all where none is named)."""

    ecosystem: str
    """``pypi``, ``npm`` or ``deb``."""
    name: str
    version: str
    under: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.ecosystem})"

    @property
    def url(self) -> str:
        """Its package URL (purl)."""
        kind = "deb/debian" if self.ecosystem == "deb" else self.ecosystem
        return f"pkg:{kind}/{self.name.lower().replace('@', '%40')}@{self.version}"

    @property
    def file_name(self) -> str:
        """Name of its zip in the cache; another choice of folders is another file."""
        rule = repr((self.under, _LEFT_OUT.pattern, _BYTES, sorted(LANGUAGES))).encode()
        label = re.sub(r"[^\w.+-]", "_", f"{self.name}-{self.version}")
        return f"{self.ecosystem}-{label}-{hashlib.sha1(rule).hexdigest()[:8]}.zip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What a benchmark is made of; no content stands twice in ``indexed``."""

    indexed: list[SourceFile]
    older: list[tuple[SourceFile, SourceFile]]
    """A file of an old version, and the file of the same path in the version that is indexed."""
    held_out: list[SourceFile]

    @property
    def key(self) -> str:
        """Names the indexed contents, for what is cached of them."""
        digest = hashlib.sha1()
        for file in self.indexed:
            digest.update(file.swhid.digest)
        return digest.hexdigest()[:12]

    def describe(self) -> str:
        """How many files and bytes of which language, as lines of text."""
        lines = []
        for title, files in (
            ("indexed", self.indexed),
            ("held out", self.held_out),
            ("older versions", [old for old, _ in self.older]),
        ):
            count = Counter(language_of(file) for file in files)
            size = sum(len(file.content) for file in files)
            parts = ", ".join(f"{n:,} {language}" for language, n in sorted(count.items()))
            lines.append(f"{title}: {len(files):,} files, {size / 1e6:.1f} MB ({parts})")
        return "\n".join(lines)


def language_of(file: SourceFile) -> str:
    """Language of a file of the corpus."""
    return LANGUAGES[extension_of(file)]


def extension_of(file: SourceFile) -> str:
    """Extension of a file, without the dot."""
    return file.origin.path.rpartition(".")[2]


def read_corpus(folder: Path, *, quick: bool = False) -> Corpus:
    """Fetch what is missing and read the corpus; raises :class:`CorpusError` where that is impossible.

    ``quick`` takes a few packages of each language only.
    """
    pairs = [_parse(line) for line in _lines(QUICK if quick else INDEXED)]
    held_out = [_parse(line)[0] for line in _lines(HELD_OUT)]
    releases = [new for new, _ in pairs] + [old for _, old in pairs if old] + held_out
    _fetch_missing(folder, releases)
    indexed, by_place = _distinct(file for new, _ in pairs for file in _read(folder, new)), {}
    for new, old in pairs:
        if old is not None:
            by_place[old] = {file.origin.path: file for file in indexed if file.origin.url == new.url}
    return Corpus(
        indexed=indexed,
        older=[
            (file, places[file.origin.path])
            for old, places in by_place.items()
            for file in _read(folder, old)
            if file.origin.path in places and file.content != places[file.origin.path].content
        ],
        held_out=_distinct(file for release in held_out for file in _read(folder, release)),
    )


def _lines(table: str) -> list[str]:
    return [line for line in table.splitlines() if line.strip()]


def _parse(line: str) -> tuple[Release, Release | None]:
    """Read one line of the tables: ``ecosystem new=1 old=1 folder/ …``, ``-`` where there is no old one."""
    ecosystem, new, old, *under = line.split()

    def release(text: str) -> Release:
        name, _, version = text.rpartition("=")
        return Release(ecosystem=ecosystem, name=name, version=version, under=tuple(under))

    return release(new), None if old == "-" else release(old)


def _distinct(files: Iterable[SourceFile]) -> list[SourceFile]:
    return list({file.content: file for file in reversed(list(files))}.values())[::-1]


def _read(folder: Path, release: Release) -> Iterator[SourceFile]:
    with zipfile.ZipFile(folder / "packages" / release.file_name) as archive:
        license = License(expression=archive.comment.decode() or NO_ASSERTION)
        for name in sorted(archive.namelist()):
            origin = Origin(
                url=release.url,
                path=name,
                revision=f"{release.name} {release.version}",
                license=license,
            )
            yield SourceFile(content=archive.read(name), origin=origin)


# ---------------------------------------------------------------------------------------------- fetching


def _fetch_missing(folder: Path, releases: list[Release]) -> None:
    packages = folder / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    missing = [release for release in releases if not (packages / release.file_name).exists()]
    for number, release in enumerate(missing, 1):
        print(f"[corpus {number}/{len(missing)}] {release}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            archive = _download(folder, release, Path(scratch))
            unfinished = Path(scratch, "selected.zip")
            _select(archive, release, unfinished)
            unfinished.replace(packages / release.file_name)


def _download(folder: Path, release: Release, scratch: Path) -> Path:
    """Have the ecosystem's own client put the release into ``scratch``."""
    pinned = f"{release.name}=={release.version}"
    if release.ecosystem == "pypi":
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        _run([*pip, "--disable-pip-version-check", pinned], release, scratch)
    elif release.ecosystem == "npm":
        _run(["npm", "pack", "--silent", pinned.replace("==", "@")], release, scratch)
    else:
        options = _apt_options(folder, release)
        _run(["apt-get", *options, "download", pinned.replace("==", "=")], release, scratch)
    found = sorted(scratch.iterdir())
    if len(found) != 1:
        raise CorpusError(f"{release}: expected one archive, got {len(found)}")
    return found[0]


def _run(command: list[str], release: Release, folder: Path) -> None:
    program = Path(command[0]).name
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except FileNotFoundError as error:
        raise CorpusError(
            f"{release}: {program} is not installed; install it, or copy a filled cache folder here and name it"
            " with --corpus"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise CorpusError(f"{release}: {program} did not finish in {_TIMEOUT_S} s; run it again") from error
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise CorpusError(
            f"{release}: cannot be fetched ({last[0]}); is the network there? What was fetched before is kept:"
            " run it again, or name a filled cache folder with --corpus"
        )


def _apt_options(folder: Path, release: Release) -> list[str]:
    """Options for an apt of our own that knows two releases of Debian; fetches its lists the first time."""
    home = folder.resolve() / "apt"
    sources = home / "sources.list"
    options = [
        f"Dir::Etc::SourceList={sources}",
        "Dir::Etc::SourceParts=/dev/null",
        "Dir::Etc::Preferences=/dev/null",
        "Dir::Etc::PreferencesParts=/dev/null",
        f"Dir::State={home / 'state'}",
        f"Dir::Cache={home / 'cache'}",
        "Debug::NoLocking=true",
        "APT::Sandbox::User=" + os.environ.get("USER", "root"),
        "Acquire::Languages=none",
    ]
    flags = [part for option in options for part in ("-o", option)]
    if not sources.exists():
        (home / "state" / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        (home / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        unfinished = home / "sources.list.tmp"
        unfinished.write_text(_sources(release), encoding="utf-8")
        listed = [f.replace(str(sources), str(unfinished)) for f in flags]
        _run(["apt-get", *listed, "--quiet", "--error-on=any", "update"], release, home)
        unfinished.replace(sources)
    return flags


def _sources(release: Release) -> str:
    """Sources for both suites, from the mirror that this machine uses already."""
    asked = ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(SIGNED_BY)"]
    try:
        targets = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):
        targets = []
    sites = Counter(t.split()[0] for t in targets if t.strip() and "security" not in t)
    if not sites:
        raise CorpusError(
            f"{release}: needs apt-get on Debian; copy a filled cache folder here and name it with --corpus"
        )
    keyring = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    mirror = sites.most_common(1)[0][0]
    return "".join(f"deb {keyring} {mirror} {suite} main\n" for suite in _SUITES)


# -------------------------------------------------------------------------------------------- unpacking


def _select(archive: Path, release: Release, target: Path) -> None:
    """Write a zip of the release's own code, its licence as the zip's comment."""
    license, count = "", 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as selected:
        for name, content in _members(archive):
            license = license or _license(name, content)
            wanted = name.startswith(release.under) if release.under else True
            if wanted and _counts(name, content, release.under):
                selected.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
                count += 1
        selected.comment = license.encode()
    if not count:
        raise CorpusError(f"{release}: holds no code in {' '.join(release.under) or 'it'}")


def _counts(name: str, content: bytes, under: tuple[str, ...]) -> bool:
    if PurePosixPath(name).suffix[1:] not in LANGUAGES or len(content) not in _BYTES or b"\0" in content:
        return False
    inside = name
    for prefix in under:
        inside = inside.removeprefix(prefix)
    return not _LEFT_OUT.search(inside)


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of a wheel, an npm tarball or a Debian package, by its path in the project."""
    if archive.suffix == ".whl":
        yield from _zip_members(archive.read_bytes())
    elif archive.suffix == ".deb":
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE) as unpack:
            for name, content in _tar_members(tarfile.open(fileobj=unpack.stdout, mode="r|")):
                short = _DEB_PREFIX.sub("", name.removeprefix("./"), count=1)
                yield from _zip_members(content) if short == "src.zip" else [(short, content)]
    else:
        for name, content in _tar_members(tarfile.open(archive)):
            yield name.partition("/")[2], content


def _zip_members(data: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if not name.endswith("/"):
                yield name, archive.read(name)


def _tar_members(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    with archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is not None:
                yield member.name, stream.read()


def _license(name: str, content: bytes) -> str:
    """The licence that a package's metadata names, where it is one of the usual identifiers."""
    found = ""
    if name == "package.json":
        found = str(json.loads(content).get("license", ""))
    elif name.endswith(".dist-info/METADATA"):
        fields = re.search(rb"^License(?:-Expression)?: (.+)$", content, re.MULTILINE)
        found = fields.group(1).decode().strip() if fields else ""
    return found if _SPDX.fullmatch(found) else ""


def main() -> None:
    """Fetch the corpus and say what it holds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", type=Path, default=DEFAULT_CORPUS)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    try:
        corpus = read_corpus(args.corpus, quick=args.quick)
    except CorpusError as error:
        sys.exit(f"corpora: {error}")
    print(corpus.describe())
    size = sum(path.stat().st_size for path in (args.corpus / "packages").iterdir())
    free = shutil.disk_usage(args.corpus).free
    print(f"in {args.corpus} ({size / 1e6:.0f} MB; {free / 1e9:.0f} GB free)")


if __name__ == "__main__":
    main()
