"""Says what to lower where memory does not suffice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from training.errors import OutOfMemoryError
from training.recipes.recipe import Recipe

_WORDS_OF_TORCH = ("can't allocate memory", "not enough memory", "out of memory")


@contextmanager
def memory_errors_explained() -> Iterator[None]:
    """Turn every way in which memory is refused into :class:`OutOfMemoryError`, outside of updates."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        _raise_unless_refused(error)
        raise OutOfMemoryError.of_model() from error


@contextmanager
def memory_errors_of_update_explained(recipe: Recipe, *, update: int) -> Iterator[None]:
    """The same in an update, counted from 1, and in what is measured after it."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        _raise_unless_refused(error)
        raise OutOfMemoryError.of_update(
            update=update, rows=recipe.budget.micro_batch_rows, row_tokens=recipe.data.row_tokens
        ) from error


def _raise_unless_refused(error: Exception) -> None:
    """Raise an error again that is of something else."""
    refused = isinstance(error, MemoryError | torch.OutOfMemoryError)
    if not refused and not any(words in str(error) for words in _WORDS_OF_TORCH):
        raise error
