"""Says what to lower where memory does not suffice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from training.errors import OutOfMemoryError
from training.recipes.recipe import Recipe

_WORDS_OF_TORCH = ("can't allocate memory", "not enough memory", "out of memory")


@contextmanager
def memory_errors_explained(recipe: Recipe, *, update: int) -> Iterator[None]:
    """Turn every way in which memory is refused into :class:`OutOfMemoryError`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        refused = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not refused and not any(words in str(error) for words in _WORDS_OF_TORCH):
            raise
        raise OutOfMemoryError(
            update=update, rows=recipe.budget.micro_batch_rows, row_tokens=recipe.data.row_tokens
        ) from error
