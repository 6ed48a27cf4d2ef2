"""The data card as one page that needs nothing else: tables, and a chart of what each stage dropped."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape

from training.data.datacard.figures import Figures
from training.data.datacard.markdown import largest, megabytes, share_rows, stage_rows

_STYLE = """
:root { color-scheme: light dark; --line: #8885; --kept: #2a7; --dropped: #c53; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .75rem; text-align: left; }
td.number, th.number { font-variant-numeric: tabular-nums; text-align: right; }
svg { height: auto; max-width: 100%; }
svg text { fill: currentColor; font: 13px system-ui, sans-serif; }
.kept { fill: var(--kept); } .dropped { fill: var(--dropped); }
code { overflow-wrap: anywhere; }
"""
_LABEL, _BAR, _NUMBER, _HEIGHT = 170, 560, 190, 26


def page_card(figures: Figures) -> str:
    """Write the page; nothing of it comes from the network, and no script runs."""
    digest = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'"
    title = f"Data card: {figures.recipe.name}"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<link rel="icon" href="data:,">\n<style>{_STYLE}</style>\n</head>\n'
        f"<body>\n<main>\n<h1>{escape(title)}</h1>\n{''.join(_sections(figures))}</main>\n</body>\n</html>\n"
    )


def _sections(figures: Figures) -> Iterable[str]:
    intake, kept = figures.intake, figures.kept
    yield f"<p>{escape(figures.recipe.summary)}.</p>\n"
    yield (
        f"<p>Of {intake.files:,} files ({megabytes(intake.bytes)} MB) {kept.files:,} are kept "
        f"({megabytes(kept.bytes)} MB, {figures.tokens:,} tokens), from {figures.repositories:,} "
        "origins.</p>\n"
    )
    yield "".join(f"<p>{escape(notice)}</p>\n" for notice in figures.notices)
    yield f"<h2>What each stage dropped, and why</h2>\n{stage_chart(figures)}"
    yield _table(("stage", "reason", "files", "MB", "of what was read"), stage_rows(figures), texts=2)
    if figures.intake.skipped:
        yield "<h2>What the sources left out before</h2>\n"
        yield _table(("reason", "files"), [(r, f"{n:,}") for r, n in largest(figures.intake.skipped)])
    for title, amounts, tokens in (
        ("Kinds of text", figures.kinds(), figures.kind_tokens()),
        ("Languages", figures.languages, figures.language_tokens),
        ("Licences", figures.licenses, figures.license_tokens),
    ):
        yield f"<h2>{title}</h2>\n{_table(('', 'files', 'MB', 'tokens'), share_rows(amounts, tokens))}"
    if figures.redactions:
        yield "<h2>Redacted</h2>\n"
        yield _table(("what", "places"), [(k, f"{n:,}") for k, n in largest(figures.redactions)])
    yield "<h2>Samples</h2>\n<p>Kept:</p>\n" + _swhids(figures.samples)
    for reason, swhids in sorted(figures.dropped_samples.items()):
        yield f"<p>Dropped, {escape(reason)}:</p>\n{_swhids(swhids)}"


def stage_chart(figures: Figures) -> str:
    """A bar a stage, of all files that were read: what came through, and what was dropped there."""
    left, total = figures.intake.files, max(1, figures.intake.files)
    bars = []
    for number, (stage, reasons) in enumerate(figures.stages.items()):
        dropped = sum(amount.files for amount in reasons.values())
        left -= dropped
        bars.append(_bar(number, stage, left, dropped, total))
    width, height = _LABEL + _BAR + _NUMBER, _HEIGHT * len(bars)
    return (
        f'<svg role="img" aria-label="Files left and dropped after each stage" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}">\n{"".join(bars)}</svg>\n'
    )


def _bar(number: int, stage: str, left: int, dropped: int, total: int) -> str:
    top, kept_width, dropped_width = number * _HEIGHT, _BAR * left / total, _BAR * dropped / total
    words = f"{left:,} left" + (f", {dropped:,} dropped" if dropped else "")
    baseline = top + _HEIGHT - 8
    return (
        f'<text x="{_LABEL - 8}" y="{baseline}" text-anchor="end">{escape(stage)}</text>'
        f'<rect class="kept" x="{_LABEL}" y="{top + 3}" width="{kept_width:.1f}" height="{_HEIGHT - 6}"/>'
        f'<rect class="dropped" x="{_LABEL + kept_width:.1f}" y="{top + 3}" width="{dropped_width:.1f}" '
        f'height="{_HEIGHT - 6}"/>'
        f'<text x="{_LABEL + kept_width + dropped_width + 8:.1f}" y="{baseline}">{words}</text>\n'
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 1) -> str:
    """A table whose first columns are words and the others figures."""
    head = "".join(f"<th{_kind(at, texts)}>{escape(text)}</th>" for at, text in enumerate(heads))
    lines = (
        "".join(f"<td{_kind(at, texts)}>{escape(cell)}</td>" for at, cell in enumerate(row)) for row in rows
    )
    body = "".join(f"<tr>{line}</tr>\n" for line in lines)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"


def _kind(at: int, texts: int) -> str:
    return "" if at < texts else ' class="number"'


def _swhids(swhids: Iterable[str]) -> str:
    items = "".join(f"<li><code>{escape(swhid)}</code></li>\n" for swhid in swhids)
    return f"<ul>\n{items}</ul>\n"
