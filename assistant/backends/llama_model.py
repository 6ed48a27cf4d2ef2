"""One model in llama.cpp, used by one thread: load, tokenise, generate, free.

It speaks to llama.cpp's C interface, because the high-level class of llama-cpp-python can neither be
aborted nor be told its control tokens (it takes StarCoder2's infilling ids for 0).
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from collections.abc import Generator, Sequence
from functools import cached_property
from pathlib import Path

import llama_cpp
import numpy as np

from assistant.backends.choice import TokenChooser
from assistant.backends.gguf import GgufHeader, read_header
from assistant.backends.lookup import PromptLookup
from assistant.backends.protocol import Logits, Sampling, TokenShaping
from assistant.backends.room import known_tokens, room_for
from assistant.backends.vocabulary import Vocabulary
from assistant.errors import BackendError, ModelUnusableError
from assistant.fim import FimIds, resolve_ids
from assistant.models import ModelOptions, default_threads

_log = logging.getLogger(__name__)

_BATCH_TOKENS = 512
_ABORTED = 2
_ALL_LAYERS = 10_000
"""More than any model has; without a GPU they stay where they are."""
_LEARNT_POSITIONS = ("starcoder", "gpt2")
"""Architectures that have nothing beyond their trained context; llama.cpp would end the process there."""
_PIECE_BYTES = 256
_LOG_ERROR = 4
_NAME_CHARACTERS = 80


class AbortFlag:
    """A flag that llama.cpp's compute loop reads without entering Python.

    The callback it polls is libc's ``strlen`` on two bytes: 0 while the first is zero, else 1. A Python
    callback would take the interpreter lock hundreds of times a token, and wait for it each time.
    """

    def __init__(self) -> None:
        self._bytes = ctypes.create_string_buffer(2)
        libc = ctypes.cdll.msvcrt if sys.platform == "win32" else ctypes.CDLL(None)
        self.callback = llama_cpp.ggml_abort_callback(ctypes.cast(libc.strlen, ctypes.c_void_p).value)

    @property
    def pointer(self) -> ctypes.c_void_p:
        """What the callback is given."""
        return ctypes.cast(self._bytes, ctypes.c_void_p)

    def set(self) -> None:
        """Ask for the running computation to end."""
        self._bytes[0] = b"\x01"

    def clear(self) -> None:
        """Let the next computation run."""
        self._bytes[0] = b"\x00"

    def is_set(self) -> bool:
        """Whether the end was asked for."""
        return self._bytes[0] != b"\x00"


class LlamaModel:
    """A loaded model with its context; not safe for threads, except for :meth:`tokenize` and the flag."""

    def __init__(self, path: Path, options: ModelOptions) -> None:
        """Load it; raises :class:`ModelUnusableError`."""
        header = read_header(path)
        self.abort = AbortFlag()
        self.fim_ids: FimIds
        self.context_tokens: int
        self._model: llama_cpp.llama_model_p | None = None
        self._context: llama_cpp.llama_context_p | None = None
        self._batch: llama_cpp.llama_batch | None = None
        self._guessed_tokens = options.lookup_tokens
        self._pieces: dict[int, bytes] = {}
        self._evaluated: list[int] = []
        """The tokens whose keys and values the context holds."""
        _silence_llama_cpp()
        llama_cpp.llama_backend_init()
        try:
            self._load(path, header, options)
        except ModelUnusableError:
            self.free()
            raise
        name = _printable(str(header.metadata.get("general.name", path.stem)))
        self.description = f"{name} ({header.architecture}, {self._describe()})"

    def _load(self, path: Path, header: GgufHeader, options: ModelOptions) -> None:
        _log_lines.clear()
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = options.gpu_layers if options.gpu_layers >= 0 else _ALL_LAYERS
        self._model = llama_cpp.llama_model_load_from_file(os.fsencode(path), params)
        if not self._model:
            raise _refused(path)
        self._vocab: llama_cpp.llama_vocab_p = llama_cpp.llama_model_get_vocab(self._model)
        self._words = int(llama_cpp.llama_vocab_n_tokens(self._vocab))
        self.fim_ids = self._resolve_fim_ids(path)
        trained_with = int(llama_cpp.llama_model_n_ctx_train(self._model))
        self.context_tokens = options.context_within(trained_with)
        if header.architecture in _LEARNT_POSITIONS:
            self.context_tokens = min(self.context_tokens, trained_with)
        self._context = llama_cpp.llama_init_from_model(self._model, self._context_params(options))
        if not self._context:
            raise _refused(path)
        self.context_tokens = min(self.context_tokens, int(llama_cpp.llama_n_ctx(self._context)))
        self._memory: llama_cpp.llama_memory_t = llama_cpp.llama_get_memory(self._context)
        self._batch = self._new_batch()
        llama_cpp.llama_set_abort_callback(self._context, self.abort.callback, self.abort.pointer)

    def _new_batch(self) -> llama_cpp.llama_batch:
        """A batch that is filled again and again, all of it in sequence 0."""
        batch = llama_cpp.llama_batch_init(_BATCH_TOKENS, 0, 1)
        for at in range(_BATCH_TOKENS):
            batch.n_seq_id[at] = 1
            batch.seq_id[at][0] = 0
        return batch

    def _context_params(self, options: ModelOptions) -> llama_cpp.llama_context_params:
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = self.context_tokens
        params.n_batch = params.n_ubatch = min(_BATCH_TOKENS, self.context_tokens)
        params.n_seq_max = 1
        params.n_threads = params.n_threads_batch = options.threads or default_threads()
        params.no_perf = True
        return params

    def _resolve_fim_ids(self, path: Path) -> FimIds:
        ids = resolve_ids(self._id_of_token)
        if ids is None:
            raise ModelUnusableError(
                path,
                "its vocabulary has no fill-in-the-middle tokens",
                remedy="set model.path to a StarCoder2, StarCoder or SantaCoder model",
            )
        return ids

    def _id_of_token(self, token: str) -> int | None:
        ids = self._tokenize(token.encode(), special=True)
        if len(ids) == 1 and llama_cpp.llama_vocab_get_text(self._vocab, ids[0]) == token.encode():
            return ids[0]
        return None

    def _describe(self) -> str:
        millions = int(llama_cpp.llama_model_n_params(self._model)) / 1e6
        quantisation = llama_cpp.llama_ftype_name(llama_cpp.llama_model_ftype(self._model)) or b"?"
        return f"{millions:.3g}M parameters, {quantisation.decode()}"

    def tokenize(self, text: str) -> list[int]:
        """Turn text into ids; control tokens in it stay text. Safe to call from any thread."""
        return self._tokenize(text.encode("utf-8", "replace"), special=False)

    def _tokenize(self, text: bytes, *, special: bool) -> list[int]:
        if not text:
            return []
        buffer = (llama_cpp.llama_token * (len(text) + 1))()
        count = llama_cpp.llama_tokenize(self._vocab, text, len(text), buffer, len(text) + 1, False, special)
        return list(buffer[: max(0, count)])

    def piece(self, token: int) -> bytes:
        """Answer the bytes of a token; none for a control token."""
        known = self._pieces.get(token)
        if known is None:
            known = self._pieces[token] = self._read_piece(token)
        return known

    def _read_piece(self, token: int) -> bytes:
        size = _PIECE_BYTES
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, size, 0, False)
            if length >= 0:
                return buffer.raw[:length]
            size = -length

    def ends(self, token: int) -> bool:
        """Whether a completion is over at this token."""
        return token in self.fim_ids.stops or bool(llama_cpp.llama_vocab_is_eog(self._vocab, token))

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

        Ends early, without an error, when the abort flag is set. Raises :class:`PromptTooLongError`,
        :class:`BackendError`.
        """
        limit = room_for(prompt, max_tokens=max_tokens, context_tokens=self.context_tokens)
        if not prompt or limit == 0:
            return
        chooser = TokenChooser(
            sampling=sampling,
            required=required,
            shaping=shaping,
            vocabulary=lambda: self._vocabulary,
            ends=self.ends,
        )
        lookup = PromptLookup(prompt) if self._guessed_tokens else None
        pending, guess = self._keep_common_prefix(prompt), list[int]()
        while len(chooser.generated) < limit:
            if not self._evaluate([*pending, *guess], outputs=1 + len(guess)):
                return
            for step in range(len(guess) + 1):
                token = chooser.choose(self._logits(step - 1 - len(guess)))
                if token is None:
                    return
                yield token
                if self.ends(token) or len(chooser.generated) == limit:
                    return
                if lookup is not None:
                    lookup.add(token)
                if step == len(guess) or token != guess[step]:
                    self._drop_last(len(guess) - step)
                    pending = [token]
                    break
            guess = lookup.guess(self._room_for_guesses(limit - len(chooser.generated))) if lookup else []

    def _room_for_guesses(self, wanted: int) -> int:
        """How many tokens to guess: the last one wanted is not evaluated, and the context must hold them."""
        room = self.context_tokens - len(self._evaluated) - 1
        return min(self._guessed_tokens, wanted - 1, room)

    def _logits(self, position: int) -> Logits:
        """Those of an output of the last evaluation, -1 for its last; valid until the next one."""
        pointer = llama_cpp.llama_get_logits_ith(self._context, position)
        logits: Logits = np.ctypeslib.as_array(pointer, shape=(self._words,))
        return logits

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.piece(token) for token in range(self._words))

    def _keep_common_prefix(self, prompt: Sequence[int]) -> list[int]:
        """Drop what the context holds beyond the common prefix; answer what is still to be evaluated.

        The last token of the prompt is always evaluated, because its logits are needed.
        """
        common = known_tokens(self._evaluated, prompt)
        if not llama_cpp.llama_memory_seq_rm(self._memory, 0, common, -1):
            self._forget()
            common = 0
        del self._evaluated[common:]
        return list(prompt[common:])

    def _evaluate(self, tokens: Sequence[int], *, outputs: int) -> bool:
        """Run tokens through the model, for logits of the last ``outputs``; ``False`` if that was aborted.

        More than one output is only asked of what fits one batch.
        """
        for start in range(0, len(tokens), _BATCH_TOKENS):
            if self.abort.is_set():
                return False
            batch = tokens[start : start + _BATCH_TOKENS]
            code = self._decode(batch, outputs)
            if code == _ABORTED:
                self._keep_whole_batches()
                return False
            if code != 0:
                self._forget()
                raise BackendError(f"llama.cpp could not evaluate the prompt (code {code})")
            self._evaluated.extend(batch)
        return True

    def _decode(self, tokens: Sequence[int], outputs: int) -> int:
        """Evaluate one batch after what the context holds; answer llama.cpp's code."""
        batch, first = self._batch, len(self._evaluated)
        assert batch is not None, "made when the model was loaded"
        batch.n_tokens = len(tokens)
        for at, token in enumerate(tokens):
            batch.token[at] = token
            batch.pos[at] = first + at
            batch.logits[at] = at >= len(tokens) - outputs
        return int(llama_cpp.llama_decode(self._context, batch))

    def _drop_last(self, count: int) -> None:
        """Forget so many of the last tokens, which were guessed wrong."""
        if count == 0:
            return
        kept = len(self._evaluated) - count
        if not llama_cpp.llama_memory_seq_rm(self._memory, 0, kept, -1):
            raise BackendError("llama.cpp cannot take a guess back; set model.lookupTokens to 0")
        del self._evaluated[kept:]

    def _keep_whole_batches(self) -> None:
        """After an abort, keep what was evaluated before the batch that was cut short.

        llama.cpp removes that batch itself; were it to remove more, as older versions did, the memory
        says so. An editor cancels at nearly every keystroke, so what is kept here decides how fast the
        next suggestion comes.
        """
        kept = int(llama_cpp.llama_memory_seq_pos_max(self._memory, 0)) + 1
        if kept > len(self._evaluated):
            self._forget()
        del self._evaluated[kept:]

    def _forget(self) -> None:
        """Empty the context."""
        llama_cpp.llama_memory_clear(self._memory, True)
        self._evaluated.clear()

    @property
    def evaluated_tokens(self) -> int:
        """Tokens that the context holds, ready to be reused."""
        return len(self._evaluated)

    def free(self) -> None:
        """Give the memory back; may be repeated."""
        if self._batch is not None:
            llama_cpp.llama_batch_free(self._batch)
            self._batch = None
        if self._context:
            llama_cpp.llama_free(self._context)
            self._context = None
        if self._model:
            llama_cpp.llama_model_free(self._model)
            self._model = None


def _printable(name: str) -> str:
    """Keep what a model calls itself fit for a status bar."""
    return "".join(character for character in name if character.isprintable())[:_NAME_CHARACTERS]


def _refused(path: Path) -> ModelUnusableError:
    reason = f"llama.cpp refuses it ({_log_lines[-1]})" if _log_lines else "llama.cpp refuses it"
    return ModelUnusableError(path, reason, remedy="convert it again, or choose another model")


_log_lines: list[str] = []
"""What llama.cpp complained of since a load began; it has one log for the whole process."""


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _on_log(level: int, text: bytes, _data: ctypes.c_void_p) -> None:
    line = text.decode("utf-8", "replace").strip()
    if level == _LOG_ERROR and line:
        _log_lines.append(line)
    _log.debug("llama.cpp: %s", line)


def _silence_llama_cpp() -> None:
    llama_cpp.llama_log_set(_on_log, ctypes.c_void_p(0))
