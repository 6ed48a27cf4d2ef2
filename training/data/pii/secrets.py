"""Keys and passwords: known shapes, what telling names hold, private keys, users of URLs, and gibberish.

A key is told by its issuer's prefix, by the name it is assigned to and its looks, or by its looks alone where
these are of a kind that words, digests and identifiers never have. Digests (hexadecimal, or after
``sha256-``), UUIDs, encoded data, public keys and what documentation writes in the place of a key are left
alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from training.data.pii.finding import Finding, Page
from training.data.pii.looks import is_free_standing_key, is_key_value, is_known_key, is_password_value
from training.data.pii.tokens import key_runs
from training.data.stage import PersonalData

_LEAST_RUN = 18
_BEFORE_BARE_KEYS = (b"signature=", b"bearer ")
_NAMES = (
    b"passw",
    b"pwd",
    b"passphrase",
    b"secret",
    b"token",
    b"key",
    b"credential",
    b"signature=",
    b"bearer ",
)
"""What telling names hold, in small letters."""
_OF_PASSWORDS = frozenset((b"passw", b"pwd", b"passphrase"))
_ASSIGNED = re.compile(
    rb"[\w.-]{0,32}+[\"'`\])]{0,3}+[ \t]{0,8}+(?:=>|:=|[:=,]|\s)[ \t]{0,8}[bru]?"
    rb"(?:\"([^\"\s]{6,256})\"|'([^'\s]{6,256})'|`([^`\s]{6,256})`)"
)
_BARE = re.compile(
    rb"[\w.-]{0,32}+[ \t]{0,4}+[:=][ \t]{0,4}+([^\s\"'`,;<>(){}\[\]]{6,256}+)(?=[ \t]*[\r\n&;,]|[ \t]*\Z)"
)
_BEARER = re.compile(rb"([\w.~+/=-]{16,1024})")
_USERINFO = re.compile(rb"://([^\s/@:?#\"'<>]{0,64}):([^\s/@\"'<>]{1,128})@(?=[\w\[{$])")
_ARMOUR = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----")
_ARMOUR_EDGE = b"-----"
_ARMOUR_MOST = 1 << 14
_ARMOURED = re.compile(rb"[A-Za-z0-9+/=]{16,}")
_SLACK_HOOK = re.compile(rb"hooks\.slack\.com/services/(T\w{6,12}/B\w{6,14}/\w{16,32})")
_BOT = re.compile(rb"(?<![\w:])\d{8,10}:AA[\w-]{32,33}(?![\w-])")


def find_secrets(page: Page) -> Iterator[Finding]:
    """Yield the keys and passwords of a text."""
    shadow = page.shadow
    lower = shadow.lower()
    yield from _find_assigned(shadow, lower)
    yield from _find_userinfo(shadow)
    yield from _find_armoured(shadow)
    yield from _find_shapes(shadow)
    yield from _find_runs(shadow)


def _find_assigned(shadow: bytes, lower: bytes) -> Iterator[Finding]:
    """What stands behind a name that says what it is."""
    for name in _NAMES:
        kind = PersonalData.PASSWORD if name in _OF_PASSWORDS else PersonalData.KEY
        at = lower.find(name)
        while at >= 0:
            after = at + len(name)
            found = _value(shadow, at, name, kind)
            if found is not None:
                yield Finding(kind=kind, start=found[0], end=found[1])
            at = lower.find(name, after)


def _value(shadow: bytes, at: int, name: bytes, kind: PersonalData) -> tuple[int, int] | None:
    """Where the secret lies that the name at this place introduces."""
    is_secret = is_password_value if kind is PersonalData.PASSWORD else is_key_value
    after = at + len(name)
    if name in _BEFORE_BARE_KEYS:
        match = _BEARER.match(shadow, after)
        if match is None or name in match[1].lower():  # the last of several names introduces the value
            return None
        return match.span(1) if is_key_value(match[1].decode()) else None
    match = _ASSIGNED.match(shadow, after)
    if match is not None and match.lastindex is not None:
        group = match.lastindex
        return match.span(group) if is_secret(match[group].decode()) else None
    match = _BARE.match(shadow, after)
    if match is None:
        return None
    is_setting = shadow[at:after].isupper()  # what is bare in code is a name rather than a value
    looks_so = is_secret if is_setting else is_key_value
    return match.span(1) if looks_so(match[1].decode()) else None


def _find_userinfo(shadow: bytes) -> Iterator[Finding]:
    """Passwords between ``://user:`` and ``@``."""
    at = shadow.find(b"://")
    while at >= 0:
        match = _USERINFO.match(shadow, at)
        if match and _is_literal(match[2]):
            yield Finding(kind=PersonalData.PASSWORD, start=match.start(2), end=match.end(2))
        at = shadow.find(b"://", at + 3)


