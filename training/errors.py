"""What can go wrong while a model is trained, in one tree.

    ScAttribError
    └── TrainingError                 a clear sentence for the user; exit code 2
        ├── UnknownRecipeError        no recipe has that name
        ├── UnknownPresetError        no model shape has that name
        ├── EmptyCorpusError          no file passed the selection
        ├── CorpusUnfitError          ids or rows of a curated corpus are not those of the recipe
        ├── OptedOutError             a prepared run holds what must not be learned from any more
        ├── TokenizerError            a tokenizer that cannot be used for this model
        ├── ShardCorruptError         bytes of a shard are not the bytes that were written
        ├── CheckpointError           a checkpoint that cannot be used
        │   ├── CheckpointMismatchError   it belongs to another run: shape, corpus, tokenizer, updates
        │   ├── CheckpointDamagedError    its files are not those that were written
        │   └── CheckpointWriteError      it could not be saved; the one before it is intact
        ├── BaseModelError            a model that cannot be tuned further
        ├── AdapterError              an adapter that is not one of that model
        ├── CurationError             a curation that cannot be begun or finished
        │   ├── CurationMismatchError     the folder was begun with another configuration
        │   ├── CurationWriteError        the disk refuses; what is finished stays
        │   ├── EventsWriteError          events of issues cannot be brought together on disk
        │   ├── CurationDamagedError      a file of the run is not what was written
        │   └── WorkerKilledError         a process of it died
        ├── DivergedError             the loss is no longer a number
        ├── OutOfMemoryError          a model, or an update of it, does not fit into memory
        ├── UnevenBatchError          processes cannot share the rows of an update evenly
        ├── ExecutionError            a choice that this machine or model cannot compute with
        ├── ScannerUnusableError      clamd does not answer, and the run must not go on without it
        ├── EvaluationError           a figure that cannot be measured here
        ├── SandboxUnusableError      generated programs cannot be run safely here
        └── ExportError               a model that cannot be written as GGUF

Every message says what happened, where, and how to mend it.
"""

from __future__ import annotations

from pathlib import Path

from attribution.errors import ScAttribError


class TrainingError(ScAttribError):
    """Base of what can go wrong in training."""


class UnknownRecipeError(TrainingError):
    """No recipe has that name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no recipe '{name}'; choose one of: {', '.join(known)}")


class UnknownPresetError(TrainingError):
    """No model shape has that name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no preset '{name}'; choose one of: {', '.join(known)}")


class EmptyCorpusError(TrainingError):
    """No file passed the selection."""

    def __init__(self, split: str, dropped: dict[str, int]) -> None:
        reasons = (
            ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items())) or "no file came"
        )
        super().__init__(f"no file is left for the {split} split ({reasons}); name other sources")


class CorpusUnfitError(TrainingError):
    """Ids or rows of a curated corpus are not those of the recipe."""

    def __init__(self, folder: Path, has: str, found: int, wanted: int, option: str) -> None:
        super().__init__(
            f"{folder}: {has.format(found)} and the recipe wants {wanted:,}; "
            f"curate into another folder with {option} {wanted}, or choose another recipe"
        )


class OptedOutError(TrainingError):
    """A prepared run holds, or may hold, files whose owners have opted out since."""

    def __init__(self, files: Path, reason: str, *, remedy: str = "") -> None:
        remedy = remedy or f"start in another folder, or delete {files.parent} and start again"
        super().__init__(f"{files}: {reason}; {remedy}")


class TokenizerError(TrainingError):
    """A tokenizer that cannot be used for this model."""

    def __init__(self, path: Path | str, reason: str, *, remedy: str) -> None:
        super().__init__(f"tokenizer {path}: {reason}; {remedy}")
        self.reason = reason


class ShardCorruptError(TrainingError):
    """Bytes of a shard are not the bytes that were written."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"shard {path}: {reason}; delete the folder {Path(path).parent} and start again")
        self.damage = f"{Path(path).name}: {reason}"


class CheckpointError(TrainingError):
    """A checkpoint that cannot be used."""


class CheckpointMismatchError(CheckpointError):
    """A checkpoint that belongs to another shape, tokenizer, corpus or way of updating."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(
            f"checkpoint {path}: {reason}; start in another folder, or go back to what it was made with"
        )


class CheckpointDamagedError(CheckpointError):
    """Files of a checkpoint are not those that were written."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(
            f"checkpoint {path}: {reason}; delete that folder and run the same command again: "
            "it goes on from the checkpoint before, or from the start"
        )


class CheckpointWriteError(CheckpointError):
    """A checkpoint could not be saved; the one before it is intact."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(
            f"checkpoint {path} could not be saved ({reason}); the previous one is intact, "
            "make room and run the same command again to resume"
        )


