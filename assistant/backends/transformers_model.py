"""One checkpoint folder in transformers, used by one thread: load, tokenise, generate, free.

The loop is our own, because ``generate`` of transformers neither keeps keys and values from one request to
the next nor can be stopped while it reads a prompt.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from pathlib import Path

import torch
from transformers import DynamicCache, PreTrainedModel

from assistant.backends.byte_level import TOKENIZER_FILE, ByteLevelTokenizer
from assistant.backends.checkpoint import load_checkpoint
from assistant.backends.choice import TokenChooser
from assistant.backends.protocol import Logits, Sampling, TokenShaping
from assistant.backends.room import known_tokens, room_for
from assistant.config import Precision
from assistant.errors import BackendError, ModelUnusableError
from assistant.fim import FimIds
from assistant.models import ModelOptions, default_threads

_CHUNK_TOKENS = 512
_CPU_CHUNK_TOKENS = 128
"""Tokens that are read at once; an abort ends the computation between two layers of a chunk."""


class _AbortedError(Exception):
    """Raised inside the model's forward pass, to leave it."""


class TransformersModel:
    """A loaded checkpoint with its keys and values.

    Not safe for threads, except for the tokenizer and ``abort``.
    """

    def __init__(self, folder: Path, options: ModelOptions) -> None:
        """Load it; raises :class:`ModelUnusableError`, :class:`~attribution.errors.MissingExtraError`."""
        self.abort = threading.Event()
        self._tokenizer = ByteLevelTokenizer(folder / TOKENIZER_FILE)
        torch.set_num_threads(options.threads or default_threads())
        model, precision = load_checkpoint(folder, options.precision)
        self._words = len(self._tokenizer.vocabulary)
        rows = model.get_input_embeddings().weight.shape[0]
        if self._words > rows:
            raise ModelUnusableError(
                folder,
                f"its tokenizer has {self._words:,} ids and its weights {rows:,}",
                remedy="put the tokenizer.json beside it that it was trained with",
            )
        self._model: PreTrainedModel | None = model
        self._device = model.device
        self._chunk_tokens = _CPU_CHUNK_TOKENS if model.device.type == "cpu" else _CHUNK_TOKENS
        self._cache = DynamicCache()
        self._evaluated: list[int] = []
        """The tokens whose keys and values the cache holds."""
        trained_with = int(model.config.max_position_embeddings)
        self.context_tokens = min(options.context_within(trained_with), trained_with)
        self.description = _describe(model, folder, precision)
        self._hooks = [layer.register_forward_pre_hook(self._leave_if_aborted) for layer in _layers(model)]

    @property
    def fim_ids(self) -> FimIds:
        """The control tokens of its vocabulary."""
        return self._tokenizer.fim_ids

    @property
    def evaluated_tokens(self) -> int:
        """Tokens whose keys and values are ready to be reused."""
        return len(self._evaluated)

    def tokenize(self, text: str) -> list[int]:
        """Turn text into ids; control tokens in it stay text."""
        return self._tokenizer.tokenize(text)

    def piece(self, token: int) -> bytes:
        """Answer the bytes of a token; none for a control token."""
        return self._tokenizer.vocabulary.piece(token)

    def ends(self, token: int) -> bool:
        """Whether a completion is over at this token: at any control token."""
        return token in self.fim_ids.stops or not self.piece(token)

    def generate(
        self,
        prompt: Sequence[int],
        *,
        max_tokens: int,
        sampling: Sampling,
        required: bytes,
        shaping: TokenShaping | None,
    ) -> Generator[int, None, None]:
        """Continue the prompt until an end token, which is the last one given, or a limit.

        Ends early, without an error, when ``abort`` is set. Raises :class:`PromptTooLongError`,
        :class:`BackendError`.
        """
        limit = room_for(prompt, max_tokens=max_tokens, context_tokens=self.context_tokens)
        if not prompt or limit == 0:
            return
        chooser = TokenChooser(
            sampling=sampling,
            required=required,
            shaping=shaping,
            vocabulary=lambda: self._tokenizer.vocabulary,
            ends=self.ends,
        )
        pending = self._keep_common_prefix(prompt)
        for _ in range(limit):
            logits = self._evaluate(pending)
            token = None if logits is None else chooser.choose(logits)
            if token is None:
                return
            yield token
            if self.ends(token):
                return
            pending = [token]

    def _keep_common_prefix(self, prompt: Sequence[int]) -> list[int]:
        """Drop what is kept beyond the common prefix; answer what is still to be evaluated."""
        common = known_tokens(self._evaluated, prompt)
        self._crop(common)
        return list(prompt[common:])

    def _evaluate(self, tokens: Sequence[int]) -> Logits | None:
        """Run tokens through the model; answer the last one's logits, or ``None`` if that was aborted."""
        logits: Logits | None = None
        for start in range(0, len(tokens), self._chunk_tokens):
            chunk = tokens[start : start + self._chunk_tokens]
            try:
                logits = self._forward(chunk)
            except _AbortedError:
                self._crop(len(self._evaluated))
                return None
            except RuntimeError as error:  # out of memory, a lost device
                self._forget()
                reason = str(error).partition("\n")[0]
                raise BackendError(f"transformers could not evaluate the prompt ({reason})") from error
            self._evaluated.extend(chunk)
        return logits

    def _forward(self, tokens: Sequence[int]) -> Logits:
        if self._model is None or self.abort.is_set():
            raise _AbortedError
        with torch.inference_mode():
            ids = torch.tensor([list(tokens)], device=self._device)
            out = self._model(ids, past_key_values=self._cache, use_cache=True, logits_to_keep=1)
            logits: Logits = out.logits[0, -1, : self._words].float().cpu().numpy()
        return logits

    def _leave_if_aborted(self, *_: object) -> None:
        if self.abort.is_set():
            raise _AbortedError

    def _crop(self, tokens: int) -> None:
        """Keep the first so many tokens; layers that an abort left behind or ahead hold as many then."""
        del self._evaluated[tokens:]
        if tokens == 0:
            self._forget()
            return
        for layer in self._cache.layers:
            layer.keys, layer.values = layer.keys[..., :tokens, :], layer.values[..., :tokens, :]

    def _forget(self) -> None:
        self._cache = DynamicCache()
        self._evaluated.clear()

    def free(self) -> None:
        """Give the memory back; may be repeated. Without its hooks nothing of the model points back here."""
        for hook in self._hooks:
            hook.remove()
        self._model = None
        self._forget()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def _layers(model: PreTrainedModel) -> Sequence[torch.nn.Module]:
    """The decoder's layers, under the name that the architecture has for them."""
    base = model.base_model
    layers: Sequence[torch.nn.Module] = base.h if hasattr(base, "h") else base.layers
    return layers


def _describe(model: PreTrainedModel, folder: Path, precision: Precision) -> str:
    millions = model.num_parameters() / 1e6
    name = folder.resolve().name
    return f"{name} ({model.config.model_type}, {millions:.3g}M parameters, {precision} in transformers)"
