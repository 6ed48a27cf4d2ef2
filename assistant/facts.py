"""What a model says of itself, read from its header or config without loading it."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from pathlib import Path
from typing import Any

from assistant.backends.gguf import GgufHeader, read_header
from assistant.errors import ModelNotFoundError, ModelUnusableError
from assistant.fim import FimIds, resolve_ids
from attribution.model import NO_ASSERTION

CHAT_TEMPLATE = "tokenizer.chat_template"
TOKENS = "tokenizer.ggml.tokens"
_FILE_TYPES = {
    0: "f32", 1: "f16", 2: "q4_0", 3: "q4_1", 7: "q8_0", 8: "q5_0", 9: "q5_1", 10: "q2_k", 11: "q3_k_s",
    12: "q3_k_m", 13: "q3_k_l", 14: "q4_k_s", 15: "q4_k_m", 16: "q5_k_s", 17: "q5_k_m", 18: "q6_k",
    32: "bf16",
}  # fmt: skip
"""llama.cpp's names of the types of whole files (``llama_ftype``)."""
_MAX_SAFETENSORS_HEADER = 100_000_000
_LENGTH = struct.Struct("<Q")
_BYTES_OF_DTYPE = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I8": 1, "U8": 1, "BOOL": 1}


class ModelForm(StrEnum):
    """How a model lies on disk."""

    GGUF = "gguf"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What decides how much memory a context takes."""

    layers: int
    heads: int
    kv_heads: int
    """1 for multi-query attention, as in StarCoder and SantaCoder."""
    head_size: int
    vocabulary: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What a model says of itself."""

    path: Path
    form: ModelForm
    name: str
    architecture: str
    parameters: int
    weight_bytes: int
    quantisation: str
    """The type of a GGUF file, or the commonest number format of a checkpoint's weights."""
    trained_context: int
    """Tokens."""
    shape: Shape
    fim: FimIds | None
    """``None`` where its vocabulary has no fill-in-the-middle tokens of the family."""
    license: str
    """As the model writes it; ``NOASSERTION`` where it does not say."""
    has_chat_template: bool


def read_facts(path: Path) -> ModelFacts:
    """Read them; raise :class:`ModelNotFoundError` or :class:`ModelUnusableError`."""
    if not path.exists():
        raise ModelNotFoundError(path)
    return _of_checkpoint(path) if path.is_dir() else _of_gguf(path)


def _of_gguf(path: Path) -> ModelFacts:
    header = read_header(path, arrays=(TOKENS,))
    tokens = {str(token): position for position, token in enumerate(header.arrays.get(TOKENS, ()))}
    file_type = header.metadata.get("general.file_type")
    return ModelFacts(
        path=path,
        form=ModelForm.GGUF,
        name=_line(header.metadata.get("general.name", path.stem)),
        architecture=_line(header.architecture),
        parameters=header.parameters,
        weight_bytes=header.weight_bytes,
        quantisation=_FILE_TYPES.get(int(file_type), f"type {file_type}") if file_type is not None else "f32",
        trained_context=_number(header, "context_length"),
        shape=_gguf_shape(header, vocabulary=len(tokens)),
        fim=resolve_ids(tokens.get),
        license=_line(header.metadata.get("general.license", NO_ASSERTION)),
        has_chat_template=CHAT_TEMPLATE in header.metadata,
    )


def _number(header: GgufHeader, key: str, default: int = 0) -> int:
    value = header.metadata.get(f"{header.architecture}.{key}", default)
    return int(value) if isinstance(value, int | float) else default


