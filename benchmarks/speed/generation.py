"""How fast models of one size write at once, by how many heads share keys and values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from speed.jobs import clock, device
from training.model import CausalModel, make_model
from training.recipes.big_code import BigCodeShape
from training.recipes.presets import find_preset
from training.recipes.recipe import ModelShape

PROMPT_TOKENS = 512
NEW_TOKENS = 32
BATCHES = (1, 8, 64)


def print_generation() -> None:
    """Print a line for each batch, a column for each way to share."""
    small = find_preset("20m").shape
    if not isinstance(small, ModelShape):
        raise TypeError("the small presets are of StarCoder2's architecture")
    big_code = BigCodeShape(
        layers=small.layers,
        hidden=small.hidden,
        feed_forward=small.feed_forward,
        heads=small.heads,
        context_tokens=small.context_tokens,
        vocabulary=small.vocabulary,
        end_of_text=0,
    )
    models = {
        "one for all (GPTBigCode)": big_code,
        "two (StarCoder2)": small,
        "one for each": replace(small, kv_heads=small.heads),
    }
    made = {name: make_model(shape, seed=0).eval().to(device()) for name, shape in models.items()}
    print(f"\nWriting {NEW_TOKENS} tokens after {PROMPT_TOKENS}, 20m, tokens/s by key-value heads\n")
    print("| texts at once | " + " | ".join(made) + " |")
    print("| --- " * (len(made) + 1) + "|")
    for batch in BATCHES:
        speeds = [_speed(model, batch) for model in made.values()]
        print(f"| {batch} | " + " | ".join(f"{speed:,.0f}" for speed in speeds) + " |")


@torch.no_grad()
def _speed(model: CausalModel, batch: int) -> float:
    """Tokens a second of all texts together, the prompt's computation left out."""
    now, prompt = clock(), torch.randint(100, 16_000, (batch, PROMPT_TOKENS), device=device())
    out: Any = model(input_ids=prompt, use_cache=True)
    ids, started = out.logits[:, -1:].argmax(-1), 0.0
    for step in range(NEW_TOKENS + 1):
        if step == 1:
            started = now()
        out = model(input_ids=ids, past_key_values=out.past_key_values, use_cache=True)
        ids = out.logits[:, -1:].argmax(-1)
    return batch * NEW_TOKENS / (now() - started)
