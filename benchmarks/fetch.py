"""A large corpus of real code: fetched once through the ordinary clients of registries, kept in a pack.

    python benchmarks/fetch.py [--cache DIR]

Fetches the archives named below (``apt-get download``, ``pip download``, ``npm pack``; nothing is installed
or run), reads the files of code in them, drops what is empty, binary, larger than 1 MiB or met before, and
at most 16,000 files of one archive are kept. The order is that of the contents' SHA-1, so that the first
files of the pack are a fair sample of all of it. An archive that cannot be had is named and left out.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from scaling.pack import Label, Pack, PackWriter

from attribution.languages.extensions import language_of
from attribution.sources.files import is_binary

DEFAULT_CACHE = Path.home() / ".cache" / "sc-attrib" / "benchmarks" / "scale"
MAX_FILE_BYTES = 1 << 20
MAX_FILES_OF_AN_ARCHIVE = 16_000
_FETCH_TIMEOUT_S = 900

DEBIAN = """
    linux-source-6.1 glibc-source gdb-source gcc-12-source libboost1.81-dev libcgal-dev libeigen3-dev
    libvtk9-dev qtbase5-dev rust-src librust-web-sys-dev librust-winapi-dev librust-tokio-dev librust-syn-dev
    librust-nix-dev librust-object-dev librust-regex-syntax-dev librust-rustix-dev librust-gtk-dev
    golang-1.19-src golang-gvisor-gvisor-dev golang-github-docker-docker-dev golang-google-cloud-dev
    golang-github-aws-aws-sdk-go-dev openjdk-17-source openjfx-source mediawiki wordpress phpmyadmin
    zabbix-frontend-php cacti roundcube-core dokuwiki jruby redmine ruby-activerecord ruby-activesupport
    ruby-actionpack vagrant openqa
""".split()
PYPI = """
    sympy scipy pandas numpy django sqlalchemy transformers networkx scikit-learn matplotlib ansible
    homeassistant apache-airflow-core astropy kubernetes twisted mypy nltk celery sentry-sdk statsmodels
    jax scikit-image bokeh dask wagtail sphinx zope.interface
""".split()
NPM = """
    react-native three rxjs date-fns lodash webpack eslint next core-js firebase antd d3
    mathjs aws-sdk googleapis typescript ol @babylonjs/core @angular/core @angular/compiler ember-source
    monaco-editor jquery yarn npm cesium plotly.js @tensorflow/tfjs-core vue-router @mui/material
""".split()


def main() -> None:
    """Fetch, and print what there is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help=f"default: {DEFAULT_CACHE}")
    describe(real_corpus(parser.parse_args().cache))


def real_corpus(cache: Path) -> Pack:
    """The pack of real files, made on the first call."""
    directory = cache / "real"
    if not Pack.exists(directory):
        archives = fetch_all(cache / "archives")
        _write_pack(directory, archives)
    return Pack(directory)


def describe(pack: Pack, last: int | None = None) -> None:
    """Print how many files of which languages there are."""
    count = len(pack) if last is None else last
    megabytes = pack.size(0, count) / 1e6
    languages = ", ".join(f"{name} {files:,}" for name, files in pack.languages(count).most_common(14))
    print(f"{count:,} distinct real files, {megabytes:,.0f} MB ({megabytes * 1e3 / count:.1f} kB a file)")
    print(f"languages: {languages}")


def fetch_all(directory: Path) -> list[Path]:
    """Download what is not there yet; each archive lies in a folder named after its registry and name."""
    archives = []
    for registry, names in (("debian", DEBIAN), ("pypi", PYPI), ("npm", NPM)):
        for name in names:
            folder = directory / registry / name.replace("/", "__")
            found = _archive_in(folder) or _fetch(registry, name, folder)
            if found:
                archives.append(found)
            else:
                print(f"left out: {registry} {name}", file=sys.stderr)
    return archives


def _fetch(registry: str, name: str, folder: Path) -> Path | None:
    command = {
        "debian": ["apt-get", "download", name],
        "pypi": [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", name],
        "npm": ["npm", "pack", "--silent", name],
    }[registry]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(
            command,
            cwd=folder,
            timeout=_FETCH_TIMEOUT_S,
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return _archive_in(folder)


def _archive_in(folder: Path) -> Path | None:
    return next((p for p in sorted(folder.glob("*")) if p.suffix in {".deb", ".whl", ".tgz"}), None)


def _write_pack(directory: Path, archives: list[Path]) -> None:
    """Read all archives into a spool, then write the files in the order of their SHA-1."""
    spool, places = directory.with_name("spool.bin"), {}
    spool.parent.mkdir(parents=True, exist_ok=True)
    with spool.open("wb+") as file:
        for archive in archives:
            for digest, label, content in _best_of(archive):
                if digest not in places:
                    places[digest] = (file.tell(), len(content), label)
                    file.write(content)
            print(f"{archive.parent.name}: {len(places):,} files so far", file=sys.stderr)
        with PackWriter(directory) as pack:
            for digest in sorted(places):
                at, size, label = places[digest]
                file.seek(at)
                pack.add(file.read(size), label)
    spool.unlink()


def _best_of(archive: Path) -> list[tuple[bytes, Label, bytes]]:
    """The files of an archive, distinct; of too many, those whose SHA-1 is least."""
    registry, name = archive.parent.parent.name, archive.parent.name.replace("__", "/")
    found: dict[bytes, tuple[Label, bytes]] = {}
    for path, content in code_files(archive):
        label = Label(language=language_of(path) or "", url=f"pkg:{registry}/{name}", path=path)
        found.setdefault(hashlib.sha1(content, usedforsecurity=False).digest(), (label, content))
    return [(digest, *found[digest]) for digest in sorted(found)[:MAX_FILES_OF_AN_ARCHIVE]]


def code_files(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Path and content of each usable file of code; archives inside a Debian package are opened too."""
    if archive.suffix == ".whl":
        yield from _zip_files(archive)
    elif archive.suffix == ".tgz":
        with tarfile.open(archive, "r|gz") as tar:
            yield from _tar_files(tar)
    else:
        yield from _deb_files(archive)


def _deb_files(archive: Path) -> Iterator[tuple[str, bytes]]:
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as tar,
    ):
        for member in tar:
            inner = tar.extractfile(member) if member.isreg() else None
            if inner is None:
                continue
            if member.name.endswith((".tar.xz", ".tar.gz", ".tar.bz2")):
                with tarfile.open(fileobj=inner, mode="r|*") as nested:
                    yield from _tar_files(nested)
            elif member.name.endswith("src.zip"):
                yield from _zip_files(io.BytesIO(inner.read()))
            elif _is_wanted(member.name, member.size):
                yield from _usable(member.name, inner.read())


def _tar_files(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in tar:
        if member.isreg() and _is_wanted(member.name, member.size):
            inner = tar.extractfile(member)
            if inner is not None:
                yield from _usable(member.name, inner.read())


def _zip_files(file: Path | IO[bytes]) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if _is_wanted(member.filename, member.file_size):
                yield from _usable(member.filename, archive.read(member))


def _is_wanted(path: str, size: int) -> bool:
    return 0 < size <= MAX_FILE_BYTES and language_of(path) is not None


def _usable(path: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    if content.strip() and not is_binary(content):
        yield "".join(c if c.isprintable() else "?" for c in path.lstrip("./")), content


def count_by_archive(pack: Pack) -> Counter[str]:
    """Count the files of a pack by the archive that they came in."""
    return Counter(pack.label(number).url for number in range(len(pack)))


if __name__ == "__main__":
    main()
