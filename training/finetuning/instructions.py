"""Instructions from JSON lines: read, held out, indexed, packed with a second row that marks the answers."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from attribution.errors import UnreadableInputError
from attribution.index.builder import build_index
from attribution.index.opt_outs import OptOuts
from attribution.model import Origin, SourceFile
from training.data.consent import write_obeyed
from training.data.pii.stage import RedactPersonalData
from training.data.shards import IGNORED, Batch, PackedRows, write_shards
from training.data.stage import Document
from training.errors import EmptyCorpusError, ShardCorruptError
from training.finetuning.dialogue import Dialogue, Message, Role, Tokens, tokenize
from training.finetuning.layout import TuningLayout
from training.finetuning.recipe import TuningRecipe
from training.tokenizer import control_ids, fingerprint

TOO_LONG = "longer than a row"
OPTED_OUT = "opted out"
DUPLICATE = "same as another"


def read_dialogues(path: Path) -> list[Dialogue]:
    """Read JSON lines, each with ``instruction`` (perhaps ``input``) and ``output``, or with ``messages``.

    Raises :class:`UnreadableInputError`, which names the first line that is neither.
    """
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UnreadableInputError(
            path, f"cannot be read ({reason})", remedy="name a file of JSON lines"
        ) from error
    dialogues = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                dialogues.append(Dialogue(messages=_messages(json.loads(line)), place=f"{path}:{number}"))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise UnreadableInputError(
                    f"{path}:{number}",
                    f"is no instruction with an answer ({_reason(error)})",
                    remedy="give each line 'instruction' and 'output', or 'messages' that end with an answer",
                ) from error
    return dialogues


def _reason(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())[:200]


def _messages(entry: Any) -> tuple[Message, ...]:
    """The turns of one line; raise ValueError, KeyError or TypeError."""
    if not isinstance(entry, dict):
        raise TypeError("it is no object")
    if "messages" in entry:
        messages = tuple(
            Message(role=Role(m["role"]), content=_text(m["content"])) for m in entry["messages"]
        )
    else:
        extra = _text(entry["input"]) if entry.get("input") else ""
        question = "\n\n".join(part for part in (_text(entry["instruction"]), extra) if part)
        messages = (
            Message(role=Role.USER, content=question),
            Message(role=Role.ASSISTANT, content=_text(entry["output"])),
        )
    if not messages or messages[-1].role is not Role.ASSISTANT:
        raise ValueError("nobody answers at its end")
    if not all(message.content.strip() for message in messages):
        raise ValueError("a part of it is empty")
    return messages


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    value.encode("utf-8")  # half a surrogate pair is no text
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenDialogues:
    """What is learned, what is measured on, and how many are neither, by reason."""

    learned: tuple[tuple[Dialogue, Tokens], ...]
    held_out: tuple[tuple[Dialogue, Tokens], ...]
    dropped: dict[str, int]


def choose_dialogues(
    dialogues: Sequence[Dialogue],
    tokenizer: Tokenizer,
    recipe: TuningRecipe,
    *,
    held_out_share: float,
    opt_outs: frozenset[str],
) -> ChosenDialogues:
    """Take each once, redact, tokenise and hold out at random; raises :class:`EmptyCorpusError`."""
    dropped: Counter[str] = Counter()
    end, covered = control_ids(tokenizer).end_of_text, OptOuts.of(opt_outs)
    kept: list[tuple[Dialogue, Tokens]] = []
    for dialogue in _each_once(dialogues, dropped):
        tokens = tokenize(_redacted(dialogue), tokenizer, end_of_text=end)
        if any(covered.cover(file, file.swhid.digest) for file in _files(dialogue)):
            dropped[OPTED_OUT] += 1
        elif len(tokens.ids) > recipe.row_tokens:
            dropped[TOO_LONG] += 1
        else:
            kept.append((dialogue, tokens))
    order = np.random.default_rng(recipe.seed).permutation(len(kept))
    count = max(1, round(held_out_share * len(kept)))
    held_out = tuple(kept[number] for number in order[:count])
    learned = tuple(kept[number] for number in sorted(order[count:]))
    for split, some in (("training", learned), ("held-out", held_out)):
        if not some:
            raise EmptyCorpusError(split, dict(dropped))
    return ChosenDialogues(learned=learned, held_out=held_out, dropped=dict(dropped))


def _each_once(dialogues: Iterable[Dialogue], dropped: Counter[str]) -> Iterator[Dialogue]:
    """What is said twice could be learned and measured on."""
    seen: set[tuple[Message, ...]] = set()
    for dialogue in dialogues:
        if dialogue.messages in seen:
            dropped[DUPLICATE] += 1
        else:
            seen.add(dialogue.messages)
            yield dialogue


def write_data(
    layout: TuningLayout,
    chosen: ChosenDialogues,
    tokenizer: Tokenizer,
    recipe: TuningRecipe,
    *,
    data: str,
    opt_outs: frozenset[str],
) -> None:
    """Write the index of all answers that are learned, and rows; raises what building an index raises."""
    layout.root.mkdir(parents=True, exist_ok=True)
    files = [file for dialogue, _ in chosen.learned for file in _files(dialogue)]
    _write_list(layout.files, files)
    write_obeyed(layout.opt_outs, opt_outs)
    build_index(layout.index, files, opt_outs=opt_outs)
    pad = control_ids(tokenizer).fim_pad
    for rows, marks, some in (
        (layout.train, layout.answers, chosen.learned),
        (layout.held_out, layout.held_out_answers, chosen.held_out),
    ):
        answers, ids = [t.is_answer for _, t in some], [t.ids for _, t in some]
        _write_rows(marks, answers, recipe, pad=0, tokenizer=tokenizer, data=data)
        _write_rows(rows, ids, recipe, pad=pad, tokenizer=tokenizer, data=data)


def _write_rows(
    folder: Path,
    documents: list[list[int]],
    recipe: TuningRecipe,
    *,
    pad: int,
    tokenizer: Tokenizer,
    data: str,
) -> None:
    """Rows of tokens, or of their marks: packing looks at lengths alone, so both come out alike."""
    name = fingerprint(tokenizer)
    write_shards(folder, documents, row_tokens=recipe.row_tokens, pad_id=pad, tokenizer=name, data=data)


def _files(dialogue: Dialogue) -> list[SourceFile]:
    """Each answer as a file, so that the index finds it and opt-outs can name it."""
    path, _, number = dialogue.place.rpartition(":")
    url = Path(path).absolute().as_uri()
    return [
        SourceFile(content=answer.encode(), origin=Origin(url=url, path=f"line-{number}/answer-{at}"))
        for at, answer in enumerate(dialogue.answers, 1)
    ]


def _redacted(dialogue: Dialogue) -> list[Message]:
    redact = RedactPersonalData()
    messages = []
    for message in dialogue.messages:
        file = SourceFile(content=b"", origin=Origin(url="urn:dialogue", path="message"))
        judged = redact([Document(file=file, text=message.content, language="Text")])
        messages.append(Message(role=message.role, content=judged.kept[0].text))
    return messages


def _write_list(path: Path, files: Sequence[SourceFile]) -> None:
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as stream:
        writer = csv.writer(stream)
        writer.writerow(["split", "swhid", "package", "url", "path", "license", "bytes"])
        for file in files:
            origin = file.origin
            known = (file.swhid, "", origin.url, origin.path, origin.license.expression)
            writer.writerow(["train", *known, len(file.content)])


class AnsweredRows(PackedRows):
    """Rows of dialogues: only tokens of answers are targets."""

    def __init__(self, directory: Path, marks: Path, *, tokenizer: str) -> None:
        """Map both splits and verify their checksums; raises as :class:`PackedRows` does."""
        super().__init__(directory, tokenizer=tokenizer)
        self._marks = PackedRows(marks, tokenizer=tokenizer)
        if (len(self._marks), self._marks.manifest.data) != (len(self), self.manifest.data):
            raise ShardCorruptError(marks / "manifest.json", "it is not that of the rows beside it")

    def batch(self, rows: NDArray[np.int64]) -> Batch:
        """Gather rows by number."""
        batch, marks = super().batch(rows), self._marks.batch(rows).ids
        is_learned = np.zeros_like(marks, dtype=np.bool_)
        is_learned[:, :-1] = marks[:, 1:] == 1
        return Batch(
            ids=batch.ids,
            positions=batch.positions,
            documents=batch.documents,
            targets=np.where(is_learned, batch.targets, IGNORED),
        )
