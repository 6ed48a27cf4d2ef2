"""A GGUF file in llama.cpp, by token ids: what exports and evaluations are checked with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from assistant.fim import resolve_ids
from training.errors import ExportError


class LlamaModel:
    """One model, one sequence at a time, on the CPU."""

    def __init__(
        self,
        path: Path,
        *,
        threads: int | None = None,
        all_logits: bool = False,
        context_tokens: int = 0,
    ) -> None:
        """Load a file; raise :class:`ExportError` where llama.cpp cannot, or where it has no FIM tokens.

        ``all_logits`` is for comparisons: it keeps the logits of every position, and keys and values in f32
        instead of f16. ``context_tokens`` is the trained context where it is 0, and never more.
        """
        if not path.is_file():
            raise ExportError(path, "there is no such file", remedy="make one with: sc-attrib train export")
        try:
            cache_type = llama_cpp.GGML_TYPE_F32 if all_logits else llama_cpp.GGML_TYPE_F16
            self._llama = llama_cpp.Llama(
                str(path),
                n_ctx=context_tokens,
                n_threads=threads,
                n_threads_batch=threads,
                logits_all=all_logits,
                type_k=cache_type,
                type_v=cache_type,
                verbose=False,
            )
        except ValueError as error:
            raise ExportError(path, "llama.cpp cannot load it", remedy="export it anew") from error
        self.context_tokens = min(context_tokens or self._llama.n_ctx(), self._trained_context())
        fim = resolve_ids(self._id_of)
        if fim is None:
            raise ExportError(
                path, "it has no fill-in-the-middle tokens", remedy="choose a model that has them"
            )
        self.fim = fim

    def _trained_context(self) -> int:
        """llama.cpp rounds its context up to 256; positions beyond the trained ones are no use."""
        metadata: dict[str, str] = self._llama.metadata
        return int(metadata[f"{metadata['general.architecture']}.context_length"])

    def _id_of(self, token: str) -> int | None:
        ids = self._llama.tokenize(token.encode(), add_bos=False, special=True)
        return ids[0] if len(ids) == 1 else None

    def encode(self, text: bytes) -> list[int]:
        """Tokenise user text, special tokens off."""
        ids: list[int] = self._llama.tokenize(text, add_bos=False, special=False)
        return ids

    def decode(self, ids: Sequence[int]) -> bytes:
        """Spell tokens out."""
        text: bytes = self._llama.detokenize(list(ids))
        return text

    def greedy(self, prompt: list[int]) -> Iterator[int]:
        """Yield the likeliest token after the prompt, then the next, until the context is full."""
        tokens = self._llama.generate(prompt, temp=0.0)
        for token, _ in zip(tokens, range(self.context_tokens - len(prompt)), strict=False):
            yield token

    def sample(self, prompt: list[int], *, temperature: float, top_p: float, seed: int) -> Iterator[int]:
        """Draw tokens after the prompt until the context is full; the same seed draws the same ones."""
        self._llama.set_seed(seed)
        tokens = self._llama.generate(prompt, temp=temperature, top_k=0, top_p=top_p, min_p=0.0)
        for token, _ in zip(tokens, range(self.context_tokens - len(prompt)), strict=False):
            yield token

    @property
    def vocabulary(self) -> int:
        """Number of its ids."""
        return int(self._llama.n_vocab())

    def logits_along(self, prompt: list[int], written: Sequence[int]) -> Iterator[NDArray[np.float32]]:
        """Yield the logits after a prompt, then after each token that is written behind it."""
        self._llama.reset()
        for ids in (prompt, *([token] for token in written)):
            self._llama.eval(ids)
            found = llama_cpp.llama_get_logits_ith(self._llama.ctx, -1)
            yield np.ctypeslib.as_array(found, shape=(self.vocabulary,)).astype(np.float32)

    def logits(self, ids: list[int]) -> NDArray[np.float32]:
        """Logits after every position, shape (len(ids), vocabulary); needs ``all_logits``."""
        self._llama.reset()
        self._llama.eval(ids)
        return np.asarray(self._llama.scores[: len(ids)], dtype=np.float32).copy()

    def close(self) -> None:
        """Free the model."""
        self._llama.close()
