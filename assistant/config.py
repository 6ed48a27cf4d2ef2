"""Settings: frozen values, parsed once from what an editor sends.

A bad setting never stops anything: it takes its default, and the user is told once for each key. The
tables describe themselves (type, limits, text), so that an editor's settings form can be made from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from math import isfinite
from typing import Any, ClassVar, Protocol, TypeVar

from assistant.fim import Family, FimOrder


class Lines(StrEnum):
    """How far a suggestion may reach."""

    AUTO = "auto"
    """To the end of the block where a block begins at the cursor, otherwise to the end of the line."""
    SINGLE = "single"
    MULTIPLE = "multiple"


class ContextUse(StrEnum):
    """Whether pieces of other files stand in the prompt."""

    AUTO = "auto"
    """Where the model has room for them: at least 2,048 tokens of context."""
    ON = "on"
    OFF = "off"


class OnDeny(StrEnum):
    """What happens to a suggestion whose source the policy denies."""

    WITHHOLD = "withhold"
    ANNOTATE = "annotate"


class Backend(StrEnum):
    """What runs the model."""

    AUTO = "auto"
    """A checkpoint folder in transformers, any other path in llama.cpp; never a server."""
    LLAMA_CPP = "llama_cpp"
    TRANSFORMERS = "transformers"
    OPENAI = "openai"
    """A server that speaks OpenAI's completions protocol, at ``model.url``."""


class Precision(StrEnum):
    """The number format of weights in transformers; a GGUF file has its own."""

    AUTO = "auto"
    """bf16 on a GPU, f32 on a CPU."""
    F32 = "f32"
    BF16 = "bf16"
    INT8 = "int8"
    """LLM.int8() of bitsandbytes."""
    NF4 = "nf4"
    """The 4-bit format of QLoRA, of bitsandbytes."""


