"""An index with texts, one without, and services of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from attribution.index.builder import build_index
from attribution.index.profile import Profile
from attribution.model import License, Origin, SourceFile
from attribution.sources.packages import read_packages
from tests.service.serving import Service, served

GPL_CODE = b"""\
def tide_table(harbour, days, moon):
    rows = []
    for day in range(days):
        phase = moon.phase(day) * harbour.amplitude
        level = harbour.mean + phase * harbour.factor(day)
        if level < harbour.least:
            rows.append((day, level, "closed"))
        elif level > harbour.most:
            rows.append((day, level, "flooded"))
        else:
            rows.append((day, level, "open"))
    return [row for row in rows if row[1] != harbour.mean]
"""
"""Ours, for a known file under the GPL."""


@pytest.fixture(scope="session")
def known_files() -> list[SourceFile]:
    files = list(read_packages(skipped=Counter(), only={"click", "packaging"}))
    origin = Origin(
        url="https://example.org/tides",
        path="src/tides.py",
        license=License(expression="GPL-3.0-only", evidence=("SPDX-License-Identifier in its head",)),
    )
    return [*files, SourceFile(content=GPL_CODE, origin=origin)]


@pytest.fixture(scope="session")
def with_text(tmp_path_factory, known_files) -> Path:
    directory = tmp_path_factory.mktemp("with-text") / "index"
    build_index(directory, known_files, with_contents=True)
    return directory


@pytest.fixture(scope="session")
def sparse(tmp_path_factory, known_files) -> Path:
    directory = tmp_path_factory.mktemp("sparse") / "index"
    build_index(directory, known_files, profile=Profile.SPARSE)
    return directory


@pytest.fixture(scope="session")
def service(with_text) -> Iterator[Service]:
    with served(with_text) as running:
        yield running


@pytest.fixture(scope="session")
def sparse_service(sparse) -> Iterator[Service]:
    with served(sparse) as running:
        yield running
