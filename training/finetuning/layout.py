"""Where things lie in the folder of a tuning run."""

from __future__ import annotations

from pathlib import Path

from training.data.prepare import RunLayout


class TuningLayout(RunLayout):
    """Paths below one root: those of a pretraining run, and a few of its own."""

    __slots__ = ()

    @property
    def configuration(self) -> Path:
        """What the run was begun with."""
        return self.root / "tuning.json"

    @property
    def report(self) -> Path:
        """What was read, left out, redacted and held out; written when the data are ready."""
        return self.root / "data.json"

    @property
    def foreign(self) -> Path:
        """Every file under another licence than its repository's: SWHID, URL, path, licence."""
        return self.root / "foreign.csv"

    @property
    def imported(self) -> Path:
        """The base, where it was a GGUF file."""
        return self.root / "base"

    @property
    def answers(self) -> Path:
        """Beside the rows of dialogues: which of their tokens are answers."""
        return self.root / "shards" / "answers"

    @property
    def held_out_answers(self) -> Path:
        """The same for the held-out rows."""
        return self.root / "shards" / "held-out-answers"

    @property
    def adapter(self) -> Path:
        """The trained adapter as PEFT loads it; there is none after full tuning."""
        return self.root / "adapter"

    @property
    def merged(self) -> Path:
        """The tuned model as transformers loads it."""
        return self.root / "merged"

    @property
    def gguf(self) -> Path:
        """The tuned model as llama.cpp serves it."""
        return self.root / "model.gguf"
