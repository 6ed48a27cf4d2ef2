"""Brings a model from a hub through ``huggingface_hub``: resumed where it was cut, and checked.

The library compares sizes alone, so every file is hashed here: large ones by the SHA-256 that the hub keeps
for them, small ones by their git blob id.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from assistant.hub.errors import HubError
from assistant.hub.store import PulledModel, folder_of, write_manifest
from attribution.errors import MissingExtraError, UsageError
from attribution.model import NO_ASSERTION

_CHUNK = 1 << 20
_KEY_DIGITS = 16
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_SPARE_BYTES = 1 << 27
_LICENSE_FILE = re.compile(r"licen[cs]e", re.IGNORECASE)
_CHECKPOINT_FILES = re.compile(
    r"(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\.json"
    r"|merges\.txt|chat_template\.jinja|README\.md|.*\.safetensors|model\.safetensors\.index\.json"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A file on the hub."""

    name: str
    size: int
    sha256: str | None
    """Of large files."""
    blob_id: str | None
    """Git's SHA-1; of a large file that of the pointer to it, which tells nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteModel:
    """A model as the hub describes it."""

    repository: str
    revision: str
    """The commit; all files are taken from it, whatever is pushed meanwhile."""
    license: str
    license_link: str
    files: tuple[RemoteFile, ...]

    @property
    def license_files(self) -> tuple[RemoteFile, ...]:
        """The text of the licence, where it lies beside the model."""
        return tuple(f for f in self.files if _LICENSE_FILE.match(f.name))


def look_up(repository: str, *, revision: str | None, endpoint: str | None) -> RemoteModel:
    """Ask the hub for a model; raises :class:`HubError`, :class:`MissingExtraError`, :class:`UsageError`."""
    if not _REPOSITORY.fullmatch(repository):
        raise UsageError(f"{repository}: this is no model's name; write OWNER/NAME, or one of `model list`")
    hub = _hub()
    with _errors_named(repository, endpoint):
        found = hub.HfApi(endpoint=endpoint).model_info(repository, revision=revision, files_metadata=True)
    card = found.card_data
    files = [_file(sibling) for sibling in found.siblings or () if "/" not in sibling.rfilename]
    return RemoteModel(
        repository=repository,
        revision=str(found.sha),
        license=str(getattr(card, "license", None) or NO_ASSERTION),
        license_link=str(getattr(card, "license_link", None) or ""),
        files=tuple(files),
    )


def _file(sibling: Any) -> RemoteFile:
    return RemoteFile(
        name=sibling.rfilename,
        size=sibling.size or 0,
        sha256=sibling.lfs.sha256 if sibling.lfs else None,
        blob_id=sibling.blob_id,
    )


def choose_files(model: RemoteModel, *, gguf: str | None) -> tuple[RemoteFile, ...]:
    """The files that are wanted: one GGUF file (``gguf`` is in its name), or a whole checkpoint.

    Raises :class:`HubError` where that is not clear, or would be a pickle.
    """
    ggufs = [f for f in model.files if f.name.endswith(".gguf")]
    if ggufs or gguf is not None:
        wanted = [f for f in ggufs if gguf is None or gguf.lower() in f.name.lower()]
        if len(wanted) != 1:
            names = ", ".join(f.name for f in ggufs) or "none"
            reason = f"its GGUF files are: {names}"
            raise HubError(model.repository, reason, remedy="choose one of them with --gguf")
        return (*model.license_files, wanted[0])
    chosen = tuple(f for f in model.files if _CHECKPOINT_FILES.fullmatch(f.name))
    if not any(f.name.endswith(".safetensors") for f in chosen):
        raise HubError(
            model.repository,
            "it has no weights as *.safetensors or *.gguf, and a pickle may run code and is never fetched",
            remedy="name a repository that holds them",
        )
    return (*model.license_files, *chosen)


def fetch_file(model: RemoteModel, file: RemoteFile, *, endpoint: str | None) -> Path:
    """Fetch one file, or the rest of it, and hash it; raises :class:`HubError`."""
    hub, path = _hub(), folder_of(model.repository) / file.name
    part = path.with_name(f".{file.name}.{(file.sha256 or file.blob_id or '')[:_KEY_DIGITS]}.part")
    with _errors_named(model.repository, endpoint):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and _is_right(path, file):
            return path
        url = hub.hf_hub_url(model.repository, file.name, revision=model.revision, endpoint=endpoint)
        _fetch_rest(url, part, file)
        if _is_right(part, file):
            return part.replace(path)
        part.unlink()
    raise HubError(
        model.repository,
        f"{file.name} is not what the hub says it is: its checksum is wrong, and it was removed",
        remedy="pull it again; if that does not help, somebody changes it on its way",
    )


def _fetch_rest(url: str, part: Path, file: RemoteFile) -> None:
    """Fetch what a file still lacks, with a progress bar; what was written stays, whatever happens.

    ``hf_hub_download`` begins anew in each process, because locks do not hold on every network disk. Here a
    file that two processes wrote to fails its checksum, which is why this may go on where another ended.
    """
    from huggingface_hub.file_download import get_hf_file_metadata, http_get
    from huggingface_hub.utils import WeakFileLock, build_hf_headers  # type: ignore[attr-defined]

    location = get_hf_file_metadata(url).location
    headers = build_hf_headers()
    if urlsplit(location).netloc != urlsplit(url).netloc:
        headers.pop("authorization", None)
    with WeakFileLock(part.with_suffix(".lock")), part.open("ab") as out:
        if out.tell() > file.size:
            out.truncate(0)
        if out.tell() < file.size:
            http_get(
                location,
                out,
                resume_size=out.tell(),
                headers=headers,
                expected_size=file.size,
                displayed_filename=file.name,
            )


def fetch(model: RemoteModel, files: Sequence[RemoteFile], *, endpoint: str | None) -> PulledModel:
    """Fetch all files, then say that the model is whole; raises :class:`HubError`."""
    folder = folder_of(model.repository)
    with _errors_named(model.repository, endpoint):
        folder.mkdir(parents=True, exist_ok=True)
        _require_room(model, files, folder)
    for file in files:
        fetch_file(model, file, endpoint=endpoint)
    pulled = PulledModel(
        repository=model.repository,
        revision=model.revision,
        license=model.license,
        folder=folder,
        files=tuple(file.name for file in files),
    )
    with _errors_named(model.repository, endpoint):
        write_manifest(pulled, {f.name: f.sha256 or f.blob_id or "" for f in files})
    return pulled


def _require_room(model: RemoteModel, files: Sequence[RemoteFile], folder: Path) -> None:
    there = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    wanted = sum(file.size for file in files) - there
    free = shutil.disk_usage(folder).free
    if wanted + _SPARE_BYTES > free:
        raise HubError(
            model.repository,
            f"{wanted / 1e9:.1f} GB are still to be fetched and {folder} has room for {free / 1e9:.1f} GB",
            remedy="free some space, or point XDG_DATA_HOME to a larger disk",
        )


def _is_right(path: Path, file: RemoteFile) -> bool:
    if file.sha256 is not None:
        digest = hashlib.sha256()
    else:
        digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest() == (file.sha256 or file.blob_id)


def _hub() -> Any:
    """The library, told to send nothing about its user beyond what a download needs."""
    if importlib.util.find_spec("huggingface_hub") is None:
        raise MissingExtraError("fetching models", "hub")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import huggingface_hub

    return huggingface_hub


@contextmanager
def _errors_named(repository: str, endpoint: str | None) -> Iterator[None]:
    """Turn what the library and the system raise into one sentence each."""
    from huggingface_hub import constants, errors
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]

    hub = endpoint or constants.ENDPOINT
    copied = "or copy its folder or a GGUF file here and set model.path to it"
    try:
        yield
    except errors.GatedRepoError as error:
        reason = "its owner lets only those have it who agreed to its terms on the hub"
        remedy = f"agree at {hub}/{repository}, then set HF_TOKEN to a token of yours"
        raise HubError(repository, reason, remedy=remedy) from error
    except errors.RepositoryNotFoundError as error:
        reason = f"{hub} has no such model, or it is private"
        raise HubError(repository, reason, remedy="check its name, or set HF_TOKEN") from error
    except errors.RevisionNotFoundError as error:
        raise HubError(repository, "it has no such revision", remedy="check --revision") from error
    except errors.RemoteEntryNotFoundError as error:
        reason = "a file of it is gone from the hub"
        raise HubError(repository, reason, remedy="pull it again") from error
    except errors.OfflineModeIsEnabled as error:
        reason = "HF_HUB_OFFLINE forbids the network"
        raise HubError(repository, reason, remedy=f"unset it, {copied}") from error
    except errors.HfHubHTTPError as error:
        reason = f"{hub} answers with status {error.response.status_code}"
        raise HubError(repository, reason, remedy="try again later: what was fetched is kept") from error
    except (HTTPError, errors.LocalEntryNotFoundError) as error:
        reason = f"{hub} cannot be reached, or broke the connection ({type(error).__name__})"
        remedy = f"pull again with a network: what was fetched is kept; {copied}"
        raise HubError(repository, reason, remedy=remedy) from error
    except OSError as error:
        full = error.errno == errno.ENOSPC
        reason = "the disk is full" if full else f"it cannot be fetched ({error.strerror or error})"
        remedy = "free some space and pull again: what was fetched is kept"
        raise HubError(repository, reason, remedy=remedy) from error
