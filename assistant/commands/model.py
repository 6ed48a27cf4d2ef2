"""``sc-attrib model``: which models there are, and getting, narrowing and describing one."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribution.commands.streams import say
from attribution.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from assistant.facts import ModelFacts
    from assistant.hub.download import RemoteModel

TYPES = ("q8_0", "q6_k", "q5_k_m", "q4_k_m", "q3_k_m", "f16", "f32")
"""As :class:`assistant.quantize.GgufType` has them, which must not be imported for ``--help``."""
_DEFAULT_TYPE = "q8_0"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _add_list(actions.add_parser)
    _add_pull(actions.add_parser)
    _add_quantize(actions.add_parser)
    _add_info(actions.add_parser)


def _add_list(add: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add("list", help="the bundled model, those that were pulled, and those that can be")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="(default: text)")
    parser.set_defaults(action=run_list)


def _add_pull(add: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add("pull", help="fetch a model from a hub; a pull that was cut short goes on where it ended")
    parser.add_argument("model", metavar="MODEL", help="a name of `model list`, or OWNER/NAME on the hub")
    parser.add_argument("--revision", metavar="REV", help="branch, tag or commit (default: main)")
    parser.add_argument(
        "--gguf", metavar="PART", help="of several GGUF files the one with this in its name, such as q8_0"
    )
    parser.add_argument(
        "--accept-license",
        metavar="ID",
        help="accept this licence without being asked, such as bigcode-openrail-m",
    )
    parser.add_argument("--endpoint", metavar="URL", help="address of the hub (default: HF_ENDPOINT)")
    parser.set_defaults(action=run_pull)


def _add_quantize(add: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add("quantize", help="write a model with fewer bits a weight, through llama.cpp")
    parser.add_argument("model", metavar="MODEL", help="GGUF file, checkpoint folder or pulled model")
    parser.add_argument(
        "--type", choices=TYPES, default=_DEFAULT_TYPE, help=f"of the weights (default: {_DEFAULT_TYPE})"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="where to write it (default: beside the model)"
    )
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="(default: all cores)")
    parser.set_defaults(action=run_quantize)


def _add_info(add: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add("info", help="what a model says of itself, and the memory that it needs")
    parser.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help="GGUF file, checkpoint folder or pulled model (default: bundled)",
    )
    parser.add_argument(
        "--context", type=_tokens, metavar="N", help="tokens (default: as it would be loaded)"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="(default: text)")
    parser.set_defaults(action=run_info)


def _tokens(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of tokens; write a whole number from 1")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Run the action."""
    code: int = args.action(args)
    return code


def run_list(args: argparse.Namespace) -> int:
    """List models; always 0."""
    from assistant.hub.listing import listed, render

    rows = listed()
    if args.format == "json":
        _print(json.dumps({"schema": 1, "models": [row.as_json() for row in rows]}, indent=2) + "\n")
    else:
        _print(render(rows))
    return 0


def run_pull(args: argparse.Namespace) -> int:
    """Fetch a model once its licence is accepted; print where it is."""
    from assistant.hub.catalogue import known_model
    from assistant.hub.download import choose_files, fetch, look_up

    known = known_model(args.model)
    repository = known.repository if known is not None else args.model
    remote = look_up(repository, revision=args.revision, endpoint=args.endpoint)
    files = choose_files(remote, gguf=args.gguf)
    _settle_license(remote, accepted=args.accept_license, endpoint=args.endpoint)
    size = sum(file.size for file in files)
    say(f"fetching {len(files)} files, {size / 1e9:.1f} GB, of {repository} at {remote.revision[:12]}")
    pulled = fetch(remote, files, endpoint=args.endpoint)
    _print(f"{pulled.path}\n")
    return 0


def _settle_license(remote: RemoteModel, *, accepted: str | None, endpoint: str | None) -> None:
    """Show the licence; unless it was accepted before or asks for nothing, have it accepted."""
    from assistant.hub.licensing import needs_acceptance, summary
    from assistant.hub.store import is_accepted, record_acceptance

    say(summary(remote))
    if not needs_acceptance(remote.license) or is_accepted(remote.repository, remote.license):
        return
    if accepted is None:
        _ask(remote, endpoint=endpoint)
    elif accepted != remote.license:
        raise UsageError(f"--accept-license {accepted}: {remote.repository} is under {remote.license}")
    record_acceptance(remote.repository, remote.license, revision=remote.revision)


def _ask(remote: RemoteModel, *, endpoint: str | None) -> None:
    """Ask a person at a terminal; anybody else has to say it in the command."""
    from assistant.hub.download import fetch_file
    from assistant.hub.errors import LicenseNotAcceptedError

    texts = [fetch_file(remote, file, endpoint=endpoint) for file in remote.license_files]
    if texts:
        say(f"its text: {', '.join(map(str, texts))}")
    if sys.stdin.isatty() and sys.stderr.isatty():
        print(f"Do you accept {remote.license}? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return
    raise LicenseNotAcceptedError(
        remote.repository,
        f"its licence {remote.license} was not accepted",
        remedy=f"read it, and pull again with --accept-license {remote.license}",
    )


def run_quantize(args: argparse.Namespace) -> int:
    """Quantise; print where the file is."""
    from assistant.facts import ModelForm, read_facts
    from assistant.fit import gib
    from assistant.models import model_path
    from assistant.quantize import GgufType, quantize

    source = model_path(args.model)
    facts = read_facts(source)
    target = args.output or _beside(source, args.type)
    if target.exists() and target.resolve() == source.resolve():
        raise UsageError(f"{target}: this is the model itself; name another file with -o")
    if facts.form is ModelForm.CHECKPOINT:
        return _export(source, target, args.type)
    _refuse_narrow(facts)
    quantize(source, target, GgufType(args.type), threads=args.threads)
    say(f"{gib(facts.weight_bytes)} of weights became a file of {gib(target.stat().st_size)}")
    _print(f"{target}\n")
    return 0


def _beside(source: Path, gguf_type: str) -> Path:
    """The file that is named by the type: in a checkpoint's folder, or beside a GGUF file."""
    if source.is_dir():
        return source / f"{source.resolve().name}.{gguf_type}.gguf"
    stem, _, last = source.stem.rpartition(".")
    return source.with_name(f"{stem if stem and last in TYPES else source.stem}.{gguf_type}.gguf")


def _export(checkpoint: Path, target: Path, gguf_type: str) -> int:
    """Have the command that exports checkpoints do it, and print the path; it is of the extra `train`."""
    from attribution.cli import run_command

    return run_command("train", "export", str(checkpoint), "--gguf", str(target), "--type", gguf_type)


def _refuse_narrow(facts: ModelFacts) -> None:
    from assistant.quantize import QuantizationError

    if facts.quantisation not in ("f32", "f16", "bf16"):
        raise QuantizationError(
            facts.path,
            f"it is {facts.quantisation} already, and what was lost by that does not come back",
            remedy="start from its f32, f16 or bf16 file",
        )


def run_info(args: argparse.Namespace) -> int:
    """Describe a model; always 0."""
    from assistant.facts import read_facts
    from assistant.info import as_json, render
    from assistant.models import ModelOptions, model_path

    facts = read_facts(model_path(args.model))
    context = args.context or ModelOptions().context_within(facts.trained_context)
    if args.format == "json":
        _print(json.dumps({"schema": 1, **as_json(facts, context_tokens=context)}, indent=2) + "\n")
    else:
        _print(render(facts, context_tokens=context))
    return 0


def _print(text: Any) -> None:
    from attribution.commands.output import write_report

    write_report(text, None)
