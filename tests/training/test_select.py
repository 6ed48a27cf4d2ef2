from __future__ import annotations

from dataclasses import replace

import pytest

from attribution.model import License, Origin, SourceFile
from training.data.select import DropReason, select_files
from training.recipes.recipe import DataRecipe


def source(path, *, content=b"x = 1\n", package="some", license="MIT"):
    origin = Origin(
        url="https://example.org", path=path, revision=f"{package} 1", license=License(expression=license)
    )
    return SourceFile(content=content, origin=origin)


RECIPE = DataRecipe(held_out_packages=("kept",), excluded_packages=("unwanted",), max_file_bytes=100)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (source("a.c"), DropReason.NOT_PYTHON),
        (source("a.py", license="GPL-3.0-only"), DropReason.LICENSE),
        (source("a.py", license="MIT AND MPL-2.0"), DropReason.LICENSE),
        (source("a.py", license="NOASSERTION"), DropReason.LICENSE),
        (source("a.py", package="unwanted"), DropReason.PACKAGE),
        (source("pkg/tests/a.py"), DropReason.FOLDER),
        (source("pkg/_vendor/other/a.py"), DropReason.FOLDER),
        (source("a.py", content=b"x = 1\n" * 20), DropReason.TOO_LARGE),
        (source("a.py", content=b"# \xe9\n"), DropReason.NOT_UTF8),
    ],
)
def test_file_that_must_not_be_learned_from_is_left_out_and_the_reason_counted(file, reason):
    selection = select_files([file], RECIPE)
    assert (selection.train, dict(selection.dropped)) == ((), {reason: 1})


def test_same_content_is_learned_from_once():
    selection = select_files([source("a.py"), source("b.py")], RECIPE)
    assert [f.origin.path for f in selection.train] == ["a.py"]
    assert selection.dropped == {DropReason.DUPLICATE: 1}


@pytest.mark.parametrize("path", ["b.py", "pkg/tests/b.py"])
@pytest.mark.parametrize("license", ["GPL-3.0-only", "NOASSERTION"])
def test_content_that_is_not_permissive_at_one_place_is_not_learned_from_at_another(path, license):
    free, copy = source("a.py"), source(path, package="other", license=license)
    other = source("c.py", content=b"y = 2\n")
    for files in ([free, copy, other], [other, copy, free]):
        selection = select_files(files, RECIPE)
        assert selection.train == (other,)
        assert selection.dropped[DropReason.LICENSE_OF_COPY] == 1
        assert selection.dropped.total() == 2


def test_real_file_that_a_copyleft_package_carries_too_is_not_learned_from(files):
    taken = replace(files[0], origin=replace(files[0].origin, license=License(expression="GPL-2.0-or-later")))
    selection = select_files([*files, taken], DataRecipe())
    assert len(selection.train) == len(files) - 1
    assert taken.swhid not in {file.swhid for file in selection.train}


def test_held_out_content_is_never_learned_from_whichever_comes_first():
    copies = [source("a.py", package="aaa"), source("z.py", package="kept")]
    for files in (copies, copies[::-1]):
        selection = select_files(files, RECIPE)
        assert selection.train == ()
        assert [f.origin.path for f in selection.held_out] == ["z.py"]


def test_no_package_outweighs_its_share():
    files = [source(f"{i}.py", content=f"x = {i:04}\n".encode()) for i in range(50)]
    selection = select_files(files, DataRecipe(max_package_bytes=90))
    assert len(selection.train) == 10
    assert selection.dropped == {DropReason.OVER_SHARE: 40}


def test_only_the_packages_that_the_recipe_names_are_taken():
    files = [source("a.py", package="one"), source("b.py", package="two", content=b"y = 2\n")]
    selection = select_files(files, DataRecipe(packages=("two",)))
    assert [f.origin.path for f in selection.train] == ["b.py"]


def test_selection_depends_on_the_files_and_not_on_their_order():
    files = [source(f"{i}.py", content=f"x = {i:04}\n".encode()) for i in range(50)]
    recipe = DataRecipe(max_package_bytes=90)
    assert select_files(files, recipe).train == select_files(files[::-1], recipe).train


def test_every_file_is_either_kept_or_counted():
    files = [source(f"{i % 7}.py", content=f"x = {i % 5}\n".encode()) for i in range(40)]
    selection = select_files(files, DataRecipe(max_package_bytes=14))
    assert len(selection.train) + selection.dropped.total() == len(files)
