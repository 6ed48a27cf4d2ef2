"""Whose files are asked for: a folder, a file, a repository with its remotes, an id or a URL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from attribution.errors import UnreadableInputError
from attribution.holdings import Holding, Holdings, held_as_is, held_of_file, held_there
from attribution.index.builder import git_digest
from attribution.index.opt_outs import parse_id
from attribution.library import Library, Place
from attribution.sources.files import read_code, walk_code
from attribution.sources.git import GitPlace, open_repository, read_git
from attribution.sources.remotes import web_url
from attribution.swhid import is_uri
from attribution.trace import Tracer

_REMOTE_URLS = ("config", "--local", "--no-includes", "-z", "--get-regexp", r"^remote\..*\.url$")


@dataclass(frozen=True, slots=True)
class AskersText:
    """A file of the asker."""

    path: str
    content: bytes


def ask(libraries: Sequence[Library], asked: str, *, with_history: bool = False) -> Holdings:
    """Find what libraries hold of a path, a repository, an origin, an account, an author or a SWHID.

    A repository is asked for its files at ``HEAD``, without a look at its work tree, and for everything that
    came from its remotes, or from its folder where none is on the web; ``with_history`` also for every
    earlier version of a file, as it was. Raises :class:`UnreadableInputError` for a path that cannot be used
    and :class:`UsageError` for what is no id.
    """
    path = Path(asked)
    if not path.exists():
        return ask_ids(libraries, (id_of(asked),))
    if _is_repository(path):
        return _ask_repository(libraries, path, with_history=with_history)
    skipped: Counter[str] = Counter()
    return ask_texts(libraries, _texts(path, skipped), skipped=skipped)


def ask_texts(
    libraries: Sequence[Library], texts: Iterable[AskersText], *, skipped: Counter[str]
) -> Holdings:
    """Find what libraries hold of some texts."""
    files = _Files(libraries)
    held = [holding for text in texts for holding in files.compare(text)]
    return Holdings(files=files.count, ids=(), held=tuple(held), skipped=skipped)


def ask_ids(libraries: Sequence[Library], ids: tuple[str, ...]) -> Holdings:
    """Find what libraries hold under some ids, as :func:`parse_id` writes them."""
    held, not_searched = _held_under(libraries, ids)
    return Holdings(files=0, ids=ids, held=held, unsearched=not_searched)


def id_of(asked: str) -> str:
    """The id that a text is, or the one of a URL as people copy it.

    Raises :class:`UnreadableInputError` and :class:`UsageError` for what is no id.
    """
    url = web_url(asked) if "://" in asked or not is_uri(asked) else None
    if url is None and not is_uri(asked):
        raise UnreadableInputError(
            asked or "''",
            "is neither a path that exists nor an id",
            remedy="name a file, a folder, a repository, a URL or a SWHID",
        )
    return parse_id(url or asked)


def _is_repository(path: Path) -> bool:
    is_bare = (path / "HEAD").is_file() and (path / "objects").is_dir()
    return path.is_dir() and (is_bare or (path / ".git").exists())


def _held_under(libraries: Sequence[Library], ids: tuple[str, ...]) -> tuple[tuple[Holding, ...], int]:
    """Each place once, and how many contents could not be asked for authors."""
    answers = [library.held_under(ids) for library in libraries]
    places: dict[Place, None] = dict.fromkeys(place for answer in answers for place in answer.places)
    return tuple(map(held_there, places)), sum(answer.unsearched for answer in answers)


def _ask_repository(libraries: Sequence[Library], path: Path, *, with_history: bool) -> Holdings:
    ids = tuple(dict.fromkeys(_remotes(path))) or (parse_id(path.resolve().as_uri()),)
    skipped: Counter[str] = Counter()
    files = _Files(libraries)
    place = GitPlace(repository=str(path))
    held = [
        h
        for file in read_git(place, skipped=skipped)
        for h in files.compare(AskersText(file.origin.path, file.content))
    ]
    if with_history:
        for file in read_git(place, skipped=Counter(), with_history=True):
            held += files.compare_earlier(AskersText(file.origin.path, file.content))
    held += _held_under(libraries, ids)[0]
    return Holdings(files=files.count, ids=ids, held=tuple(held), skipped=skipped)


def _remotes(path: Path) -> Iterator[str]:
    """Ids of a repository's remotes, as far as they are on the web."""
    for entry in (open_repository(path).answer(*_REMOTE_URLS) or "").split("\0"):
        url = web_url(entry.partition("\n")[2])
        if url is not None:
            yield parse_id(url)


class _Files:
    """Compares the asker's files with the indexes, and counts them."""

    def __init__(self, libraries: Sequence[Library]) -> None:
        self._libraries = libraries
        self._tracer = Tracer(indexes=tuple(libraries))
        self._compared: set[bytes] = set()
        self.count = 0

    def compare(self, text: AskersText) -> Iterator[Holding]:
        """What is held of a file."""
        self.count += 1
        self._compared.add(git_digest(text.content))
        yield from held_of_file(self._tracer, self._libraries, text.content, text.path)

    def compare_earlier(self, text: AskersText) -> Iterator[Holding]:
        """What is held of an earlier version, as it was."""
        if git_digest(text.content) not in self._compared:
            self.count += 1
            found = held_as_is(self._libraries, text.content, text.path)
            yield from () if found is None else (found,)


def _texts(path: Path, skipped: Counter[str]) -> Iterator[AskersText]:
    """A file, or the source code in a folder; paths as they were named."""
    if path.is_dir():
        for found in walk_code(path, skipped=skipped):
            content = read_code(found, skipped=skipped)
            if content is not None:
                yield AskersText(found.as_posix(), content)
        return
    content = read_code(path, skipped=skipped)
    if content is None:
        reason = f"is left out ({', '.join(skipped)})"
        raise UnreadableInputError(path, reason, remedy="name a file of source code")
    yield AskersText(path.as_posix(), content)
