"""The Stack v2: both forms, real S3, and every way in which a row or an object can be wrong."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attribution.errors import MissingExtraError, ScAttribError, StoreUnusableError, UnreadableInputError
from attribution.index.builder import build_index
from attribution.index.index import Index
from attribution.model import SourceFile
from attribution.sources.files import MAX_FILE_BYTES, Choice, SkipReason
from attribution.sources.packages import read_packages
from attribution.sources.stack_v2 import read_stack_v2
from attribution.sources.store_settings import StoreSettings
from attribution.swhid import Swhid
from tests.attribution.stack import (
    REVISION,
    SNAPSHOT,
    V2,
    V2_REPOSITORIES,
    Answer,
    FaultyServer,
    Row,
    faulty_server,
    sha1,
    v2_repositories,
    v2_row,
    write_parquet,
)

SC_ATTRIB = Path(sys.executable).with_name("sc-attrib")
ACCENTS = "# Préférences d'été : déjà vu\nname = 'Zoë'\nprint(name)\n"
CHINESE = "# 配置文件读取\nvalue = '你好'\nprint(value)\n"


@pytest.fixture(scope="module")
def click() -> list[SourceFile]:
    """Real files: a package under BSD-3-Clause."""
    return list(read_packages(skipped=Counter(), only={"click"}))


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with faulty_server() as served:
        yield served


def read(
    paths: Path | list[Path], url: str, *, leave_out: frozenset[SkipReason] = frozenset(), **changes: object
) -> tuple[list[SourceFile], Counter[str]]:
    skipped: Counter[str] = Counter()
    store = StoreSettings(**{"url": url, "requests_per_second": 10_000, **changes})
    named = paths if isinstance(paths, list) else [paths]
    return list(
        read_stack_v2(named, skipped=skipped, store=store, choice=Choice(leave_out=leave_out))
    ), skipped


def rows_of(files: list[SourceFile]) -> list[Row]:
    return [v2_row(file.origin.path, file.content, repo_name="pallets/click") for file in files]


def test_both_forms_give_the_same_files_from_a_real_s3_server(click, bucket, tmp_path: Path) -> None:
    bucket.put(*(file.content for file in click))
    rows = rows_of(click)
    one = write_parquet(tmp_path / "files.parquet", rows, V2)
    other = write_parquet(tmp_path / "repositories.parquet", v2_repositories(rows), V2_REPOSITORIES)
    files, skipped = read(one, bucket.url)
    assert [file.content for file in files] == [file.content for file in click]
    assert not skipped
    assert read(other, bucket.url)[0] == files


def test_an_origin_holds_all_that_the_row_knows(bucket, tmp_path: Path) -> None:
    content = b"import os\nprint(os.name)\n"
    bucket.put(content)
    path = write_parquet(tmp_path / "a.parquet", [v2_row("src/a.py", content, gha_license_id="MIT")], V2)
    (file,), _ = read(path, bucket.url)
    origin = file.origin
    assert str(origin.qualify(file.swhid)) == (
        f"{Swhid.of_content(content)};origin=https://github.com/alice/tools;visit=swh:1:snp:{SNAPSHOT}"
        f";anchor=swh:1:rev:{REVISION};path=/src/a.py"
    )
    assert origin.date == "2020-01-02T03:04:05Z"
    assert origin.license.expression == "MIT"
    assert origin.license.evidence == (
        "data set: detected_licenses: MIT",
        "hosting service: gha_license_id: MIT",
    )


@pytest.mark.parametrize(
    ("header", "row", "expression"),
    [
        (b"", {"detected_licenses": ["Apache-2.0"]}, "Apache-2.0"),
        (b"", {"detected_licenses": [], "license_type": "no_license"}, "NONE"),
        (b"", {"detected_licenses": None, "license_type": None}, "NOASSERTION"),
        (b"", {"detected_licenses": [], "gha_license_id": "ISC"}, "ISC"),
        (b"# SPDX-License-Identifier: MPL-2.0\n", {"detected_licenses": ["MIT"]}, "MPL-2.0"),
    ],
)
def test_the_licence_is_concluded_from_header_and_row(
    server: FaultyServer, tmp_path: Path, header: bytes, row: Row, expression: str
) -> None:
    """The data set's own detection never read headers; ours goes first."""
    content = header + b"x = 1\n"
    server.put(content)
    path = write_parquet(tmp_path / "a.parquet", [v2_row("a.py", content, **row)], V2)
    (file,), _ = read(path, server.url)
    assert file.origin.license.expression == expression


