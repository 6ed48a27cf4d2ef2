"""How much memory this process may still take."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_VERSION_2 = ("memory.max", "memory.current", "file")
_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache")
"""Files of a control group: its limit, what it takes; and the line of its statistics on page cache."""
_KIB = 1024


def available_bytes() -> int | None:
    """Memory that programs can take without swapping, within the container's limit; ``None`` if unknown."""
    if sys.platform == "win32":
        return _of_windows()
    found = [value for value in (_of_linux(), _of_cgroup()) if value is not None]
    return min(found) if found else _of_posix()


def _of_linux() -> int | None:
    """``MemAvailable`` of proc(5): free memory and what the kernel can drop from its caches."""
    with suppress(OSError, ValueError):
        for line in _MEMINFO.read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                return int(value.split()[0]) * _KIB
    return None


def _of_cgroup() -> int | None:
    """What the nearest limit of a control group leaves; page cache does not count as taken."""
    found = [_left_of(folder, _VERSION_2) for folder in _cgroups()]
    found.append(_left_of(_CGROUP / "memory", _VERSION_1))
    return min((value for value in found if value is not None), default=None)


def _cgroups() -> Iterator[Path]:
    with suppress(OSError, ValueError):
        name = Path("/proc/self/cgroup").read_text().strip().rpartition(":")[2].lstrip("/")
        folder = _CGROUP / name
        yield from (folder, *(f for f in folder.parents if f.is_relative_to(_CGROUP)))


def _left_of(folder: Path, names: tuple[str, str, str]) -> int | None:
    limit_name, taken_name, cache_name = names
    with suppress(OSError, ValueError, IndexError):
        limit = int((folder / limit_name).read_text())
        taken = int((folder / taken_name).read_text())
        lines = (folder / "memory.stat").read_text().splitlines()
        cached = sum(int(line.split()[1]) for line in lines if line.startswith(cache_name + " "))
        return max(0, limit - taken + cached)
    return None


def _of_posix() -> int | None:
    """All memory of the machine, where nothing says how much of it is free."""
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


class _MemoryStatus(ctypes.Structure):
    """``MEMORYSTATUSEX`` of the Windows API."""

    _fields_ = (
        ("length", ctypes.c_ulong),
        ("load", ctypes.c_ulong),
        *((name, ctypes.c_ulonglong) for name in ("total", "available", "a", "b", "c", "d", "e")),
    )


def _of_windows() -> int | None:
    status = _MemoryStatus()
    status.length = ctypes.sizeof(status)
    kernel = getattr(ctypes, "windll", None)
    if kernel is None or not kernel.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None
    return int(status.available)
