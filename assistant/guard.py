"""The regurgitation guard: keeps a model from going on with a copy of code that the policy denies.

At each token it asks what the gate would say of the code so far with that token, by the same look-up of
seeds in the index. A token that would make it a denied copy is refused, so the model has to go on otherwise;
where it has left the copy, the guard is silent again.

The service lets it in only after the gate withheld a suggestion that was written without it: what is not
denied costs nothing, and what is denied is read from the kept keys and values and written once more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from assistant.backends.protocol import TokenShaping
from assistant.config import OnDeny
from assistant.tracing import Decision, Surroundings, TextTracer, decide


class RegurgitationGuard(TokenShaping):
    """Guards one request; it traces in the thread that generates."""

    def __init__(
        self,
        tracer: TextTracer,
        around: Surroundings,
        *,
        required: str,
        detokenize: Callable[[Sequence[int]], bytes],
    ) -> None:
        """``required`` is what the stream begins with, though the document has it already."""
        self._tracer = tracer
        self._around = around
        self._required = required.encode("utf-8", "replace")
        self._detokenize = detokenize
        self._written: list[bytes] = []
        """The text of each token so far."""
        self.traces = 0
        """Times that the index was asked."""
        self.refusals = 0
        """Tokens that were refused."""

    def permits(self, generated: Sequence[int], token: int) -> bool:
        """Whether the gate would let the code through if it ended with this token."""
        self._written += [self._detokenize([i]) for i in generated[len(self._written) :]]
        piece = self._detokenize([token])
        if not piece.strip():
            return True
        text = b"".join([*self._written, piece])[len(self._required) :].decode("utf-8", "ignore")
        if not text.strip() or not self._would_be_denied(text):
            return True
        self.refusals += 1
        return False

    def _would_be_denied(self, text: str) -> bool:
        self.traces += 1
        matches = self._around.trace(self._tracer, text)
        return decide(matches, OnDeny.WITHHOLD).decision is Decision.WITHHOLD