@pytest.mark.parametrize(
    ("text", "encoding", "stated"),
    [
        (ACCENTS, "latin-1", "ISO-8859-1"),
        (ACCENTS, "cp1252", "windows-1252"),
        (ACCENTS, "utf-8-sig", "UTF-8"),
        (CHINESE, "gb18030", "GB18030"),
        (CHINESE, "gb18030", "gb2312"),
        ("# 設定\nx = 1\n", "shift_jis", "SHIFT_JIS"),
        ("# настройки\nx = 1\n", "koi8-r", "KOI8-R"),
    ],
)
def test_the_bytes_are_kept_as_they_are_whatever_their_encoding(
    server: FaultyServer, tmp_path: Path, text: str, encoding: str, stated: str
) -> None:
    content = text.encode(encoding)
    server.put(content)
    path = write_parquet(tmp_path / "a.parquet", [v2_row("a.py", content, src_encoding=stated)], V2)
    (file,), skipped = read(path, server.url)
    assert file.content == content
    assert not skipped


@pytest.mark.parametrize(
    ("content", "stated"),
    [
        (ACCENTS.encode("utf-16"), "UTF-16LE"),
        (ACCENTS.encode("utf-32"), "UTF-32"),
        (ACCENTS.encode("latin-1"), "UTF-8"),
        (b"x = '\x81\x00'\n".replace(b"\0", b"\xff"), "SHIFT_JIS"),
        (b"x = 1\n", "IBM420_rtl"),
        (b"x = 1\n", "zlib"),
        (b"x = 1\n", "punycode"),
        (b"x = 1\n", "a\0b"),
        (b"x = 1\n", ""),
    ],
)
def test_what_is_not_text_in_the_stated_encoding_is_counted(
    server: FaultyServer, tmp_path: Path, content: bytes, stated: str
) -> None:
    server.put(content)
    path = write_parquet(tmp_path / "a.parquet", [v2_row("a.py", content, src_encoding=stated)], V2)
    files, skipped = read(path, server.url)
    if stated:
        assert not files
        assert skipped == {SkipReason.NO_DECODING: 1}
    else:  # none stated: UTF-8
        assert len(files) == 1


def test_every_row_is_read_or_counted_and_what_a_row_tells_is_not_fetched(
    server: FaultyServer, tmp_path: Path
) -> None:
    good, gone, refused, broken, other = (b"x = %d\n" % number for number in range(5))
    server.put(good, b"\0binary", b" \n", b"disagrees\n")
    server.script[sha1(refused)] = [Answer(status=403)]
    server.script[sha1(broken)] = [Answer(body=gzip.compress(other))]
    rows = [
        v2_row("good.py", good),
        v2_row("notes.txt", b"text"),
        v2_row("gone.py", gone),
        v2_row("refused.py", refused),
        v2_row("broken.py", broken),
        v2_row("binary.py", b"\0binary"),
        v2_row("blank.py", b" \n"),
        v2_row("disagrees.py", b"disagrees\n", content_id="0" * 40),
        v2_row("empty.py", b""),
        v2_row("large.py", b"large", length_bytes=MAX_FILE_BYTES + 1),
        v2_row("wide.py", b"wide", src_encoding="UTF-16BE"),
        *(v2_row("ids.py", good, **{column: "zz"}) for column in ("blob_id", "content_id")),
        v2_row("ids.py", good, blob_id=sha1(good).upper()),
        *(v2_row("name.py", good, repo_name=name) for name in ("alice", "a/b/c", "a b/c", None, "../x?")),
        *(v2_row(path, good) for path in ("../up.py", "a/../b.py", "nul\0.py", "", "a//b.py")),
    ]
    path = write_parquet(tmp_path / "a.parquet", rows, V2)
    files, skipped = read(path, server.url)
    assert [file.origin.path for file in files] == ["good.py"]
    assert skipped == {
        SkipReason.NOT_CODE: 1,
        SkipReason.NOT_FOUND: 1,
        SkipReason.FORBIDDEN: 1,
        SkipReason.CORRUPT: 2,
        SkipReason.BINARY: 1,
        SkipReason.EMPTY: 2,
        SkipReason.TOO_LARGE: 1,
        SkipReason.NO_DECODING: 1,
        SkipReason.MALFORMED: 13,
    }
    assert len(files) + skipped.total() == len(rows)
    fetched = {"good", "gone", "refused", "broken", "binary", "blank", "disagrees"}
    assert server.asked.keys() == {sha1(b"disagrees\n"), sha1(b"\0binary"), sha1(b" \n")} | {
        sha1(content) for content in (good, gone, refused, broken)
    }
    assert len(server.asked) == len(fetched)


