"""Fetching packages with their ecosystems' own clients, and keeping the code of each as one zip file."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, cast

from tracing.corpus_packages import LANGUAGES, LEFT_OUT, SIZES, CorpusError, Release

_SUITES = ("bookworm", "trixie")
_DEB_PREFIX = re.compile(
    r"usr/(?:share/gocode/src|share/cargo/registry/[^/]+|share/go-[\d.]+|src/rustc-[^/]+|lib/jvm/[^/]+(?:/lib)?)"
    r"/"
)
_SPDX = re.compile(
    r"MIT|ISC|0BSD|Apache-2\.0|BSD-[23]-Clause|MPL-2\.0|PSF-2\.0|LGPL-[\d.]+(?:-only|-or-later)?"
)
_TIMEOUT_S = 600


def fetch_missing(folder: Path, releases: list[Release]) -> None:
    """Bring every release that is not there yet into ``folder/packages``; raises :class:`CorpusError`."""
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
            f"{release}: {program} is not installed; install it, or name a filled cache folder with --corpus"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise CorpusError(f"{release}: {program} did not finish in {_TIMEOUT_S} s; run it again") from error
    if done.returncode:
        remedy = "run it again (what was fetched is kept), or name a filled cache folder with --corpus"
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise CorpusError(f"{release}: cannot be fetched ({last[0]}); is the network there? Then {remedy}")


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
    if PurePosixPath(name).suffix[1:] not in LANGUAGES or len(content) not in SIZES or b"\0" in content:
        return False
    inside = name
    for prefix in under:
        inside = inside.removeprefix(prefix)
    return not LEFT_OUT.search(inside)


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of a wheel, an npm tarball or a Debian package, by its path in the project."""
    if archive.suffix == ".whl":
        yield from _zip_members(archive.read_bytes())
    elif archive.suffix == ".deb":
        command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE) as unpack,
            tarfile.open(fileobj=cast(IO[bytes], unpack.stdout), mode="r|") as tar,
        ):
            for name, content in _tar_members(tar):
                short = _DEB_PREFIX.sub("", name.removeprefix("./"), count=1)
                yield from _zip_members(content) if short == "src.zip" else [(short, content)]
    else:
        with tarfile.open(archive) as tar:
            for name, content in _tar_members(tar):
                yield name.partition("/")[2], content


def _zip_members(data: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if not name.endswith("/"):
                yield name, archive.read(name)


def _tar_members(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
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
