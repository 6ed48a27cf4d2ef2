"""What is told of a suggestion to programs: editors and the shell get the same."""

from __future__ import annotations

from typing import Any

from assistant.completion import Completion
from attribution.report.json_report import match_as_json


def completion_as_json(completion: Completion) -> dict[str, Any]:
    """Everything that may be shown about a suggestion, its text left out."""
    ruling = completion.ruling
    return {
        "id": completion.id,
        "model": completion.model,
        "traced": ruling.traced,
        "decision": ruling.decision.value,
        "verdict": ruling.verdict.value,
        "reason": ruling.reason,
        "matches": [match_as_json(match) for match in ruling.matches],
        "timing": {
            "promptMs": round(completion.timing.prompt_ms, 2),
            "decodeMs": round(completion.timing.decode_ms, 2),
            "traceMs": round(completion.timing.trace_ms, 2),
            "promptTokens": completion.timing.prompt_tokens,
            "generatedTokens": completion.timing.generated_tokens,
        },
    }