def test_vendored_and_generated_files_are_left_out_on_request(server: FaultyServer, tmp_path: Path) -> None:
    mine, theirs, made, said = (
        b"a = 1\n",
        b"b = 1\n",
        b"c = 1\n",
        b"# Code generated by x. DO NOT EDIT.\nd = 1\n",
    )
    server.put(mine, theirs, made, said)
    rows = [
        v2_row("mine.py", mine),
        v2_row("lib/theirs.py", theirs, is_vendor=True),
        v2_row("made.py", made, is_generated=True),
        v2_row("said.py", said),
    ]
    path = write_parquet(tmp_path / "a.parquet", rows, V2)
    assert len(read(path, server.url)[0]) == 4
    server.asked.clear()
    both = frozenset({SkipReason.VENDORED, SkipReason.GENERATED})
    files, skipped = read(path, server.url, leave_out=both)
    assert [file.origin.path for file in files] == ["mine.py"]
    assert skipped == {SkipReason.VENDORED: 1, SkipReason.GENERATED: 2}
    assert server.asked.keys() == {sha1(mine), sha1(said)}


def test_dates_that_no_commit_can_have_are_not_believed(server: FaultyServer, tmp_path: Path) -> None:
    content = b"x = 1\n"
    server.put(content)
    visit, future = datetime(2023, 3, 5), datetime(2200, 1, 1)
    dates = [
        ({"revision_date": future, "visit_date": visit}, "2023-03-05T00:00:00Z"),
        ({"revision_date": datetime(1900, 1, 1), "visit_date": visit}, "2023-03-05T00:00:00Z"),
        ({"revision_date": None, "visit_date": visit}, "2023-03-05T00:00:00Z"),
        ({"revision_date": None, "visit_date": None}, None),
    ]
    rows = [v2_row("a.py", content, **changes) for changes, _ in dates]
    path = write_parquet(tmp_path / "a.parquet", rows, V2)
    files, _ = read(path, server.url)
    assert [file.origin.date for file in files] == [date for _, date in dates]


def test_ids_that_are_no_sha1_become_no_anchor(server: FaultyServer, tmp_path: Path) -> None:
    server.put(b"x = 1\n")
    rows = [v2_row("a.py", b"x = 1\n", revision_id="main", snapshot_id=None)]
    (file,), _ = read(write_parquet(tmp_path / "a.parquet", rows, V2), server.url)
    assert (file.origin.revision, file.origin.snapshot) == (None, None)


@pytest.mark.parametrize("form", [V2, V2_REPOSITORIES], ids=["files", "repositories"])
def test_the_result_is_the_same_whatever_the_connections_and_the_row_groups(
    click, server: FaultyServer, tmp_path: Path, form: pa.Schema
) -> None:
    server.put(*(file.content for file in click[::2]))
    rows = [{**row, "repo_name": f"pallets/{at % 5}"} for at, row in enumerate(rows_of(click))]
    rows.sort(key=lambda row: row["repo_name"])
    answers = []
    for connections, rows_a_group in ((1, 1000), (8, 1), (32, 3)):
        written = rows if form is V2 else v2_repositories(rows)
        path = write_parquet(tmp_path / "a.parquet", written, form, rows_a_group=rows_a_group)
        answers.append(read(path, server.url, connections=connections))
    assert answers[0][0]
    assert answers[0][1][SkipReason.NOT_FOUND] == len(click) // 2
    assert answers[0] == answers[1] == answers[2]


