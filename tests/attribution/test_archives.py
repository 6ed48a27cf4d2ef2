"""Published archives as a source: made of real installed packages, and hostile ones."""

from __future__ import annotations

import bz2
import gzip
import importlib.metadata
import io
import json
import lzma
import os
import shutil
import struct
import subprocess
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from attribution.errors import UnreadableInputError
from attribution.model import SourceFile
from attribution.sources import archive_members
from attribution.sources.archives import read_archive
from attribution.sources.files import MAX_FILE_BYTES, Choice, SkipReason
from attribution.sources.packages import read_packages

Contents = dict[str, bytes]


def read(
    path: Path, *, leave_out: frozenset[SkipReason] = frozenset()
) -> tuple[dict[str, SourceFile], Counter[str]]:
    skipped: Counter[str] = Counter()
    files = list(read_archive(path, skipped=skipped, choice=Choice(leave_out=leave_out)))
    found = {file.origin.path: file for file in files}
    assert len(found) == len(files)
    return found, skipped


def installed(package: str) -> Contents:
    """The files of an installed package by path, its metadata among them."""
    files = importlib.metadata.files(package) or ()
    kept = [file for file in files if ".." not in file.parts and "__pycache__" not in file.parts]
    return {file.as_posix(): Path(str(file.locate())).read_bytes() for file in kept}


def license_text(package: str) -> bytes:
    return next(text for path, text in installed(package).items() if "/LICENSE" in path)


def tar_of(path: Path, contents: Contents, *, mode: str) -> Path:
    with tarfile.open(path, f"w:{mode}") as archive:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def zip_of(path: Path, contents: Contents) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def sdist(contents: Contents, name: str) -> Contents:
    """The files of an installed package as its source distribution has them."""
    inner = {f"{name}/{path}": text for path, text in contents.items() if ".dist-info" not in path}
    metadata = next(text for path, text in contents.items() if path.endswith("METADATA"))
    return inner | {f"{name}/PKG-INFO": metadata, f"{name}/src/{name}.egg-info/PKG-INFO": b"Name: wrong\n"}


def test_a_wheel_tells_what_its_installation_tells(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "click-8-py3-none-any.whl", installed("click"))
    found, skipped = read(path)
    expected = {file.origin.path: file for file in read_packages(skipped=Counter(), only={"click"})}
    assert set(found) == set(expected)
    for place, file in found.items():
        assert file.content == expected[place].content
        assert file.origin.url == expected[place].origin.url == "https://github.com/pallets/click"
        assert file.origin.revision == expected[place].origin.revision
        assert file.origin.license.expression == expected[place].origin.license.expression
    assert found["click/core.py"].origin.license.expression == "BSD-3-Clause"
    assert set(skipped) <= {SkipReason.NOT_CODE, SkipReason.EMPTY}


@pytest.mark.parametrize("ending", ["tar.gz", "tar.bz2", "tar.xz", "tar", "zip"])
def test_a_source_distribution_is_read_in_every_form(tmp_path: Path, ending: str) -> None:
    contents = sdist(installed("packaging"), "packaging-1.0")
    path = tmp_path / f"packaging-1.0.{ending}"
    if ending == "zip":
        zip_of(path, contents)
    else:
        tar_of(path, contents, mode=ending.removeprefix("tar").removeprefix("."))
    found, _ = read(path)
    installation = {file.origin.path: file for file in read_packages(skipped=Counter(), only={"packaging"})}
    assert "packaging/version.py" in found
    assert not [place for place in found if place.startswith("packaging-1.0")]
    for place, file in found.items():
        assert file.content == contents[f"packaging-1.0/{place}"]
        expected = installation[place].origin
        assert file.origin.revision == expected.revision
        assert file.origin.url == expected.url == "https://github.com/pypa/packaging"
        assert file.origin.license.expression == expected.license.expression
        assert any("PKG-INFO" in evidence for evidence in file.origin.license.evidence)


