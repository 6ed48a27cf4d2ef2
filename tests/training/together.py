"""What each process of a test under torchrun runs: the small recipe, in the folder that it is given."""

from __future__ import annotations

import resource
import sys
from dataclasses import replace
from pathlib import Path

import torch
from conftest import SMALL

from attribution.errors import ScAttribError
from training.distributed import leave
from training.run import run_recipe


def main() -> None:
    torch.set_num_threads(1)
    if len(sys.argv) > 2:  # no file may become larger, as on a disk that is nearly full
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
    recipe = replace(SMALL, budget=replace(SMALL.budget, micro_batch_rows=2))
    try:
        run_recipe(recipe, Path(sys.argv[1]), files=list, progress=False)
    except ScAttribError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    leave(0)


main()
