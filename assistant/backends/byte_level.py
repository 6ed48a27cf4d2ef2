"""A ``tokenizer.json`` of the StarCoder family: text to ids and ids to bytes, control tokens only by id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assistant.backends.vocabulary import Vocabulary
from assistant.errors import ModelUnusableError
from assistant.fim import FimIds, resolve_ids

TOKENIZER_FILE = "tokenizer.json"
_REMEDY = "choose a StarCoder2, StarCoder or SantaCoder checkpoint with its own tokenizer.json"


class ByteLevelTokenizer:
    """A byte-level BPE vocabulary, read by the library ``tokenizers``. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        """Read the file; raises :class:`ModelUnusableError`."""
        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing narrower
            raise ModelUnusableError(path, f"it is no tokenizer ({error})", remedy=_REMEDY) from error
        self._tokenizer.encode_special_tokens = True
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        ids = resolve_ids(self._tokenizer.token_to_id)
        if ids is None:
            raise ModelUnusableError(path, "its vocabulary has no fill-in-the-middle tokens", remedy=_REMEDY)
        self.fim_ids: FimIds = ids
        self.vocabulary = Vocabulary(self._pieces())
        self._refuse_what_loses_text(path)

    def _pieces(self) -> list[bytes]:
        """The bytes of each token in the order of their ids; none for control tokens and for gaps."""
        added = self._tokenizer.get_added_tokens_decoder()
        size = 1 + max(self._tokenizer.get_vocab(with_added_tokens=True).values())
        return [self._piece(number, added) for number in range(size)]

    def _piece(self, number: int, added: dict[int, Any]) -> bytes:
        if number in added:
            return b"" if added[number].special else str(added[number].content).encode()
        token = self._tokenizer.id_to_token(number)
        if token is None or number in self.fim_ids.stops:
            return b""
        return bytes(_BYTE_OF[symbol] for symbol in token if symbol in _BYTE_OF)

    def _refuse_what_loses_text(self, path: Path) -> None:
        """Raise where text would not survive, as with a normaliser, or would turn into control tokens."""
        for text in (" \tñn\u0303\ufb01\u2028a\r\nB1 ", *self.fim_ids.format.control_tokens):
            ids = self.tokenize(text)
            if self.fim_ids.stops & set(ids) or b"".join(map(self.vocabulary.piece, ids)) != text.encode():
                raise ModelUnusableError(path, "it does not keep text as it is", remedy=_REMEDY)

    def tokenize(self, text: str) -> list[int]:
        """Turn text into ids; control tokens in it stay text, a lone surrogate becomes a question mark."""
        plain = text.encode("utf-8", "replace").decode()
        ids: list[int] = self._tokenizer.encode(plain, add_special_tokens=False).ids
        return ids


def _bytes_of_symbols() -> dict[str, int]:
    """GPT-2's printable stand-ins for the 256 bytes (``bytes_to_unicode`` in its encoder.py)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    stand_ins = {chr(256 + position): byte for position, byte in enumerate(others)}
    return {chr(byte): byte for byte in printable} | stand_ins


_BYTE_OF = _bytes_of_symbols()