def test_an_npm_package_names_repository_or_registry(tmp_path: Path) -> None:
    manifest = {"name": "@scope/tool", "version": "1.2.3", "license": "ISC"}
    code = {"package/lib/index.js": b"exports.one = 1\n", "package/part/x.ts": b"let x = 1\n"}
    repositories = {
        "git+https://ada@github.com/scope/tool.git": "https://github.com/scope/tool",
        "scope/tool": "https://github.com/scope/tool",
        "gitlab:scope/tool": "https://gitlab.com/scope/tool",
        "no place": "pkg:npm/%40scope/tool@1.2.3",
    }
    for named, url in repositories.items():
        for repository in (named, {"type": "git", "url": named}):
            text = json.dumps(manifest | {"repository": repository}).encode()
            path = tar_of(tmp_path / "tool.tgz", code | {"package/package.json": text}, mode="gz")
            found, _ = read(path)
            assert {file.origin.url for file in found.values()} == {url}
    assert found["lib/index.js"].origin.revision == "@scope/tool 1.2.3"
    assert found["lib/index.js"].origin.license.expression == "ISC"
    assert found["lib/index.js"].origin.license.evidence[0].endswith("package.json: license: ISC")


def test_a_crate_names_repository_and_licence(tmp_path: Path) -> None:
    manifest = '[package]\nname = "tool"\nversion = "0.1.0"\nlicense = "MIT/Apache-2.0"\n'
    code = {"tool-0.1.0/src/lib.rs": b"pub fn one() -> u8 { 1 }\n"}
    path = tmp_path / "tool-0.1.0.crate"
    tar_of(path, code | {"tool-0.1.0/Cargo.toml": manifest.encode()}, mode="gz")
    (file,) = read(path)[0].values()
    assert file.origin.url == "pkg:cargo/tool@0.1.0"
    assert file.origin.revision == "tool 0.1.0"
    assert file.origin.license.expression == "MIT OR Apache-2.0"
    manifest += 'repository = "https://example.org/tool.git"\n'
    tar_of(path, code | {"tool-0.1.0/Cargo.toml": manifest.encode()}, mode="gz")
    (file,) = read(path)[0].values()
    assert file.origin.url == "https://example.org/tool"


def test_a_jar_of_sources_names_its_coordinates(tmp_path: Path) -> None:
    """Its packages are folders of the source, so the only one at the top stays."""
    pom = b"<project><licenses><license><name>MIT</name></license></licenses></project>"
    properties = b"#Generated\ngroupId=org.example\nartifactId=tool\nversion=2.0\n"
    contents = {
        "META-INF/maven/org.example/tool/pom.xml": pom,
        "META-INF/LICENSE": license_text("requests"),
        "META-INF/maven/org.example/tool/pom.properties": properties,
        "org/example/Tool.java": b"class Tool {}\n",
    }
    (file,) = read(zip_of(tmp_path / "tool-2.0-sources.jar", contents))[0].values()
    assert file.origin.url == "pkg:maven/org.example/tool@2.0"
    assert file.origin.path == "org/example/Tool.java"
    assert file.origin.license.expression == "MIT"
    assert file.origin.license.conflicts
    del contents["META-INF/maven/org.example/tool/pom.xml"]
    (file,) = read(zip_of(tmp_path / "tool-2.0-sources.jar", contents))[0].values()
    assert file.origin.license.expression == "Apache-2.0"
    lone = zip_of(tmp_path / "lone.jar", {"org/example/Tool.java": b"class Tool {}\n"})
    assert set(read(lone)[0]) == {"org/example/Tool.java"}


def test_the_nearest_licence_in_an_archive_counts(tmp_path: Path) -> None:
    contents = {
        "project/LICENSE": license_text("click"),
        "project/a.py": b"a = 1\n",
        "project/part/COPYING": license_text("requests"),
        "project/part/deep/b.py": b"b = 1\n",
        "project/part/c.py": b"# SPDX-License-Identifier: MIT\nc = 1\n",
    }
    path = tar_of(tmp_path / "project.tar.gz", contents, mode="gz")
    found, _ = read(path)
    assert {place: file.origin.license.expression for place, file in found.items()} == {
        "a.py": "BSD-3-Clause",
        "part/deep/b.py": "Apache-2.0",
        "part/c.py": "MIT",
    }
    assert found["a.py"].origin.url == path.as_uri()
    assert found["a.py"].origin.revision is None