def test_folders_and_several_files_are_read_in_a_fixed_order(server: FaultyServer, tmp_path: Path) -> None:
    contents = [b"x = %d\n" % number for number in range(3)]
    server.put(*contents)
    (tmp_path / "data" / "Python").mkdir(parents=True)
    for place, content in zip(("data/Python/b", "data/Python/a", "c"), contents, strict=True):
        write_parquet(tmp_path / f"{place}.parquet", [v2_row("x.py", content)], V2)
    files, _ = read([tmp_path / "c.parquet", tmp_path / "data"], server.url)
    assert [file.content for file in files] == [contents[2], contents[1], contents[0]]
    with pytest.raises(UnreadableInputError, match=r"holds no \.parquet file"):
        (tmp_path / "none").mkdir()
        read(tmp_path / "none", server.url)


def test_a_file_that_is_not_what_it_should_be_is_one_sentence_before_anything_is_fetched(
    server: FaultyServer, tmp_path: Path
) -> None:
    server.put(b"x = 1\n")
    good = write_parquet(tmp_path / "good.parquet", [v2_row("a.py", b"x = 1\n")], V2)
    table = pq.read_table(good)
    bad = tmp_path / "bad.parquet"
    said = {}
    for name, make in {
        "empty": lambda: bad.write_bytes(b""),
        "text": lambda: bad.write_text("blob_id,path\n" * 50),
        "cut": lambda: bad.write_bytes(good.read_bytes()[:-30]),
        "column": lambda: pq.write_table(table.drop_columns(["content_id"]), bad),
        "type": lambda: pq.write_table(
            table.set_column(table.schema.get_field_index("blob_id"), "blob_id", pa.array([7])), bad
        ),
        "list": lambda: pq.write_table(
            table.set_column(
                table.schema.get_field_index("detected_licenses"), "detected_licenses", pa.array(["MIT"])
            ),
            bad,
        ),
        "files": lambda: pq.write_table(pa.table({"repo_name": ["a/b"], "files": ["x"]}), bad),
        "nested": lambda: pq.write_table(pa.table({"repo_name": ["a/b"], "files": [[{"path": 3}]]}), bad),
        "missing": bad.unlink,
    }.items():
        make()
        with pytest.raises(UnreadableInputError) as caught:
            read([good, bad], server.url)
        said[name] = str(caught.value).removeprefix(f"{bad}: ")
    assert not server.asked
    assert said["empty"].startswith("is empty;")
    assert said["text"].startswith("is no parquet file, or a damaged one (Parquet magic bytes not found")
    assert said["cut"].startswith("is no parquet file, or a damaged one")
    assert said["column"].startswith("has no column content_id (it has: blob_id, branch_name,")
    assert said["type"] == "column blob_id is int64; name a file in which it is a string"
    assert said["list"].startswith("column detected_licenses is string; ")
    assert said["files"].startswith("column files is string; ")
    assert said["nested"].startswith("has no column blob_id (it has: path, repo_name)")
    assert said["missing"] == "does not exist; name a parquet file"


def damaged(tmp_path: Path, rows: list[Row]) -> Path:
    """A file whose third row group was overwritten: the footer is whole, and so are the groups before."""
    path = write_parquet(tmp_path / "damaged.parquet", rows, V2, rows_a_group=10)
    column = pq.ParquetFile(path).metadata.row_group(2).column(0)
    start = min(at for at in (column.dictionary_page_offset, column.data_page_offset) if at)
    raw = bytearray(path.read_bytes())
    raw[start : start + 40] = b"\xff" * 40
    path.write_bytes(raw)
    return path


def test_a_damaged_row_group_leaves_the_old_index_as_it_was(
    click, server: FaultyServer, tmp_path: Path
) -> None:
    contents = [b"value_%d = compute(%d)\n" % (number, number) for number in range(30)]
    server.put(*contents)
    path = damaged(tmp_path, [v2_row(f"{at}.py", content) for at, content in enumerate(contents)])
    index = tmp_path / "index"
    build_index(index, click)
    before = {file: file.read_bytes() for file in index.rglob("*") if file.is_file()}
    store = StoreSettings(url=server.url)
    with pytest.raises(UnreadableInputError, match=r"damaged\.parquet: is no parquet file, or a damaged one"):
        build_index(index, read_stack_v2([path], skipped=Counter(), store=store), segment_bytes=100)
    assert server.asked.total() <= 20
    build_index(index, click)
    assert {file: file.read_bytes() for file in index.rglob("*.bin") if file.is_file()} == {
        file: held for file, held in before.items() if file.suffix == ".bin"
    }
    assert Index.open(index).document_count == len({file.content for file in click})