class BaseModelError(TrainingError):
    """A model that cannot be tuned further."""

    def __init__(self, path: Path | str, reason: str, *, remedy: str) -> None:
        super().__init__(f"base {path}: {reason}; {remedy}")


class AdapterError(TrainingError):
    """An adapter that is not one of the model at hand."""

    def __init__(self, path: Path | str, reason: str, *, remedy: str) -> None:
        super().__init__(f"adapter {path}: {reason}; {remedy}")


class CurationError(TrainingError):
    """A curation that cannot be begun or finished."""


class CurationMismatchError(CurationError):
    """The folder was begun with another configuration."""

    def __init__(self, folder: Path, difference: str) -> None:
        super().__init__(
            f"{folder}: it was begun with another configuration ({difference}); only how tokens are made "
            "may change in a folder, so name another one, or delete this one"
        )


class CurationWriteError(CurationError):
    """The disk refuses; what is finished stays."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            f"{folder}: a file of the curation cannot be written ({error.strerror or error}); "
            "make room and run the same command again, it goes on where it stopped"
        )


class EventsWriteError(CurationError):
    """Events of issues cannot be brought together on disk."""

    def __init__(self, folder: Path, error: Exception) -> None:
        super().__init__(
            f"{folder}: events of issues cannot be brought together there ({error}); "
            "make room and run the same command again"
        )


class CurationDamagedError(CurationError):
    """A file of the run is not what was written."""

    def __init__(self, folder: Path, error: Exception | str) -> None:
        reason = " ".join(str(error).split()).rstrip(".")
        super().__init__(
            f"{folder}: a file of the curation is damaged ({reason}); delete the folder and start again"
        )


class WorkerKilledError(CurationError):
    """A process died without a word; most often the system was out of memory."""

    def __init__(self, processes: int) -> None:
        super().__init__(
            f"one of {processes} processes was killed, perhaps for want of memory; run the same command "
            "again, with fewer --processes if it happens again: it goes on where it stopped"
        )


class DivergedError(TrainingError):
    """The loss is no longer a number."""

    def __init__(self, *, update: int, rows: tuple[int, int], kept: Path | None) -> None:
        """``update`` counts from 1, as in ``metrics.csv``; ``rows`` are the first and the last it read."""
        left = f"the last good checkpoint is {kept}" if kept else "no checkpoint was made yet"
        super().__init__(
            f"the loss stopped being a number at update {update}, rows {rows[0]} to {rows[1]} of the data "
            f"order; {left}; a run keeps its learning rates: begin another with lower ones, in another folder"
        )


class OutOfMemoryError(TrainingError):
    """A model, or an update of it, does not fit into memory."""

    @classmethod
    def of_model(cls) -> OutOfMemoryError:
        """Outside of updates, where it is no matter of rows."""
        return cls(
            "memory did not suffice for the model and what belongs to its training; choose a smaller model, "
            "or several processes (torchrun) to cut it among; tuning takes least with --method qlora-4bit"
        )

    @classmethod
    def of_update(cls, *, update: int, rows: int, row_tokens: int) -> OutOfMemoryError:
        """In an update, counted from 1, or in what is measured after it."""
        lower = (
            f"--micro-batch-rows {rows // 2} (which gives the same updates)" if rows > 1 else "--recompute"
        )
        return cls(
            f"memory did not suffice at update {update} for {rows} rows of {row_tokens:,} tokens at a time; "
            f"run it again with {lower}, or with a smaller model: it goes on from the last checkpoint"
        )


class UnevenBatchError(TrainingError):
    """Processes cannot share the rows of an update evenly."""

    def __init__(self, *, rows: int, processes: int) -> None:
        super().__init__(
            f"{rows} rows of an update cannot be shared evenly by {processes} processes; "
            f"start a number of processes that divides {rows}"
        )


class ExecutionError(TrainingError):
    """A choice that this machine or model cannot compute with."""

    def __init__(self, reason: str, option: str) -> None:
        super().__init__(f"{reason}; leave out {option}")


class ExportError(TrainingError):
    """A model that cannot be written as GGUF."""

    def __init__(self, path: Path | str, reason: str, *, remedy: str) -> None:
        super().__init__(f"{path}: {reason}; {remedy}")
        self.reason, self.remedy = reason, remedy


class ScannerUnusableError(TrainingError):
    """The scanner for malware does not answer, and the run must not go on without it."""

    def __init__(self, address: str, reason: str, *, remedy: str) -> None:
        super().__init__(
            f"clamd does not answer at {address} ({reason}); {remedy}, then run it again to resume"
        )


class EvaluationError(TrainingError):
    """A figure that cannot be measured here; the message names what to change."""


class SandboxUnusableError(TrainingError):
    """Generated programs cannot be run safely here, so they are not run."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"generated programs are run in a sandbox or not at all: {reason}; "
            "install the packages bubblewrap and util-linux of your system, and allow user namespaces"
        )
