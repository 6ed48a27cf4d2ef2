"""What a service is started with: where it listens, and how much it takes on."""

from __future__ import annotations

from dataclasses import dataclass

from attribution.remote.address import is_loopback

API = 1
"""Version of the paths under ``/v1/``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one request, one client and all of them together may ask for."""

    body_bytes: int = 4 << 20
    body_s: float = 15.0
    """Time to send a body."""
    request_s: float = 30.0
    """Time to send a whole request, its head included, before the connection is closed."""
    answer_s: float = 30.0
    """Time that may be spent on an answer, waiting for a free worker included."""
    idle_s: int = 15
    """Time that a connection stays open without a request."""
    connections: int = 512
    head_bytes: int = 16 << 10
    workers: int = 4
    """Threads that answer; what they call lets the others run."""
    waiting: int = 128
    """Requests that may wait for a worker."""
    rate_per_s: float = 0.0
    """Requests a second that one client may make, in the long run; 0 for as many as it likes."""

    @property
    def burst(self) -> float:
        """Requests that a client may make at once after a pause."""
        return max(1.0, 4 * self.rate_per_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Where a service listens."""

    host: str
    port: int

    @property
    def is_public(self) -> bool:
        """Whether others than this machine can reach it."""
        return not is_loopback(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
