"""What all tests share: real source files, and an index of them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from attribution.index.builder import build_index
from attribution.model import SourceFile
from attribution.sources.packages import read_packages

# No test is timed: machines are noisy, and the first draw of a strategy pays for imports.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# A shell's background jobs ignore ^C, and what the tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

SC_ATTRIB = Path(sys.executable).parent / "sc-attrib"


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Where skips are forbidden (CI), a skipped test fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("SC_ATTRIB_FORBID_SKIPS") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def stdlib() -> Path:
    """The folder of this interpreter's standard library: 30 MB of real Python under the PSF licence."""
    return Path(sysconfig.get_paths()["stdlib"])


@pytest.fixture(scope="session")
def real_files() -> list[SourceFile]:
    """Real files with real provenance: the standard library and two small packages."""
    files = read_packages(skipped=Counter(), only={"cpython", "click", "packaging"})
    return [file for file in files if not file.origin.path.startswith("Lib/test/")]


@pytest.fixture(scope="session")
def real_index(tmp_path_factory: pytest.TempPathFactory, real_files: list[SourceFile]) -> Path:
    """An index of :func:`real_files`, full profile."""
    directory = tmp_path_factory.mktemp("real") / "index"
    build_index(directory, real_files)
    return directory


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs a browser: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def run_cli(tmp_path: Path):
    """Run the installed ``sc-attrib`` as a user would, in an empty folder."""

    def run(
        *words: str | Path, stdin: bytes = b"", cwd: Path = tmp_path
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [str(SC_ATTRIB), *map(str, words)], input=stdin, capture_output=True, cwd=cwd, timeout=120
        )

    return run