class _Table(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


T = TypeVar("T", bound=_Table)


def about(
    text: str, *, minimum: float | None = None, maximum: float | None = None
) -> Mapping[str, str | float | None]:
    """Describe a setting, for people and for the check of its value; its type is that of its default."""
    return {"text": text, "minimum": minimum, "maximum": maximum}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """Which model completes code."""

    backend: Backend = field(
        default=Backend.AUTO, metadata=about("What runs the model; auto goes by the path and uses no server.")
    )
    path: str = field(
        default="",
        metadata=about(
            "GGUF file or checkpoint folder of a StarCoder-family model; empty for the shipped one."
        ),
    )
    context_tokens: int = field(
        default=0,
        metadata=about(
            "Size of the context; 0 takes what the model was trained with.", minimum=0, maximum=2**20
        ),
    )
    threads: int = field(
        default=0, metadata=about("Threads; 0 takes all cores but one.", minimum=0, maximum=256)
    )
    precision: Precision = field(
        default=Precision.AUTO, metadata=about("Number format of a checkpoint folder's weights.")
    )
    gpu_layers: int = field(
        default=-1,
        metadata=about(
            "Layers of a GGUF model on the GPU, where the build has one; -1 for all.",
            minimum=-1,
            maximum=10_000,
        ),
    )
    lookup_tokens: int = field(
        default=4,
        metadata=about(
            "Tokens that are guessed from the prompt and checked at once; 0 guesses none.",
            minimum=0,
            maximum=64,
        ),
    )
    url: str = field(
        default="",
        metadata=about("Base URL of an OpenAI-compatible server, such as http://127.0.0.1:8000/v1."),
    )
    name: str = field(default="", metadata=about("The model's name at the server; empty for its first one."))
    api_key_environment: str = field(
        default="", metadata=about("Environment variable that holds the server's key; empty for none.")
    )
    tokenizer: str = field(
        default="",
        metadata=about("The tokenizer.json of the server's model, where the server takes prompts as ids."),
    )
    family: Family = field(
        default=Family.STARCODER2,
        metadata=about("How the server's model spells its control tokens, where no tokenizer is given."),
    )
    temperature: float = field(
        default=0.0, metadata=about("0 always takes the likeliest token.", minimum=0, maximum=2)
    )
    seed: int = field(
        default=0, metadata=about("Makes a temperature above 0 repeatable.", minimum=0, maximum=2**32 - 1)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionSettings:
    """What is asked of the model, and what is kept of its answer."""

    enabled: bool = field(default=True, metadata=about("Suggest code."))
    max_tokens: int = field(
        default=96, metadata=about("Longest suggestion, in tokens.", minimum=1, maximum=4096)
    )
    candidates: int = field(
        default=3,
        metadata=about("Different suggestions when one is asked for explicitly.", minimum=1, maximum=10),
    )
    max_lines: int = field(
        default=24, metadata=about("Longest suggestion, in lines.", minimum=1, maximum=1000)
    )
    lines: Lines = field(default=Lines.AUTO, metadata=about("How far a suggestion may reach."))
    prefix_tokens: int = field(
        default=1024, metadata=about("Code before the cursor that the model reads.", minimum=16)
    )
    suffix_tokens: int = field(
        default=256, metadata=about("Code after the cursor that the model reads.", minimum=0)
    )
    order: FimOrder = field(
        default=FimOrder.SPM, metadata=about("Prompt order; spm reuses most of the work while typing.")
    )
    prefetch: bool = field(default=True, metadata=about("Begin the next suggestion when one is accepted."))
    max_wait_ms: int = field(
        default=150,
        metadata=about(
            "Longest wait for a pause in typing before a slow model is asked; 0 never waits.",
            minimum=0,
            maximum=5000,
        ),
    )
    nearby: bool = field(
        default=True, metadata=about("Mix the bundled model with what follows the same code in other files.")
    )
    context: ContextUse = field(
        default=ContextUse.AUTO,
        metadata=about("Show the model pieces of other files; auto does so from 2,048 tokens of context on."),
    )
    context_tokens: int = field(
        default=1024,
        metadata=about("Pieces of other files in a prompt, in tokens.", minimum=64, maximum=2**20),
    )
    min_confidence: float = field(
        default=0.2,
        metadata=about(
            "End a suggestion before the first token that the model finds less likely than this, 0 to 1; "
            "0 lets it guess. One that is asked for explicitly may guess.",
            minimum=0,
            maximum=1,
        ),
    )
    timeout_ms: int = field(
        default=4000, metadata=about("Time to write a suggestion; what is ready then is used.", minimum=50)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSettings:
    """How suggestions are traced to their sources."""

    indexes: tuple[str, ...] = field(
        default=(),
        metadata=about(
            "Index folders, or addresses of services; empty for those of the project, the user and the "
            "bundled model."
        ),
    )
    required: bool = field(
        default=True, metadata=about("Suggest nothing while there is no index to trace it with.")
    )
    on_deny: OnDeny = field(
        default=OnDeny.WITHHOLD, metadata=about("What to do with code whose licence the policy denies.")
    )
    guard: bool = field(
        default=True,
        metadata=about("After a suggestion was withheld, write another one that leaves the denied code."),
    )
    context_tokens: int = field(
        default=64,
        metadata=about("Code before a suggestion that is traced together with it.", minimum=0, maximum=4096),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSettings:
    """What is remembered of accepted suggestions."""

    enabled: bool = field(
        default=True, metadata=about("Write accepted suggestions down, with their sources, on this machine.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of the assistant."""

    model: ModelSettings = field(default_factory=ModelSettings)
    completion: CompletionSettings = field(default_factory=CompletionSettings)
    trace: TraceSettings = field(default_factory=TraceSettings)
    ledger: LedgerSettings = field(default_factory=LedgerSettings)


def parse_settings(values: object) -> tuple[Settings, list[str]]:
    """Read all tables; answer the settings and one message for each key that could not be used."""
    problems: list[str] = []
    table = as_table(values, "sc-attrib", problems)
    settings = Settings(
        model=parse_table(ModelSettings, table.get("model"), "model", problems),
        completion=parse_table(CompletionSettings, table.get("completion"), "completion", problems),
        trace=parse_table(TraceSettings, table.get("trace"), "trace", problems),
        ledger=parse_table(LedgerSettings, table.get("ledger"), "ledger", problems),
    )
    return settings, problems


def as_table(values: object, name: str, problems: list[str]) -> Mapping[str, object]:
    """Answer the mapping, or an empty one with a message if it is something else."""
    if values is None:
        return {}
    if isinstance(values, Mapping):
        return values
    problems.append(f"setting {name}: a table of settings is expected; the defaults are used")
    return {}


def parse_table(table: type[T], values: object, name: str, problems: list[str]) -> T:
    """Read one table, its keys written in camelCase; unknown keys are left to others."""
    given = as_table(values, name, problems)
    accepted: dict[str, object] = {}
    for entry in fields(table):
        key = camel_case(entry.name)
        if given.get(key) is None:
            continue
        try:
            accepted[entry.name] = _convert(given[key], entry.default, entry.metadata)
        except ValueError as error:
            shown = ", ".join(entry.default) or "none" if isinstance(entry.default, tuple) else entry.default
            problems.append(f"setting {name}.{key}: {error}; the default ({shown}) is used")
    return table(**accepted)


def camel_case(name: str) -> str:
    """Spell a field's name as editors do.

    >>> camel_case("prefix_tokens")
    'prefixTokens'
    """
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


def _convert(value: object, default: object, limits: Mapping[str, Any]) -> object:
    """Check a value against the type of the default; raise :class:`ValueError` with what is expected."""
    if isinstance(default, StrEnum):
        return _convert_choice(value, type(default))
    if isinstance(default, tuple):
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise ValueError("a list of texts is expected")
    if isinstance(default, bool | str):
        if type(value) is type(default):
            return value
        raise ValueError("true or false is expected" if isinstance(default, bool) else "a text is expected")
    return _convert_number(value, whole=isinstance(default, int), limits=limits)


def _convert_choice(value: object, choices: type[StrEnum]) -> StrEnum:
    try:
        return choices(str(value))
    except ValueError as error:
        raise ValueError(f"one of {', '.join(choices)} is expected") from error


def _convert_number(value: object, *, whole: bool, limits: Mapping[str, Any]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError("a number is expected")
    if whole and value != int(value):
        raise ValueError("a whole number is expected")
    if limits["minimum"] is not None and value < limits["minimum"]:
        raise ValueError(f"at least {limits['minimum']} is expected")
    if limits["maximum"] is not None and value > limits["maximum"]:
        raise ValueError(f"at most {limits['maximum']} is expected")
    return int(value) if whole else float(value)
