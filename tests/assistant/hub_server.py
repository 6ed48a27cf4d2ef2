"""A hub on loopback: the parts of the protocol that a pull uses, and the faults of a real network.

``GET /api/models/NAME[/revision/REV]`` describes a model with the sizes, git blob ids and SHA-256 of its
files; ``HEAD`` and ``GET /NAME/resolve/REV/FILE`` answer with ETag and commit, large files by way of a
redirect to a store of their own, which serves ranges.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

COMMIT = "c0ffee" + "0" * 34
LARGE = 10_000
"""Bytes from which on a file is kept in the large store, as with Git LFS."""


@dataclass
class Hub:
    """What the server serves, and what it was asked."""

    models: dict[str, dict[str, bytes]] = field(default_factory=dict)
    card: dict[str, dict[str, str]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    cut_after: int | None = None
    """Break the connection once, after so many bytes of a large file."""
    cuts: int = 0
    """Times that it still does."""
    lies: dict[str, bytes] = field(default_factory=dict)
    """Other bytes of the same length in place of a file's."""
    status: int | None = None
    """Answer everything with this."""
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path and range of each request."""
    url: str = ""

    def ranges(self) -> list[str]:
        """The ranges that were asked for in the large store."""
        return [r for method, path, r in self.asked if method == "GET" and path.startswith("/store/") and r]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        place = urlsplit(self.path)
        self.hub.asked.append((self.command, place.path, self.headers.get("Range")))
        if self.hub.status is not None:
            return self._send(self.hub.status, b"")
        if found := re.fullmatch(r"/api/models/(.+?)(?:/revision/([^/]+))?", place.path):
            return self._describe(found[1], found[2], blobs="blobs" in parse_qs(place.query))
        if found := re.fullmatch(r"/(.+?/.+?)/resolve/([^/]+)/(.+)", place.path):
            return self._resolve(found[1], found[2], found[3])
        if found := re.fullmatch(r"/store/(.+?/.+?)/(.+)", place.path):
            return self._store(found[1], found[2])
        return self._send(404, b"", {"X-Error-Code": "RepoNotFound"})

    def _refused(self, name: str, revision: str | None) -> bool:
        if name not in self.hub.models:
            self._send(401, b"", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        elif name in self.hub.gated and "Authorization" not in self.headers:
            self._send(401, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"})
        elif revision not in (None, "main", COMMIT):
            self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})
        else:
            return False
        return True

    def _describe(self, name: str, revision: str | None, *, blobs: bool) -> None:
        if self._refused(name, revision):
            return
        siblings = [self._sibling(file, content, blobs) for file, content in self.hub.models[name].items()]
        value = {
            "id": name,
            "modelId": name,
            "sha": COMMIT,
            "private": False,
            "gated": "auto" if name in self.hub.gated else False,
            "cardData": self.hub.card.get(name, {}),
            "siblings": siblings,
        }
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _sibling(self, file: str, content: bytes, blobs: bool) -> dict[str, object]:
        if not blobs:
            return {"rfilename": file}
        if len(content) < LARGE:
            return {"rfilename": file, "size": len(content), "blobId": git_blob(content)}
        sha = hashlib.sha256(content).hexdigest()
        lfs = {"sha256": sha, "size": len(content), "pointerSize": 134}
        return {"rfilename": file, "size": len(content), "blobId": git_blob(sha.encode()), "lfs": lfs}

    def _resolve(self, name: str, revision: str, file: str) -> None:
        if self._refused(name, revision):
            return None
        content = self.hub.models[name].get(file)
        if content is None:
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        headers = {"X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if len(content) < LARGE:
            return self._send(
                200, self.hub.lies.get(file, content), {**headers, "ETag": f'"{git_blob(content)}"'}
            )
        headers |= {
            "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"',
            "X-Linked-Size": str(len(content)),
            "Location": f"{self.hub.url.replace('127.0.0.1', 'localhost')}/store/{name}/{file}",
        }
        return self._send(302, b"", headers)

    def _store(self, name: str, file: str) -> None:
        content = self.hub.lies.get(file, self.hub.models[name][file])
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start = int(wanted[1]) if wanted else 0
        part = content[start : int(wanted[2]) + 1 if wanted and wanted[2] else None]
        headers = {"Accept-Ranges": "bytes", "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
        if wanted:
            headers["Content-Range"] = f"bytes {start}-{start + len(part) - 1}/{len(content)}"
        if self.hub.cuts and self.hub.cut_after is not None and self.command == "GET":
            self.hub.cuts -= 1
            return self._send(206 if wanted else 200, part, headers, cut_after=self.hub.cut_after)
        return self._send(206 if wanted else 200, part, headers)

    def _send(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, cut_after: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut_after])
        if cut_after is not None:
            self.close_connection = True
            self.wfile.flush()
            self.connection.shutdown(2)


def git_blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Serving:
    """A hub that serves as long as the block lasts."""

    def __init__(self, hub: Hub) -> None:
        handler = type("Handler", (_Handler,), {"hub": hub})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.hub = hub
        hub.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Hub:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self.hub

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
