"""A curation that kills itself and its workers at a named moment: as ``python -m``, in a group of its own.

A moment is a file of the run that some process is about to open for writing, or to rename to. Workers import
this module too, as ``__mp_main__``, and so look out for the moment as well.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

_UNFINISHED = re.compile(r"\.unfinished-|/tmp-[^/]*/|\.partial$|writer\.lock")
"""Names that nobody would find again in another run."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("moments", type=Path)
    parser.add_argument("--order", type=Path)
    parser.add_argument("--moment", type=int)
    return parser.parse_args()


def look_out(args: argparse.Namespace) -> None:
    """Write every moment down, or die at the first one that is not before the named one."""
    order = json.loads(args.order.read_text("utf-8")) if args.order else []
    numbers = {moment: number for number, moment in enumerate(order)}

    def hook(event: str, values: tuple[Any, ...]) -> None:
        name = named(event, values, str(args.root))
        if name is None:
            return
        if args.moment is None:
            with os.fdopen(os.open(args.moments, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "a") as stream:
                stream.write(f"{name}\n")
        elif numbers.get(name, -1) >= args.moment:
            os.killpg(os.getpgrp(), signal.SIGKILL)

    sys.addaudithook(hook)


def named(event: str, values: tuple[Any, ...], root: str) -> str | None:
    """The file of the run that is about to be written, without the name of the run's folder."""
    if event == "os.rename":
        path = values[1]
    elif event == "open" and isinstance(values[2], int) and values[2] & (os.O_WRONLY | os.O_RDWR):
        path = values[0]
    else:
        return None
    path = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
    return path[len(root) :] if path.startswith(root) and not _UNFINISHED.search(path) else None


def main() -> None:
    from tests.training.curating import curation
    from training.data.engine.curate import curate

    curate(curation(arguments().root, processes=2))


if __name__ in ("__main__", "__mp_main__"):
    look_out(arguments())
if __name__ == "__main__":
    main()
