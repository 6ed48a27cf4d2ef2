"""Low-rank adapters: put on a model, written down in PEFT's own format, read back, and merged for good.

What is loaded is transformers' own class; ``peft`` puts the adapters into its modules, so the loop sees the
same model as in pretraining.
"""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from attribution.errors import MissingExtraError
from training.errors import AdapterError, CheckpointWriteError
from training.finetuning.base import Base
from training.finetuning.recipe import AdapterShape, Method
from training.model import CausalModel

if TYPE_CHECKING:
    from peft import LoraConfig, PeftConfig
    from transformers import BitsAndBytesConfig

TARGETS = {
    "starcoder2": ("q_proj", "k_proj", "v_proj", "o_proj", "c_fc", "c_proj"),
    "gpt_bigcode": ("c_attn", "c_proj", "c_fc"),
}
"""Which linear layers get adapters, by transformers' ``model_type``: all of them but the head."""
ADAPTER_FILE = "adapter_model.safetensors"
_CONFIG_FILE = "adapter_config.json"
_NAME = "default"
_NOT_PLAIN = (
    "use_dora",
    "use_rslora",
    "use_qalora",
    "use_bdlora",
    "alpha_pattern",
    "rank_pattern",
    "layer_replication",
    "alora_invocation_tokens",
    "arrow_config",
    "kasa_config",
    "monteclora_config",
)
"""Fields of PEFT's config under which an adapter adds something else than one scale times a product."""
_PLAIN_BEGINNINGS = ("gaussian", "orthogonal", "eva")
"""Values of ``init_lora_weights`` that leave the base as it is; PiSSA and others change it."""


def load_model(base: Base, method: Method, device: torch.device) -> CausalModel:
    """Load a base for training; frozen weights as the method holds them, quantised ones on the device.

    Raises :class:`attribution.errors.MissingExtraError` where bits are asked for and bitsandbytes is not
    installed.
    """
    logging.disable_progress_bar()
    on_gpu = device.type == "cuda"
    narrow = torch.bfloat16 if on_gpu and method is not Method.FULL else torch.float32
    model: CausalModel = AutoModelForCausalLM.from_pretrained(
        base.folder,
        dtype=narrow,
        attn_implementation="sdpa",
        quantization_config=_quantisation(method, narrow),
        device_map={"": device} if method in (Method.QLORA_4BIT, Method.QLORA_8BIT) else None,
        local_files_only=True,
    )
    model.config.use_cache = False
    return model


def _quantisation(method: Method, compute: torch.dtype) -> BitsAndBytesConfig | None:
    if method not in (Method.QLORA_4BIT, Method.QLORA_8BIT):
        return None
    from transformers import BitsAndBytesConfig

    try:
        import bitsandbytes  # noqa: F401 - transformers would say it in a traceback
    except ImportError as error:
        raise MissingExtraError("QLoRA", "finetune") from error
    if method is Method.QLORA_8BIT:
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )


def attach(model: CausalModel, shape: AdapterShape, *, base: Path, seed: int) -> None:
    """Freeze a model and put fresh adapters into it; their weights depend on the seed alone, in float32."""
    peft = _peft()
    torch.manual_seed(seed)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    peft.inject_adapter_in_model(_lora(model, shape, base), model, adapter_name=_NAME)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def _lora(model: CausalModel, shape: AdapterShape, base: Path) -> LoraConfig:
    config: LoraConfig = _peft().LoraConfig(
        task_type="CAUSAL_LM",
        base_model_name_or_path=str(base),
        r=shape.rank,
        lora_alpha=round(shape.scale * shape.rank) if shape.scale * shape.rank >= 1 else 1,
        lora_dropout=shape.dropout,
        target_modules=list(TARGETS[model.config.model_type]),
    )
    return config


def save_adapter(model: CausalModel, shape: AdapterShape, folder: Path, *, base: Path) -> None:
    """Write the adapters as PEFT does, so that PEFT loads them; raises :class:`OSError`."""
    from safetensors.torch import save_file

    config = _lora(model, shape, base)
    config.inference_mode = True
    config.save_pretrained(str(folder))
    save_file(_adapter_of(model), folder / ADAPTER_FILE, metadata={"format": "pt"})


