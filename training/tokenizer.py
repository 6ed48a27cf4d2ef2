"""Byte-level BPE with StarCoder2's control tokens at StarCoder2's ids.

The pre-tokenizer is the one that llama.cpp calls ``starcoder``: each digit alone, then GPT-2's pattern.
User text is always tokenised with control tokens off, so that ``<fim_middle>`` in somebody's source stays
the twelve characters that it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from assistant.fim import FimIds, resolve_ids
from training.errors import TokenizerError

CONTROL_TOKENS = (
    "<|endoftext|>",
    "<fim_prefix>",
    "<fim_middle>",
    "<fim_suffix>",
    "<fim_pad>",
    "<repo_name>",
    "<file_sep>",
    "<issue_start>",
    "<issue_comment>",
    "<issue_closed>",
    "<jupyter_start>",
    "<jupyter_text>",
    "<jupyter_code>",
    "<jupyter_output>",
    "<jupyter_script>",
    "<empty_output>",
    "<code_to_intermediate>",
    "<intermediate_to_code>",
    "<pr>",
    "<pr_status>",
    "<pr_is_merged>",
    "<pr_base>",
    "<pr_file>",
    "<pr_base_code>",
    "<pr_diff>",
    "<pr_diff_hunk>",
    "<pr_comment>",
    "<pr_event_id>",
    "<pr_review>",
    "<pr_review_state>",
    "<pr_review_comment>",
    "<pr_in_reply_to_review_id>",
    "<pr_in_reply_to_comment_id>",
    "<pr_diff_hunk_comment_line>",
    "<NAME>",
    "<EMAIL>",
    "<KEY>",
    "<PASSWORD>",
)
"""In the order of StarCoder2's ids, which start at 0 (tokenizer of bigcode/starcoder2-3b)."""
VOCABULARY_MULTIPLE = 128


def train_tokenizer(texts: Iterable[str], *, vocabulary: int) -> Tokenizer:
    """Learn merges from texts; the result has exactly ``vocabulary`` ids, unused ones named ``<unused_N>``.

    Raises :class:`ValueError` unless ``vocabulary`` is a multiple of 128 with room for bytes and controls.
    """
    if vocabulary % VOCABULARY_MULTIPLE or vocabulary < len(CONTROL_TOKENS) + 256:
        raise ValueError(
            f"the vocabulary must be a multiple of {VOCABULARY_MULTIPLE}, with room for all bytes"
        )
    tokenizer = _untrained()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(CONTROL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    missing = vocabulary - tokenizer.get_vocab_size()
    tokenizer.add_special_tokens([f"<unused_{i}>" for i in range(missing)])
    return tokenizer


def _untrained() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.encode_special_tokens = True
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, path: Path) -> None:
    """Write ``tokenizer.json``; a file of that name is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    tokenizer.save(str(partial))
    partial.replace(path)


def load_tokenizer(path: Path) -> Tokenizer:
    """Read ``tokenizer.json`` so that user text never becomes a control token; raise TokenizerError."""
    if not path.is_file():
        raise TokenizerError(path, "there is no such file", remedy="make one with: sc-attrib train tokenizer")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise TokenizerError(path, f"not a tokenizer.json ({error})", remedy="make it anew") from error
    _keep_controls_special(tokenizer)
    tokenizer.encode_special_tokens = True
    return tokenizer


def _keep_controls_special(tokenizer: Tokenizer) -> None:
    """Mark what we put in by id as special: a family may list it as a word, which user text would become."""
    ids = resolve_ids(tokenizer.token_to_id)
    names = {*CONTROL_TOKENS, *(ids.format.control_tokens if ids else ())}
    added = tokenizer.get_added_tokens_decoder().values()
    tokenizer.add_special_tokens(
        [AddedToken(t.content, normalized=False) for t in added if t.content in names and not t.special]
    )


def fingerprint(tokenizer: Tokenizer) -> str:
    """Identify a tokenizer by its content: equal exactly when it encodes in the same way."""
    return hashlib.sha256(tokenizer.to_str().encode()).hexdigest()


def padded_vocabulary(tokenizer: Tokenizer) -> int:
    """Rows of the embedding that a tokenizer needs: its ids, up to the next multiple of 128."""
    size: int = tokenizer.get_vocab_size()
    return -(-size // 128) * 128


def control_ids(tokenizer: Tokenizer) -> FimIds:
    """Find the control tokens that fill-in-the-middle needs; raise :class:`TokenizerError`."""
    ids = resolve_ids(tokenizer.token_to_id)
    if ids is None:
        raise TokenizerError(
            "given", "it has no fill-in-the-middle tokens", remedy="train one with this program"
        )
    return ids


def byte_lengths(tokenizer: Tokenizer) -> NDArray[np.int64]:
    """Count the bytes of text behind each id, shape (vocabulary,); 0 for control tokens."""
    vocabulary: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
    lengths = np.zeros(max(vocabulary.values()) + 1, dtype=np.int64)
    for token, token_id in vocabulary.items():
        lengths[token_id] = len(token)  # byte-level: one character a byte
    lengths[list(tokenizer.get_added_tokens_decoder())] = 0
    return lengths
