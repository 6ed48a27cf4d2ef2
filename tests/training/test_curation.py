"""The whole pipeline on a small real corpus: every reason, every figure, killed and resumed."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from attribution.index.index import Index
from tests.attribution.stack import V3, v3_file, v3_row, write_parquet
from tests.training.curating import SMALL, corpus, curation, digests, planted, script
from training.data.engine.curate import curate
from training.data.shards import PackedRows
from training.data.stage import DropReason
from training.errors import CurationError, CurationMismatchError, EmptyCorpusError
from training.tokenizer import control_ids, fingerprint, load_tokenizer

EXPECTED = {
    "gone.py": DropReason.OPTED_OUT,
    "gpl.py": DropReason.LICENSE,
    "nobody.py": DropReason.NO_LICENSE,
    "latin.py": DropReason.NOT_TEXT,
    "blank.py": DropReason.TOO_SMALL,
    "huge.py": DropReason.TOO_LARGE,
    "main.go": DropReason.LANGUAGE,
    "third_party/copied.py": DropReason.VENDORED,
    "made.py": DropReason.GENERATED,
    "empty.ipynb": DropReason.NOTEBOOK_WITHOUT_CODE,
    "unloved.js": DropReason.FEW_STARS,
    "held.py": DropReason.HELD_OUT,
    "fixtures/case.js": DropReason.EXCLUDED,
    "many.py": DropReason.TOO_MANY_LINES,
    "minified.js": DropReason.LONG_LINES,
    "one_line.py": DropReason.LONG_LINE,
    "numbers.py": DropReason.FEW_LETTERS,
    "encoded.py": DropReason.ENCODED_DATA,
    "app.html": DropReason.LITTLE_VISIBLE_TEXT,
    "table.json": DropReason.DATA_FILE,
    "story.txt": DropReason.TEXT_FILE,
    "prose.py": DropReason.COMMENT_RATIO,
    "ok.js": DropReason.EXACT_DUPLICATE,
    "near.py": DropReason.NEAR_DUPLICATE,
    "leak.py": DropReason.NEAR_HELD_OUT,
    "copy_of_gpl.py": DropReason.LICENSE_OF_COPY,
    "solved.py": DropReason.CONTAMINATED,
    "bulky.js": DropReason.MALWARE,
    "people.js": DropReason.SECRETS,
}
KEPT = ("twin/ok.js", "nearer.py", "contact.js")


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was never interrupted."""
    root = tmp_path_factory.mktemp("curated") / "out"
    curate(curation(root))
    return root