def load_adapter(model: CausalModel, folder: Path) -> None:
    """Put saved adapters into a model that has fresh ones; raises :class:`AdapterError`."""
    saved = _read(folder)
    expected = _adapter_of(model)
    for name in sorted(saved.keys() | expected.keys()):
        found, wanted = saved.get(name), expected.get(name)
        if found is None or wanted is None or found.shape != wanted.shape:
            raise AdapterError(
                folder,
                f"its tensor {name} is {_described(found)}, and the base wants it {_described(wanted)}",
                remedy="name the base that the adapter was trained on",
            )
    _peft().set_peft_model_state_dict(model, saved, adapter_name=_NAME)


def _adapter_of(model: CausalModel) -> dict[str, torch.Tensor]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would look a base up on the hub, and says so
        state: dict[str, torch.Tensor] = _peft().get_peft_model_state_dict(
            model, adapter_name=_NAME, save_embedding_layers=False
        )
    adapter: dict[str, torch.Tensor] = {_with_prefix(name): t.contiguous() for name, t in state.items()}
    return adapter


def _with_prefix(name: str) -> str:
    """The name under which PEFT's own models save a tensor."""
    return name if name.startswith("base_model.model.") else f"base_model.model.{name}"


def _read(folder: Path) -> dict[str, torch.Tensor]:
    try:
        tensors: dict[str, torch.Tensor] = load_file(folder / ADAPTER_FILE)
    except (OSError, SafetensorError) as error:
        raise AdapterError(
            folder, f"its weights cannot be read ({error})", remedy="name a folder that PEFT saved"
        ) from error
    return tensors


def read_shape(folder: Path) -> AdapterShape:
    """How large saved adapters are; raises :class:`AdapterError` for what this program cannot merge."""
    remedy = "name the folder of a LoRA adapter that PEFT saved"
    try:
        config = _peft().PeftConfig.from_pretrained(str(folder))
    except Exception as error:  # anything from a missing file to a hub that is asked for it
        raise AdapterError(folder, f"it has no readable {_CONFIG_FILE}", remedy=remedy) from error
    oddity = _oddity(config)
    if oddity is not None:
        raise AdapterError(folder, f"it is no plain LoRA adapter ({oddity})", remedy=remedy)
    return AdapterShape(rank=config.r, scale=config.lora_alpha / config.r, dropout=config.lora_dropout)


def _oddity(config: PeftConfig) -> str | None:
    """What makes an adapter another kind than the plain one, if anything."""
    if str(config.peft_type) not in ("LORA", "PeftType.LORA"):
        return f"peft_type {config.peft_type}"
    beginning = getattr(config, "init_lora_weights", True)
    if isinstance(beginning, str) and beginning not in _PLAIN_BEGINNINGS:
        return f"init_lora_weights {beginning}"
    return next((name for name in _NOT_PLAIN if getattr(config, name, None)), None)


def merge_adapter(base: Base, adapter: Path, out: Path) -> None:
    """Add an adapter to the weights of its base and write a plain model: config, weights, tokenizer.

    The base's full precision is taken, also after QLoRA. ``out`` is whole or as it was. Raises
    :class:`AdapterError` and :class:`training.errors.CheckpointWriteError`.
    """
    shape = read_shape(adapter)
    model = load_model(base, Method.LORA, torch.device("cpu"))
    attach(model, shape, base=base.folder, seed=0)
    load_adapter(model, adapter)
    _fold(model, adapter)
    write_model(model, base, out)


def _fold(model: CausalModel, adapter: Path) -> None:
    """Put every adapted layer's sum in its place; raises :class:`AdapterError` for what is no number."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    adapted = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, BaseTunerLayer)]
    for name, layer in adapted:
        try:
            layer.merge(safe_merge=True, adapter_names=[_NAME])
        except ValueError as error:
            raise AdapterError(
                adapter, f"its weights for {name} are no numbers", remedy="take an earlier checkpoint"
            ) from error
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, layer.get_base_layer())


def write_model(model: CausalModel, base: Base, out: Path) -> None:
    """Write a plain model under another name, then rename it; raises :class:`CheckpointWriteError`."""
    partial = out.with_name(out.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        model.save_pretrained(partial)
        shutil.copyfile(base.folder / "tokenizer.json", partial / "tokenizer.json")
        shutil.rmtree(out, ignore_errors=True)
        partial.rename(out)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise CheckpointWriteError(out, reason) from error


def _described(tensor: torch.Tensor | None) -> str:
    return "absent" if tensor is None else f"of shape {tuple(tensor.shape)}"


def _peft() -> ModuleType:
    """PEFT, or one sentence on how to get it."""
    try:
        import peft
    except ImportError as error:
        raise MissingExtraError("tuning with adapters", "finetune") from error
    return peft
