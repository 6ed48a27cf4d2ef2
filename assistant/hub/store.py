"""Where pulled models lie on this machine, and what is remembered of them.

Each model has a folder of its own in the user's folder for application data; ``sc-attrib-model.json`` in it
is written last, so a folder without it is a pull that was cut short.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from assistant.hub.catalogue import known_model
from assistant.ledger.place import user_state
from attribution.index.locate import user_index
from attribution.whole_files import put_whole

MANIFEST = "sc-attrib-model.json"
SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledModel:
    """A model that is on this machine, whole."""

    repository: str
    revision: str
    """Commit of the hub's repository."""
    license: str
    folder: Path
    files: tuple[str, ...]

    @property
    def path(self) -> Path:
        """What a back end opens: the GGUF file, or the folder of a checkpoint."""
        ggufs = [name for name in self.files if name.endswith(".gguf")]
        return self.folder / ggufs[0] if ggufs else self.folder


def models_folder() -> Path:
    """Where models are kept: beside the user's own index."""
    return user_index().parent / "models"


def folder_of(repository: str) -> Path:
    """The folder of a model; a repository is ``owner/name``."""
    return models_folder() / repository.replace("/", "--").lower()


def pulled_models() -> list[PulledModel]:
    """All that are whole, by name."""
    manifests = sorted(models_folder().glob(f"*/{MANIFEST}"))
    return [model for path in manifests if (model := _read(path)) is not None]


def find_pulled(name: str) -> PulledModel | None:
    """The model with this name or repository; ``None`` if it was not pulled."""
    known = known_model(name)
    wanted = name.lower() if known is None else known.repository
    return next(
        (m for m in pulled_models() if wanted in (m.repository.lower(), m.repository.lower().split("/")[-1])),
        None,
    )


def write_manifest(model: PulledModel, digests: dict[str, str]) -> None:
    """Say that a model is whole: where it is from, and what each file hashes to."""
    value = {
        "schema": SCHEMA,
        "repository": model.repository,
        "revision": model.revision,
        "license": model.license,
        "files": digests,
    }
    put_whole(model.folder / MANIFEST, (json.dumps(value, indent=2) + "\n").encode())


def _read(path: Path) -> PulledModel | None:
    try:
        value = json.loads(path.read_text("utf-8"))
        files = tuple(map(str, value["files"]))
        model = PulledModel(
            repository=str(value["repository"]),
            revision=str(value["revision"]),
            license=str(value["license"]),
            folder=path.parent,
            files=files,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return model if all((path.parent / name).is_file() for name in files) else None


def accepted_licenses() -> list[dict[str, str]]:
    """Whose licences were accepted on this machine, and when; nothing where that cannot be read."""
    try:
        value = json.loads(_accepted_path().read_text("utf-8"))
        return [{str(k): str(v) for k, v in entry.items()} for entry in value["accepted"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def is_accepted(repository: str, license: str) -> bool:
    """Whether the user accepted this licence for this model before."""
    wanted = {"model": repository, "license": license}
    return any(wanted.items() <= entry.items() for entry in accepted_licenses())


def record_acceptance(repository: str, license: str, *, revision: str) -> None:
    """Remember that the user accepted a licence; raises :class:`OSError`."""
    entry = {
        "model": repository,
        "license": license,
        "revision": revision,
        "accepted_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    value = {"schema": SCHEMA, "accepted": [*accepted_licenses(), entry]}
    path = _accepted_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    put_whole(path, (json.dumps(value, indent=2) + "\n").encode())


def _accepted_path() -> Path:
    return user_state() / "accepted-licenses.json"
