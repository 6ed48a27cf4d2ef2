"""Adding, removing, compacting and merging: what an index holds afterwards, and what it does not."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from pathlib import Path

import pytest

from attribution.cli import main
from attribution.errors import (
    IndexCorruptError,
    IndexNotFoundError,
    UnreadableInputError,
    UsageError,
)
from attribution.fingerprint.fingerprint import fingerprint
from attribution.index import builder, compaction
from attribution.index.builder import add_files, build_index
from attribution.index.catalog import read_catalog
from attribution.index.compaction import FAN_IN, compact
from attribution.index.contents import text_of
from attribution.index.documents import DocumentTable
from attribution.index.index import Index
from attribution.index.merging import merge_indexes
from attribution.index.opt_outs import parse_id, read_list
from attribution.index.profile import Profile
from attribution.index.removal import readmit, remove
from attribution.index.segment import Segment
from attribution.index.spill import COMMON
from attribution.index.table import PostingTable
from attribution.languages.language import language_of_path
from attribution.model import License, Origin, SourceFile
from attribution.swhid import Swhid


def code(seed: int, lines: int = 30) -> bytes:
    chance = random.Random(seed)
    return b"".join(
        b"name_%d = call_%d(%d)\n" % tuple(chance.randrange(10**6) for _ in range(3)) for _ in range(lines)
    )


def source(
    number: int, path: str = "", *, url: str = "https://a.b/c", date: str | None = None, spdx: str = "MIT"
) -> SourceFile:
    origin = Origin(url=url, path=path or f"{number}.py", license=License(expression=spdx), date=date)
    return SourceFile(content=code(number), origin=origin)


def places(index: Path) -> Counter[tuple[str, str, str]]:
    """How often each place of each content is answered."""
    found: Counter[tuple[str, str, str]] = Counter()
    for segment in Index.open(index).segments:
        for number in range(len(segment.documents)):
            digest = segment.documents.digest(number)
            found.update((digest.hex(), o.url, o.path) for o in segment.documents.origins(number))
    return found


def ids(index: Path) -> list[str]:
    return [row.id for row in Index.open(index).rows]


@pytest.mark.parametrize("profile", Profile)
def test_compaction_gives_the_segment_that_one_build_would_have_made(
    tmp_path: Path, real_files: list[SourceFile], profile: Profile
) -> None:
    files = list({file.content: file for file in real_files[:300]}.values())
    build_index(tmp_path / "once", files, profile=profile)
    build_index(tmp_path / "parts", files[:100], profile=profile)
    add_files(tmp_path / "parts", files[100:130])
    add_files(tmp_path / "parts", files[130:])
    assert len(ids(tmp_path / "parts")) == 3
    done = compact(tmp_path / "parts")
    assert (done.segments_before, done.segments_after) == (3, 1)
    assert ids(tmp_path / "parts") == ids(tmp_path / "once")
    Index.open(tmp_path / "parts").verify()
    assert compact(tmp_path / "parts").bytes_before == done.bytes_after


def test_compaction_makes_one_document_of_a_content_with_all_its_places(tmp_path: Path) -> None:
    build_index(tmp_path, [source(1), source(2, date="2020-01-01")], with_contents=True)
    add_files(tmp_path, [source(2, "copy.py", url="https://x.y/z", date="2021-01-01", spdx="ISC"), source(3)])
    before = places(tmp_path)
    compact(tmp_path)
    assert places(tmp_path) == before
    (segment,) = Index.open(tmp_path).segments
    assert len(segment.documents) == 3
    document = segment.documents.find(source(2).swhid.digest)
    assert document is not None
    assert [(o.path, o.date, o.license.expression) for o in segment.documents.origins(document)] == [
        ("2.py", "2020-01-01", "MIT"),
        ("copy.py", "2021-01-01", "ISC"),
    ]
    assert text_of(segment, document) == code(2)


def test_a_file_that_is_there_already_is_not_added_again(tmp_path: Path) -> None:
    build_index(tmp_path, [source(1), source(2)])
    summary = add_files(tmp_path, [source(2), source(2, "elsewhere.py"), source(3)])
    assert (summary.files, summary.documents) == (3, 2)
    assert summary.left_out == {"in the index already": 1}
    assert all(count == 1 for count in places(tmp_path).values())
    assert add_files(tmp_path, [source(3)]).segments == 0


def test_adding_makes_an_index_where_there_is_none_and_keeps_its_ways(tmp_path: Path) -> None:
    add_files(tmp_path, [source(1)], profile=Profile.SPARSE, with_contents=True)
    add_files(tmp_path, [source(2)])
    index = Index.open(tmp_path)
    assert [row.profile for row in index.rows] == [Profile.SPARSE] * 2
    assert all(segment.has_contents for segment in index.segments)
    with pytest.raises(UsageError, match="no source code"):
        add_files(tmp_path, [])


def test_many_additions_leave_few_segments(tmp_path: Path) -> None:
    for number in range(3 * FAN_IN):
        add_files(tmp_path, [source(number)])
        assert len(ids(tmp_path)) < FAN_IN
    assert len(places(tmp_path)) == 3 * FAN_IN


def everything(index: Path) -> bytes:
    """All bytes of all files of an index."""
    return b"\n".join(path.read_bytes() for path in sorted(index.rglob("*")) if path.is_file())


def keys_of(content: bytes) -> tuple[set[int], set[int]]:
    """Keys of the literal and of the structural seeds that a full index keeps."""
    made = fingerprint(
        content,
        language=language_of_path("a.py"),
        window_tokens=Profile.FULL.window_tokens,
        with_structure=True,
        with_signature=False,
    )
    return set(made.literal.keys.tolist()), set(made.structural.keys.tolist())


def keys_in(index: Path, table: str) -> set[int]:
    found: set[int] = set()
    for segment in Index.open(index).segments:
        decoded = PostingTable(segment.file, table)
        found.update(key for number in range(256) for key in decoded.partition(number)[0].tolist())
    return found


def common_keys(index: Path) -> set[int]:
    """Literal seeds that keep no places in any segment."""
    found: set[int] = set()
    for segment in Index.open(index).segments:
        for keys, payloads in map(PostingTable(segment.file, "literal").partition, range(256)):
            found.update(keys[payloads == COMMON].tolist())
    return found


def test_after_removal_and_compaction_nothing_of_a_file_is_in_any_file(tmp_path: Path) -> None:
    gone = SourceFile(
        content=b"def very_secret_function(argument):\n" + code(99),
        origin=Origin(
            url="https://example.org/secret/repository",
            path="private/folder/secret_name.py",
            revision="swh:1:rev:" + "12ab" * 10,
            license=License(expression="LicenseRef-Secret", evidence=("secret evidence",)),
            date="1999-12-31",
        ),
    )
    files = [*(source(n) for n in range(6)), gone, *(source(n) for n in range(6, 9))]
    build_index(tmp_path, files, with_contents=True)
    add_files(tmp_path, [source(20)])
    traces = [gone.swhid.digest, b"secret_name", b"secret/repository", b"LicenseRef-Secret", b"1999"]
    before = everything(tmp_path)
    assert all(trace in before for trace in (traces[0], b"secret_name", b"secret/repository"))
    literal, structural = keys_of(gone.content)
    assert literal <= keys_in(tmp_path, "literal")

    summary = remove(tmp_path, [gone.origin.url])
    assert (summary.files, summary.documents, summary.unknown) == (1, 1, ())
    assert gone.swhid.digest.hex() not in {digest for digest, _, _ in places(tmp_path)}
    compact(tmp_path)
    after = everything(tmp_path)
    others = [keys_of(file.content) for file in files if file is not gone] + [keys_of(code(20))]
    assert not (literal - set().union(*(keys for keys, _ in others))) & keys_in(tmp_path, "literal")
    assert not (structural - set().union(*(keys for _, keys in others))) & keys_in(tmp_path, "structural")
    assert after.count(b"secret") == after.count(b"https://example.org/secret/repository") == 1
    assert not [trace for trace in traces if trace in after and trace != b"secret/repository"]
    assert b"very_secret_function" not in b"".join(all_texts(tmp_path))
    assert read_catalog(tmp_path).opt_outs == {gone.origin.url}
    assert len(places(tmp_path)) == 10


def all_texts(index: Path) -> list[bytes]:
    segments = Index.open(index).segments
    texts = (text_of(segment, n) for segment in segments for n in range(len(segment.documents)))
    return [text for text in texts if text is not None]


def test_removing_one_origin_leaves_the_content_to_the_others(tmp_path: Path) -> None:
    """Also where the removed place was the first one; and compaction names the next one first."""
    build_index(
        tmp_path, [source(0), source(1, url="https://one.org/r"), source(1, "b.py", url="https://two.org/r")]
    )
    remove(tmp_path, ["https://one.org/r"])
    for _ in range(2):
        (segment,) = Index.open(tmp_path).segments
        document = segment.documents.find(source(1).swhid.digest)
        assert document is not None
        assert [origin.url for origin in segment.documents.origins(document)] == ["https://two.org/r"]
        assert segment.documents.path(document) == "b.py"
        assert Index.open(tmp_path).license_counts() == {"MIT": 2}
        compact(tmp_path)
    assert b"one.org" not in b"".join(path.read_bytes() for path in tmp_path.rglob("arrays.bin"))


@pytest.mark.parametrize(
    ("wanted", "removed"),
    [
        ("https://A.b/one.git", 2),
        ("https://a.b/one/", 2),
        ("https://a.b/on", 0),
        ("swh:1:rev:" + "a" * 40, 1),
        ("swh:1:snp:" + "b" * 40, 1),
        (str(Swhid.of_content(code(1))), 1),
        (str(Swhid.of_content(code(1))) + ";origin=https://x.y/z", 1),
        ("swh:1:rel:" + "a" * 40, 0),
    ],
)
def test_what_an_id_covers(tmp_path: Path, wanted: str, removed: int) -> None:
    snapshot = Swhid.parse("swh:1:snp:" + "b" * 40)
    build_index(
        tmp_path,
        [
            SourceFile(content=code(1), origin=Origin(url="https://a.b/one", path="1.py")),
            SourceFile(content=code(2), origin=Origin(url="https://a.b/one", path="2.py", snapshot=snapshot)),
            SourceFile(
                content=code(3),
                origin=Origin(url="https://a.b/two", path="3.py", revision="swh:1:rev:" + "a" * 40),
            ),
        ],
    )
    summary = remove(tmp_path, [wanted])
    assert (summary.files, len(summary.unknown)) == (removed, int(removed == 0))
    assert Index.open(tmp_path).document_count == 3 - removed == len(places(tmp_path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty line"),
        ("a b", "a b is neither"),
        ("swh:1:cnt:12", "not a SWHID"),
        ("swh:1:dir:" + "a" * 40, "directories"),
    ],
)
def test_what_is_no_id_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_id(text)


def test_an_opt_out_list_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text(
        "# people who said no\n\nhttps://a.b/c#readme  # why\n  https://a.b/d/\n" + str(source(1).swhid)
    )
    assert read_list(path) == ["https://a.b/c#readme", "https://a.b/d", str(source(1).swhid)]
    path.write_text("https://a.b/c\nwhat\n")
    with pytest.raises(UsageError, match=r"list\.txt, line 2: what is neither"):
        read_list(path)
    path.write_bytes(b"\xff")
    for unreadable in (path, tmp_path / "nowhere", tmp_path):
        with pytest.raises(UnreadableInputError, match="cannot be read"):
            read_list(unreadable)


def test_opt_outs_are_remembered_by_every_later_writer(tmp_path: Path) -> None:
    index, other = tmp_path / "index", tmp_path / "other"
    build_index(index, [source(1), source(2)])
    remove(index, [str(source(2).swhid), "https://gone.org/r"])
    assert add_files(index, [source(2), source(3)]).left_out == {"opted out": 1}
    assert build_index(index, [source(2), source(4)]).left_out == {"opted out": 1}
    with pytest.raises(UsageError, match="all 1 files are opted out"):
        build_index(index, [source(2)])
    build_index(other, [source(2), source(5), source(6, url="https://gone.org/r")])
    summary = merge_indexes(index, [other])
    assert (summary.segments, summary.documents, summary.opted_out) == (1, 1, 2)
    assert {path for _, _, path in places(index)} == {"4.py", "5.py"}
    for file in (source(2), source(6)):
        assert all(file.swhid.digest not in path.read_bytes() for path in index.rglob("arrays.bin"))
    assert readmit(index, [str(source(2).swhid), "https://never.org"]) == 1
    assert add_files(index, [source(2)]).left_out == {}
    assert read_catalog(index).opt_outs == {"https://gone.org/r"}


def test_the_opt_outs_of_another_index_come_with_it(tmp_path: Path) -> None:
    index, other = tmp_path / "index", tmp_path / "other"
    build_index(index, [source(1), source(2)])
    build_index(other, [source(3), source(4)])
    remove(other, [str(source(1).swhid), str(source(3).swhid)])
    merge_indexes(index, [other])
    assert {path for _, _, path in places(index)} == {"2.py", "4.py"}
    assert read_catalog(index).opt_outs == {str(source(1).swhid), str(source(3).swhid)}


def test_merged_indexes_answer_all_that_each_one_did(tmp_path: Path) -> None:
    for number in range(3):
        build_index(tmp_path / str(number), [source(10 * number + n) for n in range(3)])
    everywhere = [places(tmp_path / str(number)) for number in range(3)]
    summary = merge_indexes(tmp_path / "all", [tmp_path / str(number) for number in range(3)])
    assert (summary.segments, summary.documents) == (3, 9)
    assert places(tmp_path / "all") == sum(everywhere, Counter())
    assert merge_indexes(tmp_path / "all", [tmp_path / "1"]).already_here == 1
    Index.open(tmp_path / "all").verify()
    compact(tmp_path / "all")
    assert places(tmp_path / "all") == sum(everywhere, Counter())


def test_what_only_this_index_removed_comes_back_with_a_merger_once_it_is_readmitted(tmp_path: Path) -> None:
    index, other = tmp_path / "index", tmp_path / "other"
    build_index(other, [source(1), source(2)])
    merge_indexes(index, [other])
    remove(index, [str(source(1).swhid)])
    merge_indexes(index, [other])
    assert {path for _, _, path in places(index)} == {"2.py"}
    readmit(index, [str(source(1).swhid)])
    merge_indexes(index, [other])
    assert {path for _, _, path in places(index)} == {"1.py", "2.py"}
    assert Index.open(index).document_count == 2


def test_an_addition_is_kept_as_the_oldest_segment_whatever_came_between(tmp_path: Path) -> None:
    build_index(tmp_path, [source(1)], with_contents=True)
    add_files(tmp_path, [source(2)], profile=Profile.SPARSE, with_contents=False)
    add_files(tmp_path, [source(3)])
    index = Index.open(tmp_path)
    assert [row.profile for row in index.rows] == [Profile.FULL, Profile.SPARSE, Profile.FULL]
    assert [segment.has_contents for segment in index.segments] == [True, False, True]


def test_what_is_added_to_an_index_of_several_profiles_is_told_its_own(tmp_path: Path, run_cli) -> None:
    index, tree = tmp_path / "index", tmp_path / "tree"
    tree.mkdir()
    words = ("index", "add", "--index", index, "--tree", tree)
    for number, options in enumerate(((), (), ("--profile", "sparse"), ("--profile", "sparse"))):
        (tree / f"{number}.py").write_bytes(code(number))
        assert b"profile" not in run_cli(*words, *options).stderr
    (tree / "9.py").write_bytes(code(9))
    told = run_cli(*words).stderr.decode()
    assert "added in the profile full, as in the oldest part of this index, which holds full, sparse;" in told


def test_a_content_of_two_segments_counts_once(tmp_path: Path) -> None:
    """In what an index says of itself, and in what was taken out of it."""
    build_index(tmp_path, [source(1), source(2)])
    add_files(tmp_path, [source(1, "b.py"), source(2, "b.py", url="https://x.y/z"), source(3)])
    assert Index.open(tmp_path).document_count == 3
    summary = remove(tmp_path, ["https://a.b/c"])
    assert (summary.files, summary.documents) == (4, 2)
    assert Index.open(tmp_path).document_count == 1
    summary = remove(tmp_path, ["https://x.y/z"])
    assert (summary.files, summary.documents) == (1, 1)


def test_a_place_that_is_met_twice_is_kept_once(tmp_path: Path) -> None:
    """In one build, and when segments that overlap become one."""
    files = [source(1), source(2), source(2, "b.py"), source(2, "b.py", date="2020-01-01")]
    build_index(tmp_path / "one", files)
    build_index(tmp_path / "twice", [*files, *files])
    assert ids(tmp_path / "twice") == ids(tmp_path / "one")
    build_index(tmp_path / "two", [*files, source(3)])
    merge_indexes(tmp_path / "one", [tmp_path / "two"])
    compact(tmp_path / "one")
    assert ids(tmp_path / "one") == ids(tmp_path / "two")


def test_many_places_of_one_content_are_decoded_once_a_batch(tmp_path: Path, monkeypatch) -> None:
    files = [source(1, f"{number}.py") for number in range(50)]
    build_index(tmp_path, files)
    decoded = Counter[int]()
    original = DocumentTable.occurrence

    def counting(table: DocumentTable, number: int) -> Origin:
        decoded[number] += 1
        return original(table, number)

    monkeypatch.setattr(DocumentTable, "occurrence", counting)
    assert add_files(tmp_path, files).left_out == {"in the index already": 50}
    assert set(decoded.values()) == {1}


def test_code_of_some_files_of_a_small_index_is_found_in_them(tmp_path: Path) -> None:
    """It is common neither in the segment nor to the judge: all of it comes from one origin."""
    shared = code(500)
    files = [
        SourceFile(content=shared + code(n), origin=Origin(url="https://a.b/c", path=f"{n}.py"))
        for n in range(60)
    ]
    build_index(tmp_path, files)
    assert common_keys(tmp_path) == set()


def test_what_was_common_among_removed_files_alone_is_found_in_others(tmp_path: Path) -> None:
    """Their places were never kept; those of the others are."""
    shared = code(500)

    def sharing(number: int, url: str) -> SourceFile:
        return SourceFile(content=shared + code(number), origin=Origin(url=url, path=f"{number}.py"))

    build_index(tmp_path, [source(1), *(sharing(n, "https://gone.org/r") for n in range(2, 82))])
    common = common_keys(tmp_path)
    assert len(common) > 10
    add_files(tmp_path, [sharing(100, "https://x.y/z")])
    remove(tmp_path, ["https://gone.org/r"])
    compact(tmp_path)
    (row,) = Index.open(tmp_path).rows
    assert row.documents == 2
    assert not common_keys(tmp_path) & keys_of(shared + code(100))[0]


def test_what_is_common_stays_common_when_few_files_are_removed(tmp_path: Path) -> None:
    shared = code(500)
    files = [
        SourceFile(content=shared + code(n), origin=Origin(url="https://a.b", path=f"{n}.py"))
        for n in range(80)
    ]
    build_index(tmp_path, files[:79])
    common = common_keys(tmp_path)
    add_files(tmp_path, files[79:])
    remove(tmp_path, [str(file.swhid) for file in files[:3]])
    compact(tmp_path)
    assert common_keys(tmp_path) == common
    assert len(common) > 10


@pytest.mark.parametrize("bound", ["GREATEST_OCCURRENCES", "GREATEST_SOURCES"])
def test_segments_that_would_take_too_much_memory_together_stay_apart(
    tmp_path: Path, monkeypatch, bound: str
) -> None:
    for number in range(0, 120, 40):
        add_files(tmp_path, [source(n, url=f"https://a.b/{n}") for n in range(number, number + 40)])
    monkeypatch.setattr(compaction, bound, 80)
    assert [len(segment.documents) for segment in Index.open(tmp_path).segments] == [40, 40, 40]
    compact(tmp_path)
    assert [len(segment.documents) for segment in Index.open(tmp_path).segments] == [80, 40]


def test_what_is_added_again_after_it_was_readmitted_is_there_once(tmp_path: Path) -> None:
    """The new segment is the old one, which shows again what it hid."""
    build_index(tmp_path, [source(1), source(2)])
    before = ids(tmp_path)
    remove(tmp_path, ["https://a.b/c"])
    readmit(tmp_path, ["https://a.b/c"])
    assert add_files(tmp_path, [source(1), source(2)]).documents == 2
    assert ids(tmp_path) == before
    assert {path: count for (_, _, path), count in places(tmp_path).items()} == {"1.py": 1, "2.py": 1}
    assert Index.open(tmp_path).document_count == 2


def test_a_merger_shows_again_what_it_rewrites_into_a_segment_that_is_here(tmp_path: Path) -> None:
    """Theirs without the opted-out file is ours, of which everything had been removed."""
    index, other = tmp_path / "index", tmp_path / "other"
    build_index(index, [source(1), source(2)])
    remove(index, ["https://a.b/c"])
    readmit(index, ["https://a.b/c"])
    build_index(other, [source(1), source(2), source(3)])
    remove(other, [str(source(3).swhid)])
    summary = merge_indexes(index, [other])
    assert {path for _, _, path in places(index)} == {"1.py", "2.py"}
    assert (summary.segments, summary.documents, summary.already_here) == (0, 2, 1)


def test_equal_segments_of_one_build_are_one(tmp_path: Path) -> None:
    build_index(tmp_path, [source(1), source(1)], segment_bytes=1)
    assert len(ids(tmp_path)) == sum(places(tmp_path).values()) == 1


def test_an_index_takes_in_neither_itself_nor_a_damaged_one(tmp_path: Path) -> None:
    build_index(tmp_path / "index", [source(1)])
    build_index(tmp_path / "other", [source(2)])
    with pytest.raises(UsageError, match="into itself"):
        merge_indexes(tmp_path / "index", [tmp_path / "other", tmp_path / "x" / ".." / "index"])
    with pytest.raises(IndexNotFoundError, match="nowhere"):
        merge_indexes(tmp_path / "index", [tmp_path / "nowhere"])
    (path,) = (tmp_path / "other").rglob("arrays.bin")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(IndexCorruptError, match=re.escape(str(path))):
        merge_indexes(tmp_path / "index", [tmp_path / "other"])
    assert {place for _, _, place in places(tmp_path / "index")} == {"1.py"}


@pytest.mark.parametrize("change", [lambda i: remove(i, ["https://a.b/c"]), compact])
def test_nothing_is_made_where_there_is_no_index(tmp_path: Path, change) -> None:
    with pytest.raises(IndexNotFoundError):
        change(tmp_path / "index")
    assert not (tmp_path / "index").exists()


def test_an_index_whose_files_were_all_removed_is_empty_and_usable(tmp_path: Path) -> None:
    build_index(tmp_path, [source(1)])
    remove(tmp_path, ["https://a.b/c"])
    compact(tmp_path)
    assert ids(tmp_path) == []
    assert list((tmp_path / "segments").iterdir()) == []
    readmit(tmp_path, ["https://a.b/c"])
    add_files(tmp_path, [source(1)])
    assert len(places(tmp_path)) == 1


def test_segments_are_the_same_whatever_the_threads_and_the_memory(
    tmp_path: Path, real_files: list[SourceFile], monkeypatch
) -> None:
    files = [*real_files[:150], *real_files[:20]]
    made = []
    original = builder.print_document
    chance = random.Random(1)

    def slow(*arguments, **options):
        time.sleep(chance.random() * 0.002)
        return original(*arguments, **options)

    monkeypatch.setattr(builder, "print_document", slow)
    for number, (threads, memory) in enumerate(((1, 1 << 28), (2, 100_000), (7, 1 << 20))):
        monkeypatch.setattr(builder, "THREADS", threads)
        build_index(tmp_path / str(number), files, memory_bytes=memory)
        (path,) = (tmp_path / str(number)).rglob("arrays.bin")
        made.append(path.read_bytes())
    assert made[0] == made[1] == made[2]


def test_a_copied_segment_is_an_index_with_a_catalog_of_its_own(tmp_path: Path) -> None:
    """Each segment is whole in itself."""
    build_index(tmp_path / "index", [source(1)])
    (folder,) = (tmp_path / "index" / "segments").iterdir()
    segment = Segment(folder)
    document = segment.documents.find(source(1).swhid.digest)
    assert document is not None
    assert segment.documents.origins(document) == [source(1).origin]


def test_the_command_line_leads_an_index_through_its_life(run_cli, tmp_path: Path) -> None:
    for name, numbers in (("one", range(3)), ("two", range(3, 6))):
        (tmp_path / name).mkdir()
        for n in numbers:
            (tmp_path / name / f"{n}.py").write_bytes(code(n))

    def run(*words: str) -> str:
        done = run_cli("index", *words, "--index", "ix")
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    assert "3 files, 3 distinct contents" in run("build", "--tree", "one", "--origin", "https://a.b/one")
    assert "ix: added 3 files, 3 distinct contents" in run(
        "add", "--tree", "two", "--origin", "https://a.b/two"
    )
    assert "ix: whole, 3 files" in run("verify")
    (tmp_path / "list").write_text("https://a.b/two\n")
    assert "4 files removed, 4 contents" in run("remove", "--list", "list", str(source(0).swhid))
    assert "removed" in run("info")
    assert "2 segments became 1" in run("compact")
    assert "1 ids may be added again" in run("remove", "--undo", "https://a.b/two")
    run("add", "--tree", "two", "--origin", "https://a.b/two")
    run_cli("index", "build", "--tree", "two", "--index", "iy")
    assert "1 segments came in" in run("merge", "iy")


def test_bad_command_lines_are_one_sentence_each(tmp_path: Path, monkeypatch, capsys) -> None:
    build_index(tmp_path / "ix", [source(1)])
    (tmp_path / "list").write_text("no id\n")
    monkeypatch.chdir(tmp_path)
    for words, part in (
        (("remove", "--index", "ix"), "nothing to remove"),
        (("remove", "--index", "ix", "what"), "what is neither"),
        (("remove", "--index", "ix", "--list", "list"), "list, line 1: no id is neither"),
        (("remove", "--index", "ix", "--list", "nowhere"), "nowhere: cannot be read"),
        (("remove", "--index", "nowhere", "https://a.b"), "no index here"),
        (("verify", "--index", "nowhere"), "no index here"),
        (("compact", "--index", "nowhere"), "no index here"),
        (("merge", "--index", "ix", "ix"), "into itself"),
        (("merge", "--index", "ix", "nowhere"), "no index here"),
        (("add", "--index", "ix"), "name a source"),
        (("add", "--index", "ix", "--tree", "nowhere"), "does not exist"),
        (("add", "--index", "list", "--tree", "."), "list"),
    ):
        assert main(["index", *words]) == 2, words
        message = capsys.readouterr().err
        assert part in message
        assert message.count("\n") == 1, message
