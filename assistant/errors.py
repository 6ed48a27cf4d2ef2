"""What can go wrong while completing code, in one tree.

    ScAttribError
    └── AssistantError
        ├── ModelUnusableError        a model file that cannot serve completions as it is
        │   └── ModelNotFoundError    there is no model at that path
        ├── PromptTooLongError        a prompt that leaves no room in the model's context
        ├── BackendError              the back end failed while it was generating
        └── LedgerUnusableError       the ledger cannot be read or written

A model that has nothing to suggest, and a suggestion that the policy withholds, are values.
"""

from __future__ import annotations

from pathlib import Path

from attribution.errors import ScAttribError


class AssistantError(ScAttribError):
    """Base of every error of the assistant."""


class ModelUnusableError(AssistantError):
    """A model file cannot serve completions as it is."""

    def __init__(self, path: Path | str, reason: str, *, remedy: str) -> None:
        self.path = path
        super().__init__(f"model {path}: {reason}; {remedy}")


class ModelNotFoundError(ModelUnusableError):
    """There is no model at that path."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            path, "there is no such file", remedy="name a GGUF file that exists, in an editor by model.path"
        )


class PromptTooLongError(AssistantError):
    """A prompt fills the model's context, so that nothing can be generated."""

    def __init__(self, *, prompt_tokens: int, context_tokens: int) -> None:
        super().__init__(
            f"the prompt has {prompt_tokens} tokens and the model's context {context_tokens}; "
            "lower completion.prefixTokens and completion.suffixTokens"
        )


class BackendError(AssistantError):
    """The back end failed while it was generating; the next request starts afresh."""


class LedgerUnusableError(AssistantError):
    """The ledger of a workspace cannot be read or written as it is."""

    def __init__(self, path: Path, reason: str, *, remedy: str) -> None:
        self.path = path
        super().__init__(f"ledger {path}: {reason}; {remedy}")
