"""Which files a command reads of its sources, by its options."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attribution.sources.files import Choice


def choice_of(args: argparse.Namespace) -> Choice:
    """The choice that ``--leave-out`` makes, and ``--documentation`` where a command has it."""
    from attribution.sources.files import Choice

    return Choice(leave_out=args.leave_out, documentation=getattr(args, "documentation", False))
