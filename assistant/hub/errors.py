"""What can go wrong with models from a hub; all of it is a :class:`HubError`, a sentence for the user."""

from __future__ import annotations

from assistant.errors import AssistantError


class HubError(AssistantError):
    """A model could not be brought from a hub."""

    def __init__(self, model: str, reason: str, *, remedy: str) -> None:
        self.model = model
        super().__init__(f"model {model}: {reason}; {remedy}")


class LicenseNotAcceptedError(HubError):
    """The licence of a model was not accepted yet."""
