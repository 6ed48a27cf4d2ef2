"""Where an index lies: in a folder, or behind a service at an address of the web."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

_SCHEMES = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexAddress:
    """The address of a service that answers for an index."""

    scheme: str
    host: str
    port: int
    prefix: str = ""
    """Path below which the service answers, without a slash at its end."""

    @classmethod
    def parse(cls, text: str) -> IndexAddress:
        """Read an ``http(s)://`` URL; raise :class:`ValueError` with a sentence for any other."""
        from urllib.parse import urlsplit

        parts = urlsplit(text)
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise ValueError(f"{text} is not the address of a service, such as https://index.example.org")
        if parts.username is not None or parts.password is not None:
            raise ValueError(
                f"{parts.hostname}: a token does not belong into an address, where others may read it; "
                "set SC_ATTRIB_TOKEN, or name a file that holds it in SC_ATTRIB_TOKEN_FILE"
            )
        if parts.query or parts.fragment:
            raise ValueError(f"{text}: the address of a service has no ? and no #")
        port = parts.port or _SCHEMES[parts.scheme]
        return cls(scheme=parts.scheme, host=parts.hostname, port=port, prefix=parts.path.rstrip("/"))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _SCHEMES[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.prefix}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine, as far as its name tells."""
        return is_loopback(self.host)


IndexPlace = Path | IndexAddress
"""What ``--index`` names."""


def index_place(text: str) -> IndexPlace:
    """What an option or a setting names: an address where it starts like one, otherwise a folder.

    Raises :class:`argparse.ArgumentTypeError`, whose text is a sentence.
    """
    if not is_address(text):
        return Path(text)
    try:
        return IndexAddress.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def is_address(text: str) -> bool:
    """Whether a text starts like the address of a service."""
    return text.lower().startswith(tuple(f"{scheme}://" for scheme in _SCHEMES))


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, as far as its name or number tells.

    >>> is_loopback("localhost"), is_loopback("127.0.0.2"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    from ipaddress import ip_address

    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
