"""The language server as it is, over stdio, that tells at its end what it had to infer.

    python -m benchmarks.replaying.server FILE

writes ``{"tokens", "calls", "counts", "processor_s"}`` into FILE when the editor has left.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from benchmarks.replaying.tally import tally_inference


def main() -> None:
    """Serve one editor."""
    from lsp.server import create_server
    from lsp.transport import serve_stdio

    tally, server = tally_inference(), create_server()
    try:
        serve_stdio(server)
    finally:
        found = {
            "tokens": tally.tokens,
            "calls": tally.calls,
            "counts": asdict(server.session.counts),
            "processor_s": time.process_time(),
        }
        Path(sys.argv[1]).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
