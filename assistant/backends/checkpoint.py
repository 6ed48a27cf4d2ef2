"""Loads a checkpoint folder with transformers, at the wanted precision; runs no code that lies in it."""

from __future__ import annotations

import importlib.util
import json
import logging
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from assistant.config import Precision
from assistant.errors import ModelUnusableError
from attribution.errors import MissingExtraError

FAMILY = ("starcoder2", "gpt_bigcode")
_REMEDY = "copy the folder again, or set model.path to another one"
_CONFIG_FILE = "config.json"
_ADAPTER_FILE = "adapter_config.json"


def load_checkpoint(folder: Path, precision: Precision) -> tuple[PreTrainedModel, Precision]:
    """Load the model for inference, on the GPU where there is one; answer the precision that was taken.

    Raises :class:`ModelUnusableError`, :class:`MissingExtraError`.
    """
    _refuse_what_is_no_checkpoint(folder)
    on_gpu = torch.cuda.is_available()
    if precision is Precision.AUTO:
        precision = Precision.BF16 if on_gpu else Precision.F32
    options = _options(precision, on_gpu=on_gpu)
    _silence()
    try:
        model, report = AutoModelForCausalLM.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            **options,
        )
    except Exception as error:  # the libraries below raise whatever they like on damaged files
        raise ModelUnusableError(
            folder, f"transformers refuses it ({_first_line(error)})", remedy=_REMEDY
        ) from error
    wrong = sorted({*map(str, report["missing_keys"]), *map(str, report["mismatched_keys"])})
    if wrong:
        raise ModelUnusableError(folder, f"its weights lack {wrong[0]}", remedy=_REMEDY)
    model.eval()
    return model, precision


def _options(precision: Precision, *, on_gpu: bool) -> dict[str, Any]:
    """What transformers is told of number formats and devices."""
    wide = torch.bfloat16 if on_gpu else torch.float32
    options: dict[str, Any] = {"dtype": torch.bfloat16 if precision is Precision.BF16 else torch.float32}
    if on_gpu:
        options["device_map"] = {"": 0}
    if precision not in (Precision.INT8, Precision.NF4):
        return options
    if importlib.util.find_spec("bitsandbytes") is None or importlib.util.find_spec("accelerate") is None:
        raise MissingExtraError(f"a model at {precision}", "transformers")
    return options | {
        "dtype": wide,
        "device_map": {"": 0 if on_gpu else "cpu"},
        "quantization_config": BitsAndBytesConfig(
            load_in_8bit=precision is Precision.INT8,
            load_in_4bit=precision is Precision.NF4,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=wide,
        ),
    }


def _refuse_what_is_no_checkpoint(folder: Path) -> None:
    """Tell in a sentence what transformers would tell in a page."""
    if (folder / _ADAPTER_FILE).exists() and not (folder / _CONFIG_FILE).exists():
        remedy = "merge it into its model first, and set model.path to the merged folder"
        raise ModelUnusableError(folder, "this is an adapter and not a whole model", remedy=remedy)
    try:
        config = json.loads((folder / _CONFIG_FILE).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelUnusableError(
            folder, f"its {_CONFIG_FILE} cannot be read ({error})", remedy=_REMEDY
        ) from error
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind not in FAMILY:
        remedy = "set model.path to a StarCoder2, StarCoder or SantaCoder model"
        raise ModelUnusableError(folder, f"its architecture is {kind}", remedy=remedy)
    if not any(folder.glob("*.safetensors")):
        remedy = "convert its weights to safetensors; a pickle may run code and is never read"
        raise ModelUnusableError(folder, "it holds no *.safetensors", remedy=remedy)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__


def _silence() -> None:
    """Stdout and stderr belong to the editor's protocol and to our own words."""
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