@pytest.mark.parametrize("form", ["tar.gz", "zip"])
def test_a_snapshot_that_git_made_is_anchored_at_its_commit(tmp_path: Path, form: str) -> None:
    if shutil.which("git") is None:
        pytest.skip("needs git")
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.py").write_text("a = 1\n")
    path = tmp_path / f"snapshot.{form}"
    commands = (
        ("init", "--quiet"),
        ("add", "a.py"),
        (*identity, "commit", "--quiet", "--message=one"),
        ("archive", f"--format={form}", "--prefix=p-main/", f"--output={path}", "HEAD"),
    )
    for words in commands:
        subprocess.run(["git", *words], cwd=tmp_path / "p", check=True, capture_output=True)
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=tmp_path / "p", text=True).strip()
    (file,) = read(path)[0].values()
    assert file.origin.path == "a.py"
    assert file.origin.revision == f"swh:1:rev:{commit}"


def named(name: str, **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    content = fields.pop("content", b"x = 1\n")
    assert isinstance(content, bytes)
    info.size = len(content) if fields.get("type", tarfile.REGTYPE) == tarfile.REGTYPE else 0
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def raw_tar(path: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return path


def test_members_of_a_tar_that_lead_out_or_are_no_files_are_counted(tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("secret = 1\n")
    path = raw_tar(
        tmp_path / "odd.tar.gz",
        [
            named("good.py"),
            named("./folder//./also.py", content=b"y = 1\n"),
            named("../secret.py"),
            named("a/../../secret.py"),
            named("/etc/evil.py"),
            named("C:/evil.py"),
            named("x" * 1200 + ".py"),
            named("soft.py", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
            named("hard.py", type=tarfile.LNKTYPE, linkname="good.py"),
            named("device.py", type=tarfile.CHRTYPE, devmajor=1, devminor=5),
            named("pipe.py", type=tarfile.FIFOTYPE),
            named("good.py", content=b"other = 1\n"),
            named("binary.py", content=b"\0"),
            named("empty.py", content=b""),
            named("big.py", content=b"x = 1\n" * (MAX_FILE_BYTES // 6 + 1)),
            named("data.bin", content=b"\0"),
            named("d/" * 101 + "deep.py"),
        ],
    )
    found, skipped = read(path)
    assert {place: file.content for place, file in found.items()} == {
        "good.py": b"x = 1\n",
        "folder/also.py": b"y = 1\n",
    }
    assert skipped == {
        SkipReason.OUTSIDE: 5,
        SkipReason.LINK: 2,
        SkipReason.UNREADABLE: 2,
        SkipReason.DUPLICATE: 1,
        SkipReason.BINARY: 1,
        SkipReason.EMPTY: 1,
        SkipReason.TOO_LARGE: 1,
        SkipReason.NOT_CODE: 1,
        SkipReason.TOO_DEEP: 1,
    }
    assert sorted(p.name for p in tmp_path.iterdir()) == ["odd.tar.gz", "secret.py"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_of_a_zip_that_lead_out_or_are_no_files_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "odd.zip"
    link = zipfile.ZipInfo("link.py")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("good.py", "windows\\inner.py", "../evil.py", "/evil.py", "..\\evil.py", "good.py"):
            info = zipfile.ZipInfo(name)
            archive.writestr(info, b"x = 1\n")
        archive.writestr(link, "/etc/passwd")
        archive.writestr("other.py", b"x = 1\n" * 9, zipfile.ZIP_LZMA)
        archive.writestr("caf\xe9.py", b"y = 1\n")
        archive.writestr("secret.py", b"z = 1\n")
    content = path.read_bytes()
    central = content.rindex(b"secret.py") - 46  # its entry in the list of members
    flags = bytes([content[central + 8] | 1])
    path.write_bytes(content[: central + 8] + flags + content[central + 9 :])
    found, skipped = read(path)
    assert set(found) == {"good.py", "windows/inner.py", "caf\xe9.py"}
    assert skipped == {
        SkipReason.OUTSIDE: 3,
        SkipReason.DUPLICATE: 1,
        SkipReason.LINK: 1,
        SkipReason.UNREADABLE: 1,
        SkipReason.ENCRYPTED: 1,
    }


def test_names_that_are_not_utf8_survive(tmp_path: Path) -> None:
    path = raw_tar(tmp_path / "odd.tar.gz", [named("caf\udce9.py"), named("nor\u00e9e.py")])
    found, _ = read(path)
    assert set(found) == {"caf\udce9.py", "nor\u00e9e.py"}
    assert "path=/caf%E9.py" in str(found["caf\udce9.py"].origin.qualify(found["caf\udce9.py"].swhid))


def test_vendored_and_generated_files_are_left_out_where_that_is_asked(tmp_path: Path) -> None:
    contents = {
        "p/a.py": b"a = 1\n",
        "p/_vendor/b.py": b"b = 1\n",
        "p/c.py": b"# this file is generated\nc = 1\n",
    }
    path = tar_of(tmp_path / "p.tar.gz", contents, mode="gz")
    assert set(read(path)[0]) == {"a.py", "_vendor/b.py", "c.py"}
    found, skipped = read(path, leave_out=frozenset((SkipReason.VENDORED, SkipReason.GENERATED)))
    assert set(found) == {"a.py"}
    assert skipped == {SkipReason.VENDORED: 1, SkipReason.GENERATED: 1}


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
}


def huge_header(kind: bytes, size: int) -> bytes:
    """The header of a tar member; what follows is left to the caller."""
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.USTAR_FORMAT)


@pytest.mark.parametrize("form", COMPRESSORS)
def test_a_bomb_is_refused_before_it_goes_off(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty megabytes of zeros, of which a thousandth is left when they are packed."""
    monkeypatch.setattr(archive_members, "FREE_BYTES", 1 << 20)
    path = tmp_path / f"bomb.{form}"
    size = 30 << 20
    path.write_bytes(COMPRESSORS[form](huge_header(tarfile.REGTYPE, size) + bytes(size)))
    with pytest.raises(UnreadableInputError, match=r"unpacks to more than \d+ MiB; no package does"):
        read(path)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_asks_for_much_memory_is_refused(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "bomb.tar.gz"
    path.write_bytes(gzip.compress(huge_header(kind, 60 << 20) + bytes(60 << 20)))
    with pytest.raises(UnreadableInputError, match="has a header larger than any package's"):
        read(path)


def test_a_chain_of_headers_is_refused(tmp_path: Path) -> None:
    """Each says that it belongs to the next, which the standard library follows by recursion."""
    link = huge_header(tarfile.XHDTYPE, 12) + b"12 path=a.b\n".ljust(512, b"\0")
    path = tmp_path / "chain.tar.gz"
    path.write_bytes(gzip.compress(link * 5000))
    with pytest.raises(UnreadableInputError, match="is no whole tar or zip archive"):
        read(path)


def test_an_xz_that_asks_for_much_memory_is_refused(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 512 << 20}]
    path = tmp_path / "greedy.tar.xz"
    path.write_bytes(lzma.compress(bytes(10240), filters=filters))
    with pytest.raises(UnreadableInputError, match="Memory usage limit"):
        read(path)


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_members, "MAX_MEMBERS", 50)
    many = {f"f{number}.py": b"x = 1\n" for number in range(51)}
    for path in (tar_of(tmp_path / "m.tar", many, mode=""), zip_of(tmp_path / "m.zip", many)):
        with pytest.raises(UnreadableInputError, match="holds more than 50 files"):
            read(path)


def test_a_zip_whose_members_are_one_another_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many entries in its list name the same few bytes."""
    monkeypatch.setattr(archive_members, "FREE_BYTES", 1 << 20)
    path = zip_of(tmp_path / "overlap.zip", {"f000.py": b"x = 1\n" * 100_000})
    content = path.read_bytes()
    start = content.index(b"PK\1\2")
    entry = content[start : content.index(b"PK\5\6")]
    entries = b"".join(entry.replace(b"f000.py", b"f%03d.py" % number) for number in range(900))
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 900, 900, len(entries), start, 0)
    path.write_bytes(content[:start] + entries + end)
    with pytest.raises(UnreadableInputError):
        read(path)


def test_a_zip_with_a_huge_list_of_members_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.zip"
    size = 17 << 20
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, size, 4, 0)
    path.write_bytes(b"PK\3\4" + bytes(size) + end)
    with pytest.raises(UnreadableInputError, match="has a list of files longer than any package's"):
        read(path)


@pytest.mark.parametrize("form", [*COMPRESSORS, "tar", "zip"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_truncated_archive_is_one_sentence(tmp_path: Path, form: str, share: float, stdlib: Path) -> None:
    contents = {f"p/{path.name}": path.read_bytes() for path in sorted(stdlib.glob("*.py"))[:30]}
    path = tmp_path / f"p.{form}"
    if form == "zip":
        zip_of(path, contents)
    else:
        tar_of(path, contents, mode=form.removeprefix("tar").removeprefix("."))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UnreadableInputError, match=r"is no whole tar or zip archive .*; fetch it") as error:
        read(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("form", [*COMPRESSORS, "zip"])
def test_a_flipped_byte_is_never_believed(tmp_path: Path, form: str, stdlib: Path) -> None:
    """The formats' own checksums are looked at, to the end of the stream."""
    contents = {"p/textwrap.py": (stdlib / "textwrap.py").read_bytes()}
    path = tmp_path / f"p.{form}"
    if form == "zip":
        zip_of(path, contents)
    else:
        tar_of(path, contents, mode=form.removeprefix("tar").removeprefix("."))
    whole = path.read_bytes()
    for place in range(40, len(whole) - 8, len(whole) // 40):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            found, _ = read(path)
        except UnreadableInputError:
            continue
        assert all(file.content == contents["p/textwrap.py"] for file in found.values())


def test_what_is_no_archive_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.tar.gz").write_text("no archive\n" * 100)
    (tmp_path / "nothing.zip").write_bytes(b"")
    for name in ("text.tar.gz", "nothing.zip"):
        with pytest.raises(UnreadableInputError, match=f"{name}: is no whole tar or zip archive"):
            read(tmp_path / name)
    with pytest.raises(UnreadableInputError, match="gone: does not exist"):
        read(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(UnreadableInputError, match="is no file; name an archive; of a folder: --tree"):
            read(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("package.json", b"{"),
        ("package.json", b"[1]"),
        ("package.json", b'{"name": {}, "version": 1}'),
        ("package.json", b"[" * 100_000),
        ("package.json", b'{"name": "x", "version": "1", "license": [{}], "repository": 5}'),
        ("package.json", b'{"name": "\\ud800", "version": "1", "repository": "https://example.org/a"}'),
        ("package.json", b'{"name": "x", "version": "1", "repository": "https://example.org/\\ud800"}'),
        ("package.json", b'{"name": "%s", "version": "1", "repository": "a/b"}' % (b"x" * 1_000_000)),
        ("Cargo.toml", b"[package\n"),
        ("Cargo.toml", b"package = 3\n"),
        ("Cargo.toml", b"\xff\xfe"),
        ("PKG-INFO", b""),
        ("PKG-INFO", b"Name: x\nVersion: 1\nHome-page: https://github.com/a/%s\n" % (b"b" * 1_000_000)),
        ("PKG-INFO", b"\xff\xfe\0Name: x"),
        ("PKG-INFO", b"Name: caf\xe9\nVersion: 1\n"),
    ],
)
def test_a_broken_manifest_leaves_the_code_readable(tmp_path: Path, name: str, text: bytes) -> None:
    path = tar_of(tmp_path / "p.tar.gz", {f"p/{name}": text, "p/a.py": b"a = 1\n"}, mode="gz")
    found, _ = read(path)
    assert set(found) == {"a.py"}
    origin = found["a.py"].origin
    assert len(os.fsencode(f"{origin.url} {origin.revision}")) < 1000, (
        "what an index can keep and a report can show"
    )


def test_an_index_of_archives_finds_their_code(tmp_path: Path, run_cli, stdlib: Path) -> None:
    wheel = zip_of(tmp_path / "click-8-py3-none-any.whl", installed("click"))
    other = tar_of(tmp_path / "p.tgz", sdist(installed("packaging"), "packaging-1"), mode="gz")
    words = ("--archive", wheel, "--archive", other)
    built = run_cli("index", "build", "--index", tmp_path / "index", *words)
    assert built.returncode == 0, built.stderr
    told = json.loads(run_cli("index", "info", "--index", tmp_path / "index", "--format", "json").stdout)
    assert set(told["licenses"]) >= {"BSD-3-Clause", "Apache-2.0 OR BSD-2-Clause"}
    wheel.write_bytes(wheel.read_bytes()[:-100])
    failed = run_cli("index", "add", "--index", tmp_path / "index", "--archive", wheel)
    assert failed.returncode == 2
    assert failed.stderr.count(b"\n") == 1
