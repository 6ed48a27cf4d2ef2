"""An evaluation as Markdown tables, with a plot beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from training.evaluation.results import (
    Evaluation,
    GapResult,
    GeneratedResult,
    NgramGap,
    NgramResult,
    ProblemsResult,
)

_GAPS = {
    "line": "rest of a line",
    "repository": "the same, repository in sight",
    "lines": "whole lines",
    "span": "random span",
}


def write_report(evaluation: Evaluation, path: Path) -> None:
    """Write the tables to a file and the plot beside it, as PNG; raise OSError where that fails."""
    plot = path.with_suffix(".png")
    path.write_text(f"{markdown(evaluation, plot=plot.name)}\n", encoding="utf-8")
    _plot(evaluation, plot)


def markdown(evaluation: Evaluation, *, plot: str | None = None) -> str:
    """All figures as tables; ``plot`` is the picture to show below them."""
    sections = [f"# {evaluation['model']}, {evaluation['bytes'] / 1e6:.1f} MB", *tables(evaluation)]
    if plot is not None:
        sections.append(f"![exact match by kind of gap]({plot})")
    return "\n\n".join(sections)


def tables(evaluation: Evaluation, *, heading: str = "##") -> Iterator[str]:
    """A table for each thing that was measured, under headings that begin with ``heading``."""
    yield f"Intervals are 95%, by bootstrap.\n\n{heading} Prompt order\n\n" + _orders(evaluation)
    if "gaps" in evaluation:
        yield f"{heading} Gaps in held-out files, {evaluation['order'].upper()}\n\n" + _gaps(evaluation)
    if "bits_per_byte" in evaluation:
        yield f"{heading} Held-out text\n\n" + _bits(evaluation)
    if "ngrams" in evaluation:
        yield _ngrams_note(evaluation["ngrams"])
    if "problems" in evaluation:
        yield f"{heading} Programming problems\n\n" + _problems(evaluation["problems"])
    if "generated" in evaluation:
        yield f"{heading} What it gives away\n\n" + _generated(evaluation["generated"])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _range(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.1%} to {interval[1]:.1%}"


def _orders(evaluation: Evaluation) -> str:
    rows = [
        (order.upper(), f"{r['exact_match']:.1%}", _range(r["interval"]), f"{r['seconds_per_task']:.2f} s")
        for order, r in evaluation["orders"].items()
    ]
    return _table(("order", "exact match", "interval", "time a line"), rows)


def _gaps(evaluation: Evaluation) -> str:
    head = ("gap", "by", "n", "exact match", "interval", "edit similarity", "valid syntax")
    rows = []
    ngrams = evaluation["ngrams"]["gaps"] if "ngrams" in evaluation else {}
    for name, label in _GAPS.items():
        if name in evaluation.get("gaps", {}):
            gap = evaluation["gaps"][name]
            valid = "–" if gap["valid_syntax"] is None else f"{gap['valid_syntax']:.1%}"
            rows.append((label, "model", *_filled(gap), valid))
        if name in ngrams:
            rows.append((label, "5-grams", *_filled(ngrams[name]), "–"))
    return _table(head, rows)


def _filled(gap: GapResult | NgramGap) -> tuple[str, ...]:
    exact = _exact(gap["exact_match"], gap["interval"])
    return (f"{gap['tasks']}", *exact, f"{gap['edit_similarity']:.3f}")


def _exact(rate: float, interval: tuple[float, float]) -> tuple[str, str]:
    return f"{rate:.1%}", _range(interval)


def _bits(evaluation: Evaluation) -> str:
    rows = [("model", f"{evaluation['bits_per_byte']:.3f}")]
    if "ngrams" in evaluation:
        rows.append(("5-grams with cache", f"{evaluation['ngrams']['bits_per_byte']:.3f}"))
    return _table(("", "bits per byte"), rows)


def _ngrams_note(ngrams: NgramResult) -> str:
    ahead = "; ".join(
        f"{_GAPS[name]}: the model is ahead by {gap['model_ahead'] * 100:+.1f} points "
        f"({gap['model_ahead_interval'][0] * 100:+.1f} to {gap['model_ahead_interval'][1] * 100:+.1f})"
        for name, gap in ngrams["gaps"].items()
    )
    return (
        f"The 5-grams were counted on {ngrams['tokens']:,} tokens (discount {ngrams['discount']}, of the "
        f"cache {ngrams['cache_discount']}; weight of the cache {ngrams['cache_share']}, tuned). {ahead}."
    )


def _problems(results: dict[str, ProblemsResult]) -> str:
    rows = [
        (
            name,
            f"{result['problems']}",
            f"{result['samples']} at {result['temperature']}",
            measure,
            *_exact(rate["rate"], rate["interval"]),
        )
        for name, result in results.items()
        for measure, rate in result["pass_at"].items()
    ]
    return _table(("set", "problems", "samples", "measure", "rate", "interval"), rows)


def _generated(result: GeneratedResult) -> str:
    rows = [
        (
            "texts with personal data or keys",
            *_exact(result["leaking"]["rate"], result["leaking"]["interval"]),
        )
    ]
    if "texts_traced" in result:
        traced = result["texts_traced"]
        rows += [
            ("texts that the index traces in part", *_exact(traced["rate"], traced["interval"])),
            ("bytes that the index traces", f"{result['traced']:.1%}", "–"),
            ("the same of what the authors wrote there", f"{result['traced_of_author']:.1%}", "–"),
        ]
    return _table((f"of {result['texts']} texts written freely", "share", "interval"), rows)


def _plot(evaluation: Evaluation, path: Path) -> None:
    """Exact match with intervals, a bar for each gap and model."""
    from matplotlib.figure import Figure

    gaps = [name for name in _GAPS if name in evaluation.get("gaps", {})]
    bars: list[tuple[str, GapResult | NgramGap, str]]
    bars = [(_GAPS[n], evaluation["gaps"][n], "tab:blue") for n in gaps]
    if "ngrams" in evaluation:
        ngrams = evaluation["ngrams"]["gaps"]
        bars += [(f"{_GAPS[n]}, 5-grams", ngrams[n], "tab:gray") for n in gaps if n in ngrams]
    figure = Figure(figsize=(8, 0.5 * len(bars) + 1.2), layout="constrained")
    axes = figure.subplots()
    for place, (_, gap, colour) in enumerate(bars):
        rate, (low, high) = gap["exact_match"] * 100, gap["interval"]
        error = [[max(0.0, rate - low * 100)], [max(0.0, high * 100 - rate)]]
        axes.barh(place, rate, xerr=error, color=colour, alpha=0.8, capsize=3)
    axes.set_yticks(range(len(bars)), [label for label, _, _ in bars])
    axes.invert_yaxis()
    axes.set(xlabel="exact match, %", title=evaluation["model"])
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(path, dpi=110)
