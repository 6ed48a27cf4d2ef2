"""Other tokens for the same cleaned corpus: made beside the old ones, which stay until the new are whole.

``work/renewed`` is a folder of the new tokenizer, rows and card at work; once they are whole it is renamed to
``work/ready``, and from then on every run begins by putting what is ready in the place of the old. The old
data card goes first and the new one comes last, so a folder that has a card holds tokens of one making.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from attribution.cluster.pool import Pool
from attribution.index.disk import sync_directory
from training.data.engine.curation import (
    Configuration,
    Curation,
    has_same_tokenizer,
    read_configuration,
    write_configuration,
)
from training.data.engine.finishing import finish
from training.data.engine.intake import Intake, read_intake
from training.data.engine.layout import CurationLayout
from training.data.engine.whole_files import discard, sweep, write_whole
from training.errors import CurationDamagedError


def renew_tokens(curation: Curation, configuration: Configuration, pool: Pool) -> None:
    """Make the tokens of a finished folder anew, or go on with that; the cleaned corpus is only read."""
    layout, renewed = curation.layout, curation.layout.renewed
    intake, curated = _cleaned(layout)
    if not renewed.configuration.is_file() or read_configuration(renewed) != configuration:
        discard(renewed.root)
    renewed.work.mkdir(parents=True, exist_ok=True)
    for folder in (renewed.root, renewed.work):
        sweep(folder)
    write_configuration(renewed, configuration)
    if has_same_tokenizer(read_configuration(layout), configuration) and not renewed.tokenizer.is_file():
        text = layout.tokenizer.read_bytes()
        write_whole(renewed.tokenizer, lambda path: path.write_bytes(text))
    finish(curation, intake, curated, layout.held_out_text, into=renewed, pool=pool)
    shutil.rmtree(renewed.work)
    discard(layout.ready.root)
    renewed.root.rename(layout.ready.root)
    sync_directory(layout.work)
    install_ready(layout)


def install_ready(layout: CurationLayout) -> None:
    """Put tokens that are whole in the place of the old ones, wherever that was cut short; or do nothing."""
    ready = layout.ready
    if not ready.card.is_file():
        return
    layout.card.unlink(missing_ok=True)
    sync_directory(layout.root)
    if ready.shards.is_dir():
        discard(layout.shards)
        ready.shards.rename(layout.shards)
    for name in ("tokenizer", "page", "configuration", "card"):
        new: Path = getattr(ready, name)
        if new.is_file():
            new.replace(getattr(layout, name))
    sweep(layout.root)
    sync_directory(layout.root)


def forget_tokens(layout: CurationLayout, configuration: Configuration) -> None:
    """Begin the tokens of a folder that is not finished with another configuration."""
    for folder in (layout.tokens, layout.shards):
        discard(folder)
    for path in (layout.tokenizer, layout.page):
        path.unlink(missing_ok=True)
    write_configuration(layout, configuration)


def _cleaned(layout: CurationLayout) -> tuple[Intake, list[Path]]:
    """What the sources gave and its curated shards; raise :class:`CurationDamagedError`."""
    intake = read_intake(layout)
    if intake is None:
        raise CurationDamagedError(layout.root, f"{layout.intake.name} is missing")
    curated = [layout.curated(number) for number in range(len(intake.shards))]
    for path in curated:
        if not path.is_file():
            raise CurationDamagedError(layout.root, f"{path.name} is missing")
    return intake, curated
