"""The part of a checkpoint that every process writes for itself, with torch.distributed.checkpoint.

Tensors are stored under their names and global shapes, so another number of processes, one among them, reads
them as well.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemReader, FileSystemWriter
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

FOLDER = "sharded"
"""Beneath a checkpoint."""


def save_shards(folder: Path, tensors: dict[str, Tensor]) -> None:
    """Write this process's parts, forced to disk; raise OSError in all processes if one cannot."""
    try:
        save(dict(tensors), storage_writer=FileSystemWriter(folder, sync_files=True))
    except CheckpointException as error:
        raise OSError(_first_reason(error)) from error


def load_shards(folder: Path, tensors: dict[str, Tensor]) -> None:
    """Fill tensors in place with what is stored under their names.

    Raises OSError where the files cannot be read, ValueError where they hold something else.
    """
    try:
        stored = FileSystemReader(folder).read_metadata().state_dict_metadata
        if set(stored) != set(tensors):
            raise ValueError("other tensors are there")
        with warnings.catch_warnings():
            # one process alone is told that it is alone
            warnings.filterwarnings("ignore", message="torch.distributed is disabled", category=UserWarning)
            load(dict(tensors), storage_reader=FileSystemReader(folder))
    except CheckpointException as error:
        raise ValueError(_first_reason(error)) from error


def _first_reason(error: CheckpointException) -> str:
    failure, _ = next(iter(error.failures.values()))
    return getattr(failure, "strerror", None) or str(failure)
