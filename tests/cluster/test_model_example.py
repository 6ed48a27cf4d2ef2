"""The example of docs/cluster.md for models, read by the class of Ray that reads it where vLLM is.

``ray.serve.llm`` cannot be imported without vLLM; its ``LLMConfig`` adds nothing to the one asked here.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "cluster.md"
MISTAKES: list[dict[str, Any]] = [
    {"deployment_configs": {}},
    {"model_loading_config": {"source": "/shared"}},
    {"deployment_config": {"autoscaling_config": {"min_replicas": 4, "max_replicas": 1}}},
]
READ = """
import json, sys
from pydantic import ValidationError
from ray.llm._internal.serve.core.configs.llm_config import LLMConfig

def read(settings):
    try:
        return LLMConfig(**settings).model_id
    except (ValidationError, ValueError):
        return "refused"

print(json.dumps([read(settings) for settings in json.loads(sys.argv[1])]))
"""


def settings_of_example() -> dict[str, Any]:
    """What the example hands to ``LLMConfig``."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    calls = [node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Call)]
    (call,) = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "LLMConfig"]
    return {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}


def test_the_example_is_a_configuration_of_ray_and_a_mistake_in_it_would_not_be() -> None:
    """In a process of its own, for Ray arranges the log of whoever imports this."""
    right = settings_of_example()
    asked = json.dumps([right, *({**right, **mistake} for mistake in MISTAKES)])
    done = subprocess.run([sys.executable, "-P", "-c", READ, asked], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == ["starcoder2-15b", *["refused"] * len(MISTAKES)]