def _is_literal(password: bytes) -> bool:
    """Whether this is a password rather than a place for one, or the name of it."""
    if re.search(rb"[{}$%<>*]|\.\.\.", password) or re.fullmatch(rb"[A-Z]+(?:_[A-Z]+)+", password):
        return False
    return password.lower() not in _SPOKEN


_SPOKEN = frozenset(
    b"password passwd pass pwd secret token user username key x-oauth-basic xxx xxxx xxxxx yourpassword "
    b"your-password your_password my-password mypassword port".split()
)


def _find_armoured(shadow: bytes) -> Iterator[Finding]:
    """The lines of private keys between their marks; each line is a finding of its own."""
    if b"PRIVATE KEY" not in shadow:
        return
    for head in _ARMOUR.finditer(shadow):
        end = shadow.find(_ARMOUR_EDGE, head.end(), head.end() + _ARMOUR_MOST)
        if end < 0:
            end = min(len(shadow), head.end() + _ARMOUR_MOST)
        for line in _ARMOURED.finditer(shadow, head.end(), end):
            yield Finding(kind=PersonalData.KEY, start=_behind_escape(shadow, line.start()), end=line.end())


def _behind_escape(shadow: bytes, start: int) -> int:
    """Behind the second character of a line break that is written as an escape."""
    return start + 1 if shadow[start - 1 : start + 1] == b"\\n" else start


def _find_shapes(shadow: bytes) -> Iterator[Finding]:
    """Keys that hold a character which no other key holds."""
    for mark, shape, group in ((b"hooks.slack.com/", _SLACK_HOOK, 1), (b":AA", _BOT, 0)):
        if mark in shadow:
            for match in shape.finditer(shadow):
                yield Finding(kind=PersonalData.KEY, start=match.start(group), end=match.end(group))


def _find_runs(shadow: bytes) -> Iterator[Finding]:
    """Keys that are told by what they look like."""
    for start, end in key_runs(shadow, least=_LEAST_RUN):
        run = shadow[start:end].decode()
        if run.isalpha() and run.islower():
            continue
        known = is_known_key(run)
        if known is not None:
            yield Finding(kind=PersonalData.KEY, start=start + known[0], end=start + known[1])
        elif not run.isidentifier() or any(c.isdigit() for c in run):
            yield from _free_standing(shadow, start, run)


def _free_standing(shadow: bytes, start: int, run: str) -> Iterator[Finding]:
    """The part of a run behind its last ``=``, if it is a key without any name."""
    head, equals, value = run.rstrip("=").rpartition("=")
    start += len(head) + len(equals)
    end = start + len(run) - len(head) - len(equals)
    if is_free_standing_key(value) and not _is_data(shadow, start, end):
        yield Finding(kind=PersonalData.KEY, start=start, end=end)


_BEFORE_DATA = re.compile(
    rb"(?:base64,|\?[bq]\?|\bh1:|sha\d{1,3}[-:= ]\W{0,3}|(?:integrity|checksum|digest|hash)\W{1,5})\Z"
)


def _is_data(shadow: bytes, start: int, end: int) -> bool:
    """Whether this is a digest or part of encoded data, by what is before it and by lines that are alike."""
    line_start = shadow.rfind(b"\n", max(0, start - 256), start) + 1
    before = shadow[max(line_start, start - 64) : start].lower()
    if _BEFORE_DATA.search(before) or b"\\n" in (shadow[start - 2 : start], shadow[end : end + 2]):
        return True  # the second: a line of a block that stands in one string
    return _is_line_of_block(shadow, start, end)


def _is_line_of_block(shadow: bytes, start: int, end: int) -> bool:
    """Whether the run is about all of its line, and a neighbouring line is such a run too."""
    for step in (_next_line, _previous_line):
        line = step(shadow, start, end).strip(b" \t\r\"',;+\\b()")
        if len(line) >= min(end - start, 32) and re.fullmatch(rb"[A-Za-z0-9+/=_-]+", line):
            return True
    return False


def _next_line(shadow: bytes, _: int, end: int) -> bytes:
    head, line_break, line = shadow[end : end + 256].partition(b"\n")
    return line.partition(b"\n")[0] if line_break and len(head.strip(b" \t\r\"',;+\\()")) == 0 else b""


def _previous_line(shadow: bytes, start: int, _: int) -> bytes:
    line, line_break, head = shadow[max(0, start - 256) : start].rpartition(b"\n")
    return line.rpartition(b"\n")[2] if line_break and len(head.strip(b" \t\r\"',;+\\b()")) == 0 else b""
