"""The models that there are: the bundled one, those on this machine, and those that are known by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.errors import ModelUnusableError
from assistant.facts import ModelFacts, ModelForm, read_facts
from assistant.fit import gib, needed
from assistant.hub.catalogue import CATALOGUE, KnownModel
from assistant.hub.store import PulledModel, is_accepted, pulled_models
from assistant.memory import available_bytes
from assistant.models import DEFAULT_MODEL, ModelOptions

_Q8_0_BITS = 8.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model."""

    name: str
    state: str
    """``bundled``, ``pulled`` or ``available``."""
    path: Path | None
    parameters: int
    license: str
    is_accepted: bool
    needed_bytes: int
    """As it lies here; as q8_0 for one that does not. At the context that it would be loaded with."""
    fits: bool | None
    """``None`` where this machine does not say how much memory is free."""

    def as_json(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "name": self.name,
            "state": self.state,
            "path": None if self.path is None else str(self.path),
            "parameters": self.parameters,
            "license": self.license,
            "license_accepted": self.is_accepted,
            "needed_bytes": self.needed_bytes,
            "fits": self.fits,
        }


def listed() -> list[Row]:
    """All models; one on this machine that cannot be read is left out."""
    pulled = pulled_models()
    there = {model.repository for model in pulled}
    rows = [_bundled(), *(_pulled(model) for model in pulled)]
    rows += [_available(known) for known in CATALOGUE if known.repository not in there]
    return [row for row in rows if row is not None]


def render(rows: list[Row]) -> str:
    """A table for people."""
    cells = [("NAME", "STATE", "PARAMETERS", "LICENCE", "MEMORY", "FITS")]
    for row in rows:
        fits = "?" if row.fits is None else "yes" if row.fits else "no"
        size = f"{row.parameters / 1e9:.2f}B" if row.parameters >= 1e8 else f"{row.parameters / 1e6:.1f}M"
        shown = f"{gib(row.needed_bytes)}{' as q8_0' if row.state == 'available' else ''}"
        cells.append((row.name, row.state, size, row.license, shown, fits))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in cells)
    return "\n".join(lines) + "\n"


def _bundled() -> Row | None:
    facts = _facts(DEFAULT_MODEL)
    return None if facts is None else _row(facts, name=facts.name, state="bundled", license=facts.license)


def _pulled(model: PulledModel) -> Row | None:
    facts = _facts(model.path)
    if facts is None:
        return None
    return _row(facts, name=model.repository, state="pulled", license=model.license)


def _row(facts: ModelFacts, *, name: str, state: str, license: str) -> Row:
    context = ModelOptions().context_within(facts.trained_context)
    size = needed(facts, context_tokens=context).total
    return Row(
        name=name,
        state=state,
        path=facts.path,
        parameters=facts.parameters,
        license=license,
        is_accepted=state == "bundled" or is_accepted(name, license),
        needed_bytes=size,
        fits=_fits(size),
    )


def _available(known: KnownModel) -> Row:
    facts = ModelFacts(
        path=Path(known.name),
        form=ModelForm.CHECKPOINT,
        name=known.name,
        architecture="",
        parameters=known.parameters,
        weight_bytes=2 * known.parameters,
        quantisation="bf16",
        trained_context=known.trained_context,
        shape=known.shape,
        fim=None,
        license=known.license,
        has_chat_template=False,
    )
    context = ModelOptions().context_within(known.trained_context)
    size = needed(facts, context_tokens=context, bits=_Q8_0_BITS).total
    return Row(
        name=known.name,
        state="available",
        path=None,
        parameters=known.parameters,
        license=known.license,
        is_accepted=is_accepted(known.repository, known.license),
        needed_bytes=size,
        fits=_fits(size),
    )


def _facts(path: Path) -> ModelFacts | None:
    try:
        return read_facts(path)
    except ModelUnusableError:
        return None


def _fits(size: int) -> bool | None:
    available = available_bytes()
    return None if available is None else size <= available