def test_a_network_that_drops_half_way_leaves_the_old_index_and_what_was_fetched(
    click, server: FaultyServer, tmp_path: Path
) -> None:
    contents = [b"value_%d = compute(%d)\n" % (number, number) for number in range(200)]
    server.put(*contents)
    rows = [v2_row(f"{at}.py", content) for at, content in enumerate(contents)]
    path = write_parquet(tmp_path / "a.parquet", rows, V2)
    index = tmp_path / "index"
    build_index(index, click)
    store = StoreSettings(url=server.url, attempts=2, cache=tmp_path / "cache", requests_per_second=1e6)
    server.drops_after = 80
    with pytest.raises(StoreUnusableError, match="were not to be had"):
        build_index(index, read_stack_v2([path], skipped=Counter(), store=store))
    assert Index.open(index).document_count == len({file.content for file in click})
    had = 80 - sum(count - 1 for count in server.asked.values() if count > 1)
    server.drops_after = None
    server.asked.clear()
    build_index(index, read_stack_v2([path], skipped=Counter(), store=store))
    assert Index.open(index).document_count == 200
    assert server.asked.total() <= 200 - had


def test_a_store_that_refuses_everything_ends_a_build_with_one_sentence(
    server: FaultyServer, tmp_path: Path
) -> None:
    server.always = Answer(status=403)
    few = write_parquet(tmp_path / "few.parquet", [v2_row("a.py", b"x = 1\n")], V2)
    rows = [v2_row(f"{at}.py", b"x = %d\n" % at) for at in range(3000)]
    many = write_parquet(tmp_path / "many.parquet", rows, V2)
    with pytest.raises(StoreUnusableError, match=r"not one object was to be had \(it answered 403\)"):
        read(few, server.url)
    with pytest.raises(StoreUnusableError, match=r"1\d\d objects in a row"):
        read(many, server.url)
    assert server.asked.total() < 300


def test_the_command_line_names_what_is_wrong_and_leaves_no_index(
    server: FaultyServer, run_cli, tmp_path: Path
) -> None:
    path = write_parquet(tmp_path / "a.parquet", [v2_row("a.py", b"x = 1\n")], V2)
    server.always = Answer(status=403)
    done = run_cli("index", "build", "--stack-v2", path, "--store", server.url)
    assert done.returncode == 2
    assert done.stderr.decode().count("\n") == 1
    assert (
        f"object store {server.url}: not one object was to be had (it answered 403)" in done.stderr.decode()
    )
    assert not (tmp_path / ".sc-attrib" / "index").exists()
    for option, value, word in (
        ("--store", "ftp://x", "is no address such as"),
        ("--store", "nowhere", "is no address such as"),
        ("--connections", "0", "is no number from 1 to 64"),
        ("--connections", "many", "is no number from 1 to 64"),
        ("--requests-per-second", "nan", "is no number above 0"),
        ("--requests-per-second", "-3", "is no number above 0"),
    ):
        done = run_cli("index", "build", "--stack-v2", path, f"{option}={value}")
        assert done.returncode == 2
        assert f"argument {option}: {value} {word}" in done.stderr.decode()


def test_stack_to_index_to_check_from_a_real_s3_server(click, bucket, run_cli, tmp_path: Path) -> None:
    bucket.put(*(file.content for file in click))
    path = write_parquet(tmp_path / "a.parquet", rows_of(click), V2)
    done = run_cli("index", "build", "--stack-v2", path, "--store", bucket.url)
    assert done.returncode == 0, done.stderr
    copied = next(file for file in click if file.origin.path == "click/utils.py").content
    (tmp_path / "mine.py").write_bytes(b"\n".join(copied.split(b"\n")[100:180]))
    done = run_cli("check", "mine.py", "--index", ".sc-attrib/index", "--format", "json")
    (checked,) = json.loads(done.stdout)["files"]
    best = checked["matches"][0]
    assert best["source"]["path"] == "click/utils.py"
    assert best["source"]["origin"] == "https://github.com/pallets/click"
    assert f"anchor=swh:1:rev:{REVISION}" in best["source"]["swhid"]
    assert best["license"]["expression"] == "MIT"
    assert best["license"]["evidence"] == ["data set: detected_licenses: MIT"]


