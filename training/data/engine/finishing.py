"""From a cleaned corpus to what a model learns from: tokenizer, rows, and the data card that counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from attribution.cluster.pool import Pool
from training.data.config import digest
from training.data.datacard.figures import count
from training.data.datacard.markdown import markdown_card
from training.data.datacard.page import page_card
from training.data.engine.curation import Curation
from training.data.engine.held_out import write_held_out_rows
from training.data.engine.intake import Intake
from training.data.engine.layout import CurationLayout
from training.data.engine.rows import read_counts, read_notices
from training.data.engine.tokenizing import tokenize
from training.data.engine.whole_files import write_whole, write_whole_text


def finish(
    curation: Curation,
    intake: Intake,
    curated: Sequence[Path],
    held_out_text: Path,
    *,
    into: CurationLayout,
    pool: Pool,
) -> None:
    """Make everything that depends on how tokens are made, in ``into``; the data card comes last.

    What is there already is not made again. Reads nothing but the curated shards and the held-out text.
    """
    recipe, data = curation.recipe, digest(curation.recipe)
    if curation.tokenizer is not None and not into.tokenizer.is_file():
        text = curation.tokenizer.read_bytes()
        write_whole(into.tokenizer, lambda path: path.write_bytes(text))
    tokens = tokenize(into, curated, recipe.tokens, data=data, pool=pool, tell=curation.tell)
    write_held_out_rows(into, held_out_text, recipe.tokens, data=data)
    notices = frozenset(intake.notices).union(*map(read_notices, curated))
    counts = sum(map(read_counts, curated), Counter(intake.counts))
    figures = count(recipe, intake, curated, tokens, sorted(notices), counts)
    write_whole_text(into.page, page_card(figures))
    write_whole_text(into.card, markdown_card(figures))
