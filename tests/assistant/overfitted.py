"""A model that knows one file by heart: the real architecture and exporter, a minute of training at most."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

from assistant.backends.byte_level import TOKENIZER_FILE, ByteLevelTokenizer
from assistant.fim import FimOrder, infill
from assistant.prompt import split_last_token
from assistant.quantize import GgufType
from training.export import export_gguf
from training.model import make_model
from training.recipes.recipe import ModelShape
from training.tokenizer import save_tokenizer, train_tokenizer

SHAPE = ModelShape(
    layers=2, hidden=96, feed_forward=384, heads=4, kv_heads=2, context_tokens=256, vocabulary=640
)
PREFIX_TOKENS, ANSWER_TOKENS = 48, 64
_UPDATES, _BATCH = 160, 8
_IGNORED = -100


def places(text: str) -> list[int]:
    """Where lines of functions begin, behind their indentation."""
    starts = [
        at + 1 for at, character in enumerate(text) if character == "\n" and text[at + 1 : at + 5] == "    "
    ]
    return [at + len(text[at:]) - len(text[at:].lstrip(" ")) for at in starts if at > 300]


def overfit(text: str, folder: Path) -> Path:
    """Train until the text is known by heart at its places; answer a GGUF file."""
    folder.mkdir(parents=True)
    save_tokenizer(train_tokenizer([text], vocabulary=SHAPE.vocabulary), folder / TOKENIZER_FILE)
    tokenizer = ByteLevelTokenizer(folder / TOKENIZER_FILE)
    examples = [_example(tokenizer, text, at) for at in places(text)]
    model = make_model(SHAPE, seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=_UPDATES)
    random = torch.Generator().manual_seed(0)
    for _ in range(_UPDATES):
        chosen = torch.randint(len(examples), (_BATCH,), generator=random)
        ids, targets = (torch.stack(column) for column in zip(*(examples[i] for i in chosen), strict=True))
        loss = cross_entropy(model(ids).logits.flatten(0, 1), targets.flatten(), ignore_index=_IGNORED)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    model.save_pretrained(folder)
    export_gguf(folder, folder / "model.gguf", gguf_type=GgufType.F32)
    return folder / "model.gguf"


def _example(tokenizer: ByteLevelTokenizer, text: str, at: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The prompt at a place, as it is served, and the answer; padded to one length."""
    before, _ = split_last_token(text[:at])
    prefix = tokenizer.tokenize(before)[-PREFIX_TOKENS:]
    prompt = infill(tokenizer.fim_ids, prefix=prefix, suffix=[], order=FimOrder.SPM)
    answer = tokenizer.tokenize(text[len(before) :])[:ANSWER_TOKENS]
    ids = torch.zeros(PREFIX_TOKENS + ANSWER_TOKENS + 3, dtype=torch.long)
    targets = torch.full_like(ids, _IGNORED)
    ids[: len(prompt) + len(answer)] = torch.tensor([*prompt, *answer])
    targets[len(prompt) - 1 : len(prompt) + len(answer) - 1] = torch.tensor(answer)
    return ids, targets