def test_a_killed_run_goes_on_where_it_stopped(server: FaultyServer, tmp_path: Path) -> None:
    """kill -9 in the midst of fetching; the second run asks for no object that the first one had kept."""
    contents = [b"def function_%d(a, b):\n    return a * %d + b\n" % (at, at) for at in range(300)]
    server.put(*contents)
    server.delay_s = 0.01
    path = write_parquet(
        tmp_path / "a.parquet", [v2_row(f"{at}.py", content) for at, content in enumerate(contents)], V2
    )
    command = [SC_ATTRIB, "index", "build", "--stack-v2", path, "--store", server.url, "--connections", "4"]
    first = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while server.asked.total() < 100 and first.poll() is None:
        time.sleep(0.005)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    kept = {p.parent.name + p.name for p in (tmp_path / ".sc-attrib" / "objects").glob("??/*")}
    assert 50 < len(kept) < 300
    server.asked.clear()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert server.asked.keys() == {sha1(content) for content in contents} - kept
    assert set(server.asked.values()) == {1}
    assert Index.open(tmp_path / ".sc-attrib" / "index").document_count == 300


def test_an_interrupted_run_ends_at_once(server: FaultyServer, tmp_path: Path) -> None:
    """Ctrl-C while the store asks for patience: nobody waits for the two minutes to pass."""
    server.put(b"x = 1\n")
    contents = [b"x = %d\n" % at for at in range(50)]
    server.script = {
        sha1(content): [Answer(status=503, headers={"Retry-After": "120"})] for content in contents[1:]
    }
    path = write_parquet(tmp_path / "a.parquet", [v2_row(f"{at}.py", c) for at, c in enumerate(contents)], V2)
    command = [SC_ATTRIB, "index", "build", "--stack-v2", path, "--store", server.url]
    run = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    while server.asked.total() < 5 and run.poll() is None:
        time.sleep(0.005)
    time.sleep(0.2)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130
    assert b"interrupted" in said


def test_without_the_extra_it_is_named(tmp_path: Path) -> None:
    """A real installation without them: the modules are hidden from a fresh interpreter."""
    program = (
        "import sys, pathlib, collections\n"
        "sys.modules[sys.argv[1]] = None\n"
        "from attribution.sources.stack_v2 import read_stack_v2\n"
        "try: list(read_stack_v2([pathlib.Path(sys.argv[2])], skipped=collections.Counter()))\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    path = write_parquet(tmp_path / "a.parquet", [v2_row("a.py", b"x = 1\n")], V2)
    for module in ("pyarrow", "urllib3"):
        done = subprocess.run([sys.executable, "-c", program, module, path], capture_output=True, text=True)
        assert done.stdout.startswith("MissingExtraError "), done.stderr
        assert "pip install 'sc-attrib[stack]'" in done.stdout
    assert issubclass(MissingExtraError, ScAttribError)


def test_memory_does_not_grow_with_the_input(server: FaultyServer, tmp_path: Path) -> None:
    """600 files of 1 MiB each, one content: what was yielded is let go of."""
    if not Path("/proc/self/status").exists():
        pytest.skip("needs Linux's /proc")
    content = (b"x = 1  # " + b"y" * 1013 + b"\n") * 1024
    server.put(content)
    rows = [v2_row(f"{at}.py", content) for at in range(600)]
    path = write_parquet(tmp_path / "a.parquet", rows, V2, rows_a_group=100)
    program = (
        "import sys, pathlib, collections\n"
        "from attribution.sources.stack_v2 import read_stack_v2\n"
        "from attribution.sources.store_settings import StoreSettings\n"
        "store = StoreSettings(url=sys.argv[1], cache=pathlib.Path(sys.argv[3]), requests_per_second=1e6)\n"
        "files = read_stack_v2([pathlib.Path(sys.argv[2])], skipped=collections.Counter(), store=store)\n"
        "total = sum(len(file.content) for file in files)\n"
        "status = pathlib.Path('/proc/self/status').read_text()\n"
        "print(total, status.partition('VmHWM:')[2].split()[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, server.url, path, tmp_path / "cache"],
        capture_output=True,
        text=True,
        env={**os.environ},
    )
    assert done.returncode == 0, done.stderr
    total, peak_kilobytes = map(int, done.stdout.split())
    assert total == 600 * len(content)
    assert peak_kilobytes < 400 << 10
