"""A model behind a server, as the worker thread uses it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from assistant.backends.openai_server import Server
from assistant.backends.protocol import MAX_REFUSALS, Sampling, TokenShaping
from assistant.backends.room import room_for
from assistant.backends.text_vocabulary import TextVocabulary
from assistant.errors import BackendError
from assistant.fim import FimIds

if TYPE_CHECKING:
    from assistant.backends.byte_level import ByteLevelTokenizer

_NAME_CHARACTERS = 80
_FORBIDDEN_BIAS = -100
"""OpenAI's number for a token that is not to come."""


def printable(name: str) -> str:
    """Keep what a server calls its models fit for one line."""
    return "".join(character for character in name if character.isprintable())[:_NAME_CHARACTERS]


class ServerVocabulary(Protocol):
    """Between our ids, and the prompts and answers of a server."""

    @property
    def fim_ids(self) -> FimIds:
        """The control tokens as ids."""

    def tokenize(self, text: str) -> list[int]:
        """Turn text into ids; control tokens in it stay text."""

    def piece(self, token: int) -> bytes:
        """Answer the bytes of a token; none for a control token."""

    def prompt(self, ids: Sequence[int]) -> str | list[int]:
        """What the server is given."""


class IdVocabulary:
    """The vocabulary of the server's own model: prompts are ids, so text is never read as control tokens."""

    def __init__(self, tokenizer: ByteLevelTokenizer) -> None:
        self._tokenizer = tokenizer
        self.fim_ids = tokenizer.fim_ids
        self.tokenize = tokenizer.tokenize
        self.piece = tokenizer.vocabulary.piece

    def prompt(self, ids: Sequence[int]) -> list[int]:
        """The ids themselves."""
        return list(ids)


@dataclass(slots=True, kw_only=True)
class _Answer:
    """What the server wrote so far, over several requests where a shaping refused something."""

    prompt: list[int]
    limit: int
    shaping: TokenShaping
    generated: list[int] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)
    """Tokens that may not come next."""
    is_over: bool = False

    def take(self, token: int) -> bool:
        """Add a token if it may come; a server that insists on a refused one has nothing more to say."""
        if not self.shaping.permits(self.generated, token):
            self.is_over = token in self.refused or len(self.refused) + 1 >= MAX_REFUSALS
            self.refused.add(token)
            return False
        self.generated.append(token)
        self.refused.clear()
        self.is_over = len(self.generated) >= self.limit
        return True


class OpenAiModel:
    """Continues prompts by asking the server; keeps nothing itself."""

    evaluated_tokens = 0

    def __init__(
        self, server: Server, *, name: str, vocabulary: ServerVocabulary, context_tokens: int
    ) -> None:
        self.abort = server
        self._server = server
        self._name = name
        self._vocabulary = vocabulary
        self.fim_ids = vocabulary.fim_ids
        self.tokenize = vocabulary.tokenize
        self.piece = vocabulary.piece
        self.context_tokens = context_tokens
        self.description = f"{printable(name)} at {server.address.url}"

    def ends(self, token: int) -> bool:
        """Whether a completion is over at this token."""
        return token in self.fim_ids.stops

    def generate(
        self,
        prompt: Sequence[int],
        *,
        max_tokens: int,
        sampling: Sampling,
        required: bytes,
        shaping: TokenShaping | None,
    ) -> Generator[int, None, None]:
        """Continue the prompt; what is required is put at its end, since a server cannot be bound to it.

        A token that ``shaping`` refuses is forbidden in a request of its own where the server takes ids; as
        text it ends the stream, because a server's ids are not known then.
        """
        limit = room_for(prompt, max_tokens=max_tokens, context_tokens=self.context_tokens)
        if not prompt or limit == 0:
            return
        answer = _Answer(prompt=list(prompt), limit=limit, shaping=shaping or TokenShaping())
        for token in self.tokenize(required.decode("utf-8", "replace"))[:limit]:
            if not answer.take(token):
                return
            yield token
        try:
            while not answer.is_over:
                yield from self._ask(answer, sampling)
        except BackendError:
            if not self._server.is_aborted:
                raise

    def _ask(self, answer: _Answer, sampling: Sampling) -> Iterator[int]:
        """One request: all that is still wanted, or one token in the place of those that were refused."""
        request = self._request(answer, sampling)
        is_one_token, before = bool(answer.refused), len(answer.generated)
        for piece in self._server.complete(request):
            for token in self.tokenize(piece.text):
                if answer.is_over or self._server.is_aborted:
                    return
                if not answer.take(token):
                    answer.is_over |= isinstance(self._vocabulary, TextVocabulary)
                    return
                yield token
            if piece.ended and not answer.is_over:
                answer.is_over = True
                yield self.fim_ids.end_of_text
        answer.is_over |= not is_one_token or len(answer.generated) == before

    def _request(self, answer: _Answer, sampling: Sampling) -> dict[str, Any]:
        fim = self.fim_ids.format
        stops = [fim.end_of_text, fim.fim_prefix, fim.fim_suffix, fim.file_separator or fim.fim_middle]
        forbidden = {str(token): _FORBIDDEN_BIAS for token in answer.refused}
        return {
            "model": self._name,
            "prompt": self._vocabulary.prompt([*answer.prompt, *answer.generated]),
            "max_tokens": 1 if forbidden else answer.limit - len(answer.generated),
            **({"logit_bias": forbidden} if forbidden else {}),
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            "stop": stops,
            "stream": True,
        }

    def free(self) -> None:
        """Nothing is kept."""
