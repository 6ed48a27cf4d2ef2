"""Bring the real editors into a folder: Debian's packages, unpacked beside the system and run from there.

``python tests/editors/install.py [FOLDER]`` needs apt-get and dpkg-deb, a Debian mirror, no root, and changes
nothing outside the folder (``build/editors``). What is there already is used again.

Each suite has its own C library, so a program is started through the loader of its own suite.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "build" / "editors"
MIRROR = os.environ.get("SC_ATTRIB_DEBIAN_MIRROR", "http://deb.debian.org/debian")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
NEEDED = {"apt-get": "apt", "dpkg-deb": "dpkg"}
LEFT_OUT = re.compile(r"(.*-dev|binutils.*|libbinutils|lib[a-z]+san\d+|emacs-el|gcc-.*|libc-gconv.*)_")
"""Packages that the compiler behind Emacs asks for; nothing is compiled here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A release of Debian, and what is wanted of it."""

    name: str
    packages: tuple[str, ...]


SUITES = (
    Suite(name="bookworm", packages=("neovim",)),  # 0.7
    Suite(name="trixie", packages=("neovim",)),  # 0.10
    Suite(name="forky", packages=("neovim", "emacs-nox", "elpa-lsp-mode", "hx")),  # 0.12, 30, 10, 25.07
)
APT_CONF = """\
Dir "{folder}"; Dir::State "state"; Dir::State::status "{folder}/status"; Dir::Cache "cache"; Dir::Etc "etc";
Dir::Etc::sourcelist "sources.list"; Dir::Etc::sourceparts "/dev/null"; Dir::Etc::parts "/dev/null";
Dir::Etc::preferencesparts "/dev/null"; APT::Sandbox::User ""; APT::Install-Recommends "false";
Acquire::Languages "none"; Acquire::Check-Valid-Until "false"; Acquire::Retries "3";
"""
"""A package system of its own: nothing counts as installed, so that all libraries come along."""
START = """\
#!/bin/sh
{environment}
exec "{root}/usr/lib64/ld-linux-x86-64.so.2" --library-path "{root}/usr/lib/x86_64-linux-gnu" \\
    --argv0 "{root}/usr/bin/{program}" "{root}/usr/bin/{program}" {arguments}"$@"
"""


def main() -> int:
    """Install what is missing; 2 if it cannot be installed, with the reason."""
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else FOLDER
    missing = [package for program, package in NEEDED.items() if shutil.which(program) is None]
    missing += [] if KEYRING.exists() else ["debian-archive-keyring"]
    if missing:
        print(f"The editors' tests need a Debian system with {', '.join(missing)}", file=sys.stderr)
        return 2
    for suite in SUITES:
        try:
            install(suite, folder)
        except (OSError, subprocess.CalledProcessError) as error:
            said = (getattr(error, "stderr", "") or str(error)).strip().split("\n")[-1]
            packages = ", ".join(suite.packages)
            print(f"{packages} of Debian {suite.name} could not be installed: {said}", file=sys.stderr)
            return 2
    write_starters(folder)
    return 0


def install(suite: Suite, folder: Path) -> None:
    """Fetch a suite's packages and unpack them, unless that was done; raises what apt and dpkg raise."""
    root, stamp = folder / suite.name, folder / f"{suite.name}.installed"
    wanted = "\n".join(suite.packages)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"[setup] {', '.join(suite.packages)} of Debian {suite.name}", file=sys.stderr)
    apt = folder / f"apt-{suite.name}"
    for part in ("state/lists/partial", "cache/archives/partial", "etc"):
        (apt / part).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    (apt / "etc" / "sources.list").write_text(
        f"deb [arch=amd64 signed-by={KEYRING}] {MIRROR} {suite.name} main\n"
    )
    (apt / "apt.conf").write_text(APT_CONF.format(folder=apt))
    environment = {**os.environ, "APT_CONFIG": str(apt / "apt.conf"), "LC_ALL": "C"}
    for words in (["update"], ["install", "--download-only", "--yes", *suite.packages]):
        run(["apt-get", "-qq", "-o", "APT::Architecture=amd64", *words], environment)
    shutil.rmtree(root, ignore_errors=True)
    for archive in sorted((apt / "cache" / "archives").glob("*.deb")):
        if not LEFT_OUT.match(archive.name):
            run(["dpkg-deb", "-x", str(archive), str(root)], environment)
    make_loader_reachable(root)
    shutil.rmtree(apt)
    stamp.write_text(wanted)


def run(words: list[str], environment: dict[str, str]) -> None:
    """Run a command; what it says is kept for the message about its failure."""
    subprocess.run(words, env=environment, check=True, capture_output=True, text=True)


def make_loader_reachable(root: Path) -> None:
    """Older suites keep libraries in ``/lib``, as the same folder: bring those to ``/usr/lib``."""
    for name in ("lib", "lib64"):
        old = root / name
        if old.is_dir() and not old.is_symlink():
            shutil.copytree(old, root / "usr" / name, symlinks=True, dirs_exist_ok=True)
    loader = root / "usr" / "lib64" / "ld-linux-x86-64.so.2"
    if not loader.exists():
        [real] = (root / "usr" / "lib" / "x86_64-linux-gnu").glob("ld-linux-x86-64.so.2")
        loader.parent.mkdir(exist_ok=True)
        loader.unlink(missing_ok=True)
        loader.symlink_to(real)


def write_starters(folder: Path) -> None:
    """One small script a program: ``bin/nvim-bookworm``, …, ``bin/emacs``, ``bin/hx``."""
    (folder / "bin").mkdir(exist_ok=True)
    for suite in SUITES:
        root = folder / suite.name
        parsers = f"--cmd \"let &runtimepath.=',{root}/usr/lib/nvim'\" "
        place = f'export VIM="{root}/usr/share/nvim"'
        write_starter(folder / "bin" / f"nvim-{suite.name}", root, "nvim", place, parsers)
    root = folder / "forky"
    [data] = (root / "usr" / "share" / "emacs").glob("[0-9]*")
    [dump] = (root / "usr" / "libexec" / "emacs").rglob("*.pdmp")
    exports = f'export EMACSLOADPATH="{data}/lisp" EMACSDATA="{data}/etc" EMACSDOC="{data}/etc"'
    write_starter(folder / "bin" / "emacs", root, "emacs-nox", exports, f'--dump-file="{dump}" ')
    write_starter(folder / "bin" / "hx", root, "hx", f'export HELIX_RUNTIME="{root}/usr/lib/hx/runtime"')


def write_starter(path: Path, root: Path, program: str, environment: str, arguments: str = "") -> None:
    """Write one such script."""
    path.write_text(START.format(root=root, program=program, environment=environment, arguments=arguments))
    path.chmod(0o755)


if __name__ == "__main__":
    sys.exit(main())
