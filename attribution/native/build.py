"""Compile the kernels into one shared library beside their source; run by pip, or by hand after a change.

    python attribution/native/build.py

Plain C++17 behind C functions: no Python headers are needed, and one library serves every Python version.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
LIBRARY = FOLDER / {"win32": "kernels.dll", "darwin": "libkernels.dylib"}.get(sys.platform, "libkernels.so")
_FLAGS = ("-std=c++17", "-O3", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-exceptions", "-fno-rtti")
_WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wno-sign-conversion")
_UNIVERSAL = ("-arch", "arm64", "-arch", "x86_64")
"""For a Python that runs on both kinds of Mac, whose wheels say so in their names."""
_MSVC_FLAGS = ("/nologo", "/std:c++17", "/O2", "/LD", "/EHs-c-")


def sources() -> list[Path]:
    """The files that the library is made of."""
    return sorted(FOLDER.glob("*.cpp"))


def compile_library(target: Path = LIBRARY) -> None:
    """Compile with the compiler that ``CXX`` names (``c++`` without it) and put the result in place at once.

    Raises :class:`RuntimeError` with the compiler's words where that fails.
    """
    import shlex
    import subprocess

    unfinished = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    command = [*compiler(), *(str(path) for path in sources()), *_output(unfinished)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, cwd=FOLDER)
        unfinished.replace(target)
    except FileNotFoundError as error:
        raise RuntimeError(
            f"sc-attrib needs a C++17 compiler and {command[0]} is not one; "
            "install g++ or clang, or name one in CXX"
        ) from error
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"{shlex.join(command)}\n{error.stdout}{error.stderr}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def compiler() -> list[str]:
    """The compiler and its flags, as a command line begins."""
    import shlex
    import sysconfig

    named = shlex.split(os.environ.get("CXX", ""))
    if sys.platform == "win32" and not named:
        return ["cl", *_MSVC_FLAGS]
    is_for_two = sys.platform == "darwin" and sysconfig.get_platform().endswith("universal2")
    return [*(named or ["c++"]), *_FLAGS, *_WARNINGS, *(_UNIVERSAL if is_for_two else ())]


def _output(target: Path) -> list[str]:
    if sys.platform == "win32" and not os.environ.get("CXX"):
        return [f"/Fe:{target}"]
    return ["-o", str(target)]


if __name__ == "__main__":
    compile_library()
    sys.stdout.write(f"{LIBRARY}\n")
