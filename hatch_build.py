"""Hatchling's hook: compile the kernels when a wheel or an editable install is made."""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileKernels(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the shared library beside its source, and the platform into the wheel's name."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; pip shows the compiler's words where that fails."""
        path = Path(self.root, "attribution", "native", "build.py")
        spec = importlib.util.spec_from_file_location("sc_attrib_native_build", path)
        assert spec is not None
        assert spec.loader is not None
        build = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(build)
        build.compile_library()
        build_data["artifacts"].append(f"/attribution/native/{build.LIBRARY.name}")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