def _gguf_shape(header: GgufHeader, *, vocabulary: int) -> Shape:
    heads = _number(header, "attention.head_count")
    width = _number(header, "embedding_length")
    return Shape(
        layers=_number(header, "block_count"),
        heads=heads,
        kv_heads=_number(header, "attention.head_count_kv", heads),
        head_size=_number(header, "attention.key_length", width // heads if heads else 0),
        vocabulary=vocabulary,
    )


def _of_checkpoint(folder: Path) -> ModelFacts:
    config = read_json(folder, "config.json")
    weights = [_tensors(path) for path in sorted(folder.glob("*.safetensors"))]
    if not weights:
        raise _unusable(folder, "it holds no weights as *.safetensors")
    sizes: dict[str, int] = {}
    parameters = 0
    for dtype, count in (tensor for file in weights for tensor in file):
        parameters += count
        sizes[dtype] = sizes.get(dtype, 0) + count * _BYTES_OF_DTYPE.get(dtype, 1)
    tokens = _vocabulary(folder)
    return ModelFacts(
        path=folder,
        form=ModelForm.CHECKPOINT,
        name=_line(config.get("_name_or_path") or folder.resolve().name),
        architecture=_line(config.get("model_type", "")),
        parameters=parameters,
        weight_bytes=sum(sizes.values()),
        quantisation=max(sizes, key=lambda dtype: sizes[dtype]).lower(),
        trained_context=_first(config, "max_position_embeddings", "n_positions"),
        shape=_checkpoint_shape(config),
        fim=resolve_ids(tokens.get),
        license=_license(folder),
        has_chat_template=_has_chat_template(folder),
    )


def _checkpoint_shape(config: Mapping[str, Any]) -> Shape:
    heads = _first(config, "num_attention_heads", "n_head")
    width = _first(config, "hidden_size", "n_embd")
    kv_heads = 1 if config.get("multi_query") else _first(config, "num_key_value_heads") or heads
    return Shape(
        layers=_first(config, "num_hidden_layers", "n_layer"),
        heads=heads,
        kv_heads=kv_heads,
        head_size=_first(config, "head_dim") or (width // heads if heads else 0),
        vocabulary=_first(config, "vocab_size"),
    )


def _first(config: Mapping[str, Any], *keys: str) -> int:
    """The first of the keys that has a whole number; 0 without one."""
    return next((config[key] for key in keys if isinstance(config.get(key), int)), 0)


def _tensors(path: Path) -> list[tuple[str, int]]:
    """Number format and size of each tensor of a safetensors file; its length is checked as well.

    Format: safetensors' documentation; eight bytes of length, a JSON header, the data.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
            if length > min(size, _MAX_SAFETENSORS_HEADER):
                raise ValueError("its header ends in the middle")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
        missing = end + _LENGTH.size + length - size
        tensors = [(str(entry["dtype"]), prod(entry["shape"])) for entry in header.values()]
    except (OSError, ValueError, struct.error, KeyError, TypeError, AttributeError) as error:
        raise _unusable(path, f"its weights cannot be read ({error})") from error
    if missing > 0:
        raise _unusable(path, f"it is truncated: {missing:,} bytes are missing")
    return tensors


def _vocabulary(folder: Path) -> dict[str, int]:
    """Tokens and their ids, as ``tokenizer.json`` has them; empty without that file."""
    if not (folder / "tokenizer.json").is_file():
        return {}
    tokenizer = read_json(folder, "tokenizer.json")
    try:
        words = {str(word): int(number) for word, number in tokenizer["model"]["vocab"].items()}
        return words | {str(t["content"]): int(t["id"]) for t in tokenizer.get("added_tokens", ())}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _unusable(folder, "its tokenizer.json is no tokenizer's") from error


def _has_chat_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").is_file():
        return True
    path = folder / "tokenizer_config.json"
    return path.is_file() and isinstance(read_json(folder, path.name).get("chat_template"), str)


def _license(folder: Path) -> str:
    """The licence in the model card's head; a card is Markdown under a block of YAML."""
    try:
        head = (folder / "README.md").read_text("utf-8", "replace")[:20_000]
    except OSError:
        return NO_ASSERTION
    _, _, rest = head.partition("---\n")
    block, end, _ = rest.partition("\n---")
    lines = block.split("\n") if end and head.startswith("---\n") else []
    named = (line.partition(":")[2].strip().strip("\"'") for line in lines if line.startswith("license:"))
    return _line(next(named, "")) or NO_ASSERTION


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """Read an object from a file of a checkpoint; raises :class:`ModelUnusableError`."""
    try:
        value = json.loads((folder / name).read_text("utf-8"))
    except FileNotFoundError as error:
        raise _unusable(folder, f"it holds no {name}") from error
    except (OSError, ValueError) as error:
        raise _unusable(folder / name, f"it cannot be read ({error})") from error
    if not isinstance(value, dict):
        raise _unusable(folder / name, "it holds no object")
    return value


def _line(value: object) -> str:
    """Keep what a model says of itself fit for one line."""
    return "".join(c for c in str(value) if c.isprintable())[:200]


def _unusable(path: Path, reason: str) -> ModelUnusableError:
    return ModelUnusableError(
        path, reason, remedy="copy it again, or name a GGUF file or a checkpoint folder"
    )
