"""The data card as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from training.data.datacard.figures import Amount, Figures

_MOST_ROWS = 40


def markdown_card(figures: Figures) -> str:
    """Write the card; sections as in Datasheets and the cards of The Stack."""
    return "\n".join(_lines(figures)).rstrip() + "\n"


def _lines(figures: Figures) -> Iterable[str]:
    recipe, intake, kept = figures.recipe, figures.intake, figures.kept
    yield f"# Data card: {recipe.name}"
    yield f"\n{recipe.summary}.\n"
    yield from table(("", "files", "MB"), [
        ("read from the sources", f"{intake.files:,}", megabytes(intake.bytes)),
        ("kept", f"{kept.files:,}", megabytes(kept.bytes)),
    ])  # fmt: skip
    yield f"\n{figures.tokens:,} tokens from {figures.repositories:,} origins.\n"
    for notice in figures.notices:
        yield f"- {notice}"
    yield "\n## What each stage dropped, and why\n"
    yield from table(("stage", "reason", "files", "MB", "of what was read"), stage_rows(figures))
    if intake.skipped:
        yield "\n## What the sources left out before\n"
        yield from table(("reason", "files"), [(r, f"{n:,}") for r, n in largest(intake.skipped)])
    kinds = figures.kinds()
    if len(kinds) > 1:
        yield "\n## Kinds of text\n"
        yield from table(_SHARE_HEADS, share_rows(kinds, figures.kind_tokens()))
    yield "\n## Languages\n"
    yield from table(_SHARE_HEADS, share_rows(figures.languages, figures.language_tokens))
    yield "\n## Licences\n"
    yield from table(_SHARE_HEADS, share_rows(figures.licenses, figures.license_tokens))
    if figures.redactions:
        yield "\n## Redacted\n"
        yield from table(("what", "places"), [(k, f"{n:,}") for k, n in largest(figures.redactions)])
    yield "\n## Samples\n"
    yield "Kept:\n"
    yield from (f"- `{swhid}`" for swhid in figures.samples)
    for reason, swhids in sorted(figures.dropped_samples.items()):
        yield f"\nDropped, {reason}:\n"
        yield from (f"- `{swhid}`" for swhid in swhids)


_SHARE_HEADS = ("", "files", "MB", "tokens")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    """Lines of a table; all columns but the first align right where they hold figures."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join(' --- ' if head in ('', 'stage', 'reason', 'what') else ' ---: ' for head in heads)}|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def stage_rows(figures: Figures) -> list[tuple[str, str, str, str, str]]:
    """A row a stage and reason; a stage that dropped nothing says so."""
    rows = []
    for stage, reasons in figures.stages.items():
        for reason, amount in sorted(reasons.items(), key=lambda item: -item[1].files):
            share = amount.files / max(1, figures.intake.files)
            rows.append((stage, reason, f"{amount.files:,}", megabytes(amount.bytes), f"{share:.1%}"))
        if not reasons:
            rows.append((stage, "nothing", "0", "0.0", "0.0%"))
    return rows


def share_rows(amounts: Mapping[str, Amount], tokens: Mapping[str, int]) -> list[tuple[str, str, str, str]]:
    """A row each, most bytes first; the small ones together where there are very many."""
    ordered = sorted(amounts.items(), key=lambda item: (-item[1].bytes, item[0]))
    rest = ordered[_MOST_ROWS:]
    rows = [
        (name, f"{amount.files:,}", megabytes(amount.bytes), f"{tokens.get(name, 0):,}")
        for name, amount in ordered[:_MOST_ROWS]
    ]
    if rest:
        files, size = sum(a.files for _, a in rest), sum(a.bytes for _, a in rest)
        counted = sum(tokens.get(name, 0) for name, _ in rest)
        rows.append((f"{len(rest):,} others", f"{files:,}", megabytes(size), f"{counted:,}"))
    return rows


def largest(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Most first, then by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def megabytes(size: int) -> str:
    """A size in millions of bytes."""
    return f"{size / 1e6:,.1f}"
