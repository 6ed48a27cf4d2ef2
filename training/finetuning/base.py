"""The model that is tuned: a folder that transformers loads, or a GGUF file that is made one."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from tokenizers import Tokenizer

from training.architectures import Config
from training.data.config import sha256_of
from training.errors import BaseModelError, ExportError, TokenizerError
from training.export import read_model
from training.gguf_import import import_gguf
from training.tokenizer import control_ids

_RECORD = "imported-from.json"
_MOST_IDS = 1 << 16
"""Rows of tokens are stored in 16 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A model that can be tuned."""

    folder: Path
    """With ``config.json``, safetensors and ``tokenizer.json``."""
    config: Config
    tokenizer: Tokenizer
    identity: str
    """Digest of config, weights and tokenizer, by which a run knows it again."""

    @property
    def context_tokens(self) -> int:
        """Longest row that llama.cpp will serve as it was learned."""
        window = getattr(self.config, "sliding_window", None)
        positions = int(self.config.max_position_embeddings)
        return min(positions, window or positions)


def open_base(path: Path, *, imported: Path) -> Base:
    """Open a folder, or make one at ``imported`` of a GGUF file.

    Raises :class:`BaseModelError`, and :class:`training.errors.TokenizerError` where the tokenizer lacks what
    filling in needs.
    """
    folder = _imported(path, imported) if path.is_file() else path
    _ensure_there(folder)
    try:
        model = read_model(folder)
    except ExportError as error:
        raise BaseModelError(folder, error.reason, remedy=error.remedy) from error
    except TokenizerError as error:
        raise BaseModelError(
            folder,
            f"its tokenizer does not belong to it ({error.reason})",
            remedy="copy the tokenizer.json that the weights were trained with",
        ) from error
    if model.config.vocab_size > _MOST_IDS:
        raise BaseModelError(
            folder,
            f"it has {model.config.vocab_size:,} ids, and rows hold at most {_MOST_IDS:,}",
            remedy="choose a model of the StarCoder family",
        )
    control_ids(model.tokenizer)
    return Base(folder=folder, config=model.config, tokenizer=model.tokenizer, identity=_identity(folder))


def _ensure_there(folder: Path) -> None:
    remedy = "name a GGUF file, a checkpoint of a run, or a folder as transformers saves it"
    if not folder.is_dir():
        raise BaseModelError(folder, "there is no such file or folder", remedy=remedy)
    if not (folder / "config.json").is_file():
        raise BaseModelError(folder, "it has no config.json", remedy=remedy)
    if not (folder / "tokenizer.json").is_file():
        raise BaseModelError(
            folder, "it has no tokenizer.json", remedy="copy it there from where the weights come from"
        )


def _imported(path: Path, folder: Path) -> Path:
    """The folder made of a GGUF file, made anew where it was made of another one."""
    record = {"schema": 1, "sha256": sha256_of(path)}
    try:
        if json.loads((folder / _RECORD).read_text("utf-8")) == record:
            return folder
    except (OSError, ValueError):
        pass
    partial = folder.with_name(folder.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        import_gguf(path, partial)
        (partial / _RECORD).write_text(json.dumps(record))
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BaseModelError(
            path, f"cannot be unpacked into {folder} ({reason})", remedy="make room, or choose another --out"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _identity(folder: Path) -> str:
    names = sorted(p.name for p in folder.iterdir() if p.suffix == ".safetensors" and _is_weights(p.name))
    digests = [f"{name} {sha256_of(folder / name)}" for name in ("config.json", "tokenizer.json", *names)]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()[:16]


def _is_weights(name: str) -> bool:
    """Whether a file holds the model, and not the state of an optimiser."""
    return name.startswith("model")
