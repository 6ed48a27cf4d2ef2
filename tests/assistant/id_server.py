"""A completion server that takes prompts as ids, as vLLM's does: ``python -m tests.assistant.id_server``.

Its model is a GGUF file; its answers are llama.cpp's.
"""

from __future__ import annotations

import asyncio
import json
import sys
from codecs import getincrementaldecoder
from pathlib import Path

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from assistant.backends.llama_cpp import LlamaCppBackend
from assistant.backends.protocol import Sampling, TokenShaping
from assistant.models import ModelOptions

NAME = "by-id"


class Biased(TokenShaping):
    """OpenAI's ``logit_bias``."""

    def __init__(self, bias: dict[str, float]) -> None:
        self._ids = np.array([int(token) for token in bias], np.int64)
        self._values = np.array(list(bias.values()), np.float32)

    def shape(self, generated, logits):
        logits[self._ids] += self._values


def make_app(backend: LlamaCppBackend) -> Starlette:
    async def models(_: Request) -> Response:
        entry = {"id": NAME, "object": "model", "max_model_len": backend.context_tokens}
        return JSONResponse({"object": "list", "data": [entry]})

    async def completions(request: Request) -> Response:
        asked = await request.json()
        prompt = asked["prompt"]
        if not all(isinstance(token, int) for token in prompt):
            return JSONResponse({"error": {"message": "ids are expected"}}, status_code=400)
        return StreamingResponse(_events(backend, asked), media_type="text/event-stream")

    return Starlette(
        routes=[Route("/v1/models", models), Route("/v1/completions", completions, methods=["POST"])]
    )


async def _events(backend: LlamaCppBackend, asked: dict):
    reason = "length"
    decoder = getincrementaldecoder("utf-8")("replace")
    stream = backend.generate(
        asked["prompt"],
        max_tokens=asked["max_tokens"],
        sampling=Sampling(temperature=asked["temperature"], seed=asked["seed"]),
        shaping=Biased(asked.get("logit_bias", {})),
    )
    async for token in stream:
        if not token.text:
            reason = "stop"
            break
        if text := decoder.decode(token.text):
            yield _event(text, None)
    yield _event(decoder.decode(b"", final=True), reason)
    yield "data: [DONE]\n\n"


def _event(text: str, reason: str | None) -> str:
    choice = {"index": 0, "text": text, "finish_reason": reason, "logprobs": None}
    return f"data: {json.dumps({'object': 'text_completion', 'choices': [choice]})}\n\n"


async def main(model: Path, port: int) -> None:
    backend = LlamaCppBackend.open(model, ModelOptions(threads=1))
    await uvicorn.Server(uvicorn.Config(make_app(backend), port=port, log_level="error")).serve()
    await backend.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