def rows_of(root: Path) -> list[dict]:
    return [row for path in sorted(root.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def test_each_planted_file_is_dropped_for_its_reason_or_kept(curated: Path) -> None:
    found = {r["path"][1:]: r["drop_reason"] for r in rows_of(curated) if "example.org" in r["origin"]}
    assert found == {path: str(reason) for path, reason in EXPECTED.items()} | dict.fromkeys(KEPT)


def test_no_file_is_lost_and_real_packages_are_kept(curated: Path) -> None:
    rows = rows_of(curated)
    files = list(corpus(Counter()))
    assert sorted((r["origin"], r["path"][1:]) for r in rows) == sorted(
        (f.origin.url, f.origin.path) for f in files
    )
    real = [r for r in rows if "example.org" not in r["origin"]]
    assert sum(r["drop_reason"] is None for r in real) > 0.9 * len(real)


def test_dropped_rows_carry_no_text_and_copies_name_what_stays(curated: Path) -> None:
    rows = rows_of(curated)
    assert all((r["content"] is None) == (r["drop_reason"] is not None) for r in rows)
    by_path = {r["path"][1:]: r for r in rows}
    assert by_path["near.py"]["duplicate_of"] == by_path["nearer.py"]["content_id"]
    assert by_path["leak.py"]["duplicate_of"] == by_path["held.py"]["content_id"]


def test_rows_have_the_stack_v2s_columns(curated: Path) -> None:
    row = {r["path"][1:]: r for r in rows_of(curated)}["nearer.py"]
    content = row["content"].encode()
    assert row["blob_id"] == hashlib.sha1(content).hexdigest()
    assert row["content_id"] == hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    assert (row["license_type"], row["detected_licenses"]) == ("permissive", ["MIT"])
    assert (row["language"], row["extension"], row["length_bytes"]) == ("Python", "py", len(content))
    assert (row["star_events_count"], row["revision_date"].year) == (9, 2001)


def test_addresses_are_redacted_and_the_index_knows_the_file_as_it_was(curated: Path) -> None:
    row = {r["path"][1:]: r for r in rows_of(curated)}["contact.js"]
    assert "Ask <EMAIL>." in row["content"]
    assert [(r["kind"], r["start"], r["end"]) for r in row["redactions"]] == [("e-mail address", 7, 35)]
    assert b"acme-widgets" not in b"".join(path.read_bytes() for path in curated.glob("c*"))
    assert Index.open(curated / "index").identical(bytes.fromhex(row["content_id"]))


def test_the_index_holds_exactly_what_is_kept(curated: Path) -> None:
    kept = {r["content_id"] for r in rows_of(curated) if r["drop_reason"] is None}
    index = Index.open(curated / "index")
    assert index.document_count == len(kept)
    assert all(index.identical(bytes.fromhex(content)) for content in kept)


def test_shards_are_repositories_in_the_format_of_starcoder2(curated: Path) -> None:
    tokenizer = load_tokenizer(curated / "tokenizer.json")
    ids = control_ids(tokenizer)
    rows = PackedRows(curated / "shards" / "train", tokenizer=fingerprint(tokenizer))
    tokens = rows.batch(np.arange(len(rows))).ids
    assert tokens.shape[1] == SMALL.tokens.row_tokens
    for control in (ids.repo_name, ids.file_separator, ids.fim_prefix, ids.fim_middle, ids.fim_suffix):
        assert (tokens == control).any()
    assert (tokens == ids.fim_prefix).sum() == (tokens == ids.fim_middle).sum()


def test_held_out_files_are_there_to_measure_on_and_nowhere_else(curated: Path) -> None:
    entries = [json.loads(line) for line in (curated / "held_out.jsonl").read_text("utf-8").splitlines()]
    assert [entry["path"] for entry in entries] == ["held.py"]
    tokenizer = load_tokenizer(curated / "tokenizer.json")
    rows = PackedRows(curated / "shards" / "held-out", tokenizer=fingerprint(tokenizer))
    tokens = rows.batch(np.arange(len(rows))).ids
    assert not (tokens == control_ids(tokenizer).fim_middle).any()
    assert entries[0]["text"][:200] in tokenizer.decode(tokens[tokens != rows.manifest.pad_id].tolist())


def test_the_card_counts_everything_and_shows_no_text(curated: Path) -> None:
    card, page = (curated / "card.md").read_text("utf-8"), (curated / "card.html").read_text("utf-8")
    for reason in {*EXPECTED.values()}:
        assert f"| {reason} | " in card
        assert str(reason) in page
    assert "swh:1:cnt:" in card
    assert "<svg" in page and "http" not in page.replace("http-equiv", "")
    assert "visitor" not in card + page


def test_the_card_counts_what_nobody_looked_at_for_malware(curated: Path) -> None:
    """No clamd answers in this run, so only what is too large for it is dropped."""
    later = (None, DropReason.SECRETS, DropReason.CONTAMINATED)
    reached = sum(row["drop_reason"] in later for row in rows_of(curated))
    for name in ("card.md", "card.html"):
        card = (curated / name).read_text("utf-8")
        assert f"{reached:,} files were not scanned for malware" in card
        assert "malware was not looked for everywhere: clamd does not answer at /nowhere/clamd.ctl" in card


def test_processes_and_shard_files_do_not_change_a_byte(curated: Path, tmp_path: Path) -> None:
    curate(curation(tmp_path / "out", processes=2))
    assert digests(tmp_path / "out") == digests(curated)


def test_a_finished_folder_is_left_as_it_is(curated: Path) -> None:
    before = digests(curated)
    curate(curation(curated, sources=lambda skipped: pytest.fail("the sources were read again")))
    assert digests(curated) == before
    assert not (curated / "work").exists()


def test_another_configuration_is_refused_and_says_what_differs(curated: Path) -> None:
    from dataclasses import replace

    other = replace(SMALL, shard_documents=13)
    with pytest.raises(CurationMismatchError, match=r"recipe\.shard_documents was 12 and is 13"):
        curate(curation(curated, recipe=other))


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(CurationError, match=r"other things in it \(thesis\.tex\)"):
        curate(curation(tmp_path))


def test_nothing_kept_is_one_sentence_with_the_reasons(tmp_path: Path) -> None:
    def sources(skipped: Counter[str]):
        yield planted("a.rb", "puts 1\n")

    with pytest.raises(EmptyCorpusError, match="1 language not asked for"):
        curate(curation(tmp_path / "out", sources=sources))


def test_sources_that_changed_before_a_restart_are_read_as_they_are_now(tmp_path: Path) -> None:
    """Shards of an earlier reading count only where their files are the same."""

    def broken(skipped: Counter[str]):
        for number, file in enumerate(corpus(skipped)):
            if number == 40:
                raise KeyboardInterrupt
            yield file

    def changed(skipped: Counter[str]):
        yield planted("first.js", script("first"))
        yield from corpus(skipped)

    with pytest.raises(KeyboardInterrupt):
        curate(curation(tmp_path / "out", sources=broken))
    assert len(list((tmp_path / "out" / "work" / "filtered").glob("*.parquet"))) == 3
    curate(curation(tmp_path / "out", sources=changed))
    curate(curation(tmp_path / "fresh", sources=changed))
    assert digests(tmp_path / "out") == digests(tmp_path / "fresh")


def test_killed_ten_times_at_random_moments_the_result_is_the_same(curated: Path, tmp_path: Path) -> None:
    """Moments are drawn from all at which some process of a run is about to write or rename a file.

    A run kills itself and its workers at the first such moment that is not before the drawn one; its last
    moment is the data card's, so none of the ten can end before it is killed.
    """
    moments, order = tmp_path / "moments", tmp_path / "order"
    assert start_dying(tmp_path / "watched", moments).wait() == 0
    order.write_text(json.dumps([*dict.fromkeys(moments.read_text("utf-8").splitlines())]))
    last = len(json.loads(order.read_text())) - 1
    root, draw = tmp_path / "out", random.Random(20261122)
    for moment in [*sorted(draw.sample(range(last), 9)), last]:
        assert start_dying(root, moments, "--order", order, "--moment", moment).wait() == -signal.SIGKILL
        assert not (root / "card.md").exists()
    assert start(root).wait() == 0
    assert digests(root) == digests(curated)


def start_dying(root: Path, moments: Path, *words: object) -> subprocess.Popen:
    """A run with two workers that writes down its moments, and kills itself at one if that is named."""
    command = [sys.executable, "-m", "tests.training.dying", root, moments, *words]
    return subprocess.Popen(list(map(str, command)), start_new_session=True, cwd=Path(__file__).parents[2])


def test_a_killed_worker_is_one_sentence_and_the_run_goes_on(curated: Path, tmp_path: Path) -> None:
    with start(tmp_path / "out", stderr=subprocess.PIPE) as process:
        while process.poll() is None and (worker := worker_of(process.pid)) is None:
            time.sleep(0.01)
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        _, said = process.communicate()
    assert b"was killed" in said and b"goes on where it stopped" in said
    assert start(tmp_path / "out").wait() == 0
    assert digests(tmp_path / "out") == digests(curated)


def worker_of(parent: int) -> int | None:
    """A process of the pool, found as ``ps`` finds it."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("needs /proc, which Linux has")
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words, is_child = path.joinpath("cmdline").read_bytes(), path.joinpath("stat").read_text()
        except OSError:
            continue
        if b"spawn_main" in words and is_child.rpartition(")")[2].split()[1] == str(parent):
            return int(path.name)
    return None


def start(root: Path, **other) -> subprocess.Popen:
    """A run in a process group of its own, with two workers."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.training.curating import curation\n"
        "from training.data.engine.curate import curate\n"
        "from attribution.errors import ScAttribError\n"
        "if __name__ == '__main__':\n"
        "    try: curate(curation(Path(sys.argv[1]), processes=2))\n"
        "    except ScAttribError as error: sys.exit(str(error))\n"
    )
    words = [sys.executable, "-c", program, str(root)]
    return subprocess.Popen(words, start_new_session=True, cwd=Path(__file__).parents[2], **other)


def test_a_disk_that_refuses_is_one_sentence_and_the_run_goes_on(curated: Path, tmp_path: Path) -> None:
    """No file may grow beyond 64 KiB: as on a full disk, a write ends in the middle."""
    root = tmp_path / "out"
    with start(root, stderr=subprocess.PIPE, preexec_fn=lambda: limit_files(1 << 16)) as process:
        _, said = process.communicate()
    assert process.returncode == 1
    assert re.fullmatch(rb".+/out: .+ cannot be written \(.+\); .+goes on where it stopped\n", said)
    assert start(root).wait() == 0
    assert digests(root) == digests(curated)


def limit_files(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_damaged_file_of_the_run_is_one_sentence(tmp_path: Path) -> None:
    def broken(skipped: Counter[str]):
        for number, file in enumerate(corpus(skipped)):
            if number == 40:
                raise KeyboardInterrupt
            yield file

    with pytest.raises(KeyboardInterrupt):
        curate(curation(tmp_path / "out", sources=broken))
    shard = min((tmp_path / "out" / "work" / "filtered").glob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(CurationError, match=r"damaged .+; delete the folder and start again"):
        curate(curation(tmp_path / "out"))


def test_a_damaged_parquet_file_of_a_source_is_one_sentence_and_mended_the_run_goes_on(
    run_cli, tmp_path: Path
) -> None:
    """Nothing of its rows is taken for all of them."""
    source = tmp_path / "files.parquet"
    texts = [f"// SPDX-License-Identifier: MIT\n{script(f'visit_{number}')}" for number in range(9)]
    files = [v3_file(f"{number}.js", text.encode()) for number, text in enumerate(texts)]
    write_parquet(source, [v3_row("a/b", files[:3]), v3_row("a/c", files[3:])], V3, rows_a_group=1)
    whole = source.read_bytes()
    at = len(whole) * 2 // 3
    source.write_bytes(whole[:at] + bytes(64) + whole[at + 64 :])
    words = ("train", "curate", "--stack-v3", source, "--processes", "1", "--vocabulary", "384", "--out")
    refused = run_cli(*words, tmp_path / "out")
    assert (refused.returncode, refused.stdout) == (2, b"")
    (*_, sentence) = refused.stderr.decode().splitlines()
    assert sentence.startswith("sc-attrib: ") and "files.parquet" in sentence
    assert not (tmp_path / "out" / "card.md").exists()
    source.write_bytes(whole)
    for name in ("out", "fresh"):
        done = run_cli(*words, tmp_path / name)
        assert done.returncode == 0, done.stderr
    assert digests(tmp_path / "out") == digests(tmp_path / "fresh")
    assert "| read from the sources | 9 |" in (tmp_path / "out" / "card.md").read_text("utf-8")


def test_two_runs_into_one_folder_do_not_meet(tmp_path: Path) -> None:
    def sources(skipped: Counter[str]):
        yield planted("a.js", script("a"))
        with pytest.raises(CurationError, match="another process is curating into it"):
            curate(curation(tmp_path / "out"))

    curate(curation(tmp_path / "out", sources=sources))


def test_the_command_counts_what_a_hostile_folder_holds(run_cli, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "loop").symlink_to(tree)
    (tree / "self.py").symlink_to("self.py")
    (tree / "latin.py").write_bytes("# caf\xe9\n".encode("latin-1"))
    Path(os.fsdecode(os.fsencode(tree) + b"/caf\xe9.js")).write_text(
        f"// SPDX-License-Identifier: MIT\n{script('x')}"
    )
    (tree / "wide.py").write_bytes("x = 1\n".encode("utf-16"))
    for number in range(40):
        (tree / f"script_{number}.js").write_text(f"// SPDX-License-Identifier: MIT\n{script('same')}")
    with (tree / "huge.py").open("wb") as file:
        file.truncate(1 << 30)
    (tree / "opted_out.js").write_text(f"// Copyright Alice <alice@example.net>\n{script('alice')}")
    (tmp_path / "no.txt").write_text("mailto:alice@example.net\n")
    words = ("train", "curate", "--tree", tree, "--out", tmp_path / "out", "--opt-out", tmp_path / "no.txt")
    done = run_cli(*words, "--processes", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().strip() == str(tmp_path / "out" / "card.md")
    card = (tmp_path / "out" / "card.md").read_text("utf-8")
    for line in (
        "| read from the sources | 43 |",
        "| larger than 4 MiB | 1 |",
        "| in no encoding that is read | 1 |",
        "| a link | 2 |",
        "| opt-out | opted out | 1 |",
        "| reading | cannot be decoded as text | 1 |",
        "| deduplication | same content as another file | 39 |",
    ):
        assert line in card
    again = run_cli(*words[:4], "--out", tmp_path / "out")
    assert again.returncode == 2
    assert again.stderr.count(b"\n") == 1 and b"was begun with another configuration" in again.stderr
