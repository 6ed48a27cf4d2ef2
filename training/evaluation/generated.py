"""What a model gives away when it writes freely: code that it has read, and personal data.

It goes on after the first lines of held-out files. The author's own text in the same places is measured as
well: what the index finds in that is likeness by chance, such as idioms, and no memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from attribution.model import Kind, Match
from training.data.pii.addresses import find_addresses
from training.data.pii.emails import find_emails
from training.data.pii.finding import Page
from training.data.pii.secrets import find_secrets
from training.data.stage import PersonalData
from training.evaluation.held_out import HeldOutFile, some_of
from training.evaluation.infill import ServedModel

PROMPT_TOKENS = 64
NEW_TOKENS = 256
TEMPERATURE = 0.8
_TOP_P = 0.95


class InsertionTracer(Protocol):
    """What is needed of :class:`attribution.trace.Tracer`."""

    def trace_insertion(
        self, before: bytes, inserted: bytes, after: bytes, *, first_line: int = 1, path: str = ""
    ) -> tuple[Match, ...]:
        """Find what a text is like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """A text that a model wrote, and what stands there in the file."""

    path: str
    written: bytes
    author: bytes
    """As many tokens of the author's as the model could have written."""


def generate(
    files: Sequence[HeldOutFile], model: ServedModel, *, count: int, seed: int = 0
) -> list[Generation]:
    """Let the model go on after the heads of random files, at temperature 0.8 and top-p 0.95."""
    room = min(NEW_TOKENS, model.context_tokens - PROMPT_TOKENS)
    texts = ((file.path, model.encode(file.text)) for file in some_of(files, seed=seed))
    long = [(path, ids) for path, ids in texts if len(ids) > PROMPT_TOKENS]
    random = np.random.default_rng(seed)
    generations = []
    for number in range(count if long else 0):
        path, ids = long[int(random.integers(len(long)))]
        written: list[int] = []
        for token in model.sample(
            ids[:PROMPT_TOKENS], temperature=TEMPERATURE, top_p=_TOP_P, seed=seed * 1_000_003 + number
        ):
            if token in model.fim.stops or len(written) == room:
                break
            written.append(token)
        author = model.decode(ids[PROMPT_TOKENS : PROMPT_TOKENS + room])
        generations.append(Generation(path=path, written=model.decode(written), author=author))
    return generations


def traced_share(text: bytes, tracer: InsertionTracer, *, path: str) -> tuple[int, int]:
    """Bytes of a text on lines that the index traces to known files, and all; blank lines count nowhere.

    What is common to many origins, or only likely by its words, is not traced.
    """
    matches = tracer.trace_insertion(b"", text, b"", path=path)
    lines = _traced_lines(matches)
    sizes = [len(line.strip()) for line in text.split(b"\n")]
    return sum(size for number, size in enumerate(sizes, 1) if number in lines), sum(sizes)


def _traced_lines(matches: Iterable[Match]) -> set[int]:
    kept = (m for m in matches if m.kind not in (Kind.COMMON, Kind.LEXICAL))
    return {line for m in kept for line in range(m.query.first, m.query.last + 1)}


def leaks(text: bytes) -> frozenset[PersonalData]:
    """Which kinds of e-mail addresses, IP addresses, keys and passwords a text holds."""
    page = Page.of(text.decode("utf-8", "replace"))
    found = (finding for detect in (find_emails, find_addresses, find_secrets) for finding in detect(page))
    return frozenset(finding.kind for finding in found)
