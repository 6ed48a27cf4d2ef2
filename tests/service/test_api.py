"""What the service answers, beside what the command line does."""

import json
import re
import shlex
import subprocess
from base64 import b64encode
from pathlib import Path

import jsonschema
import pytest

from tests.service.conftest import GPL_CODE
from tests.service.serving import SC_ATTRIB, commanded, function_of


@pytest.fixture(scope="module")
def copied(known_files) -> bytes:
    return function_of(known_files, "click/utils.py", "def ", 40)


def command(*words: str | Path, stdin: bytes = b"") -> bytes:
    done = subprocess.run([SC_ATTRIB, *map(str, words)], input=stdin, capture_output=True, timeout=120)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_a_check_is_the_document_that_the_command_writes(service, with_text, copied) -> None:
    answer = service.ask("/v1/check", {"path": "-", "text": copied.decode()})
    assert answer.status == 200
    assert answer.json == json.loads(
        command("check", "--index", with_text, "--format", "json", "-", stdin=copied)
    )
    assert answer.json["files"][0]["matches"]
    jsonschema.validate(answer.json, json.loads(command("check", "--print-schema")))


def test_bytes_that_are_not_utf_8_are_checked_as_they_are(service, copied) -> None:
    content = b"# caf\xe9\n" + copied
    form = {"path": "a.py", "base64": b64encode(content).decode()}
    (file,) = service.ask("/v1/check", form).json["files"]
    (escaped,) = service.ask(
        "/v1/check", {"path": "a.py", "text": content.decode("utf-8", "surrogateescape")}
    ).json["files"]
    assert file == escaped
    assert file["matches"][0]["query"]["lines"][0] > 1


def test_the_own_licence_is_heeded(service) -> None:
    (file,) = service.ask("/v1/check", {"path": "a.py", "text": GPL_CODE.decode()}).json["files"]
    assert file["verdict"] == "deny"
    own = {"path": "a.py", "text": GPL_CODE.decode(), "license": "GPL-3.0-only"}
    (file,) = service.ask("/v1/check", own).json["files"]
    assert file["verdict"] == "attribute"
    assert service.ask("/v1/check", {**own, "license": "no licence"}).status == 422


def test_both_texts_stand_beside_each_other_with_what_differs(service) -> None:
    text = GPL_CODE.decode().replace("harbour", "port").replace('"flooded"', '"under water"')
    (file,) = service.ask("/v1/check", {"path": "a.py", "text": text}).json["files"]
    match = file["matches"][0]
    asked = {
        "path": "a.py",
        "text": text,
        "lines": match["query"]["lines"],
        "source": match["source"]["swhid"],
    }
    found = service.ask("/v1/compare", asked).json
    assert found["stored"]
    assert {"source": "harbour", "query": "port"}.items() <= found["renames"][0].items()
    marks = {row["mark"] for row in found["rows"]}
    assert {" ", "~", "|"} <= marks
    ours = "\n".join("".join(p[0] for p in row["query"]["parts"]) for row in found["rows"] if row["query"])
    assert ours == "\n".join(text.splitlines()[asked["lines"][0] - 1 : asked["lines"][1]])


def test_an_index_without_texts_says_so(sparse_service, known_files, copied) -> None:
    (file,) = sparse_service.ask("/v1/check", {"path": "a.py", "text": copied.decode()}).json["files"]
    match = file["matches"][0]
    asked = {"text": copied.decode(), "lines": match["query"]["lines"], "source": match["source"]["swhid"]}
    assert sparse_service.ask("/v1/compare", asked).json == {
        "schema": 1,
        "stored": False,
        "rows": [],
        "renames": [],
    }
    known = sparse_service.ask(f"/v1/swhid/{known_files[0].swhid}?text=true").json
    assert known["stored"] is False
    assert "text" not in known
    refused = sparse_service.ask("/v1/search?q=version")
    assert refused.status == 422
    assert "--profile full" in refused.json["detail"]


def test_a_search_finds_what_the_command_finds(service, with_text) -> None:
    found = service.ask("/v1/search?q=version+specifier&limit=5").json
    expected = json.loads(
        command("search", "--index", with_text, "--limit", "5", "--format", "json", "version", "specifier")
    )
    assert [{k: v for k, v in r.items() if k != "language"} for r in found["results"]] == expected["results"]


def test_filters_keep_what_is_like_them_and_count_the_rest(service) -> None:
    every = service.ask("/v1/search?q=rows+level+version&limit=100").json
    assert every["counts"]["found"] == sum(every["counts"]["licenses"].values())
    gpl = service.ask("/v1/search?q=rows+level+version&license=GPL-3.0-only").json
    assert [r["source"]["path"] for r in gpl["results"]] == ["src/tides.py"]
    assert gpl["counts"]["chosen"] == 1
    assert gpl["counts"]["licenses"] == every["counts"]["licenses"]
    assert service.ask("/v1/search?q=rows+level+version&language=COBOL").json["results"] == []
    assert service.ask("/v1/search?q=rows&language=Python&license=GPL-3.0-only").json["results"]


def test_a_content_is_known_by_its_id_with_its_places_and_its_text(service, known_files) -> None:
    file = known_files[-1]
    known = service.ask(f"/v1/swhid/{file.swhid}?text=true").json
    assert known["text"].encode() == file.content
    assert [place["origin"] for place in known["places"]] == [file.origin.url]
    assert known["places"][0]["license"]["expression"] == "GPL-3.0-only"
    qualified = f"/v1/swhid/{file.swhid};origin=https://example.org/tides;lines=2-3"
    assert service.ask(qualified).json["places"][0]["swhid"].endswith("lines=2-3")
    assert service.ask(f"/v1/swhid/swh:1:cnt:{'0' * 40}").status == 404


def test_a_repository_is_held_as_the_command_says(service, with_text) -> None:
    asked = "https://github.com/pallets/click"
    found = service.ask("/v1/am-i-in", {"id": asked + ".git", "limit": 1000}).json
    expected = json.loads(command("am-i-in", "--index", with_text, "--format", "json", asked))
    assert found["held"] == expected["held"]
    assert found["counts"] == expected["counts"]
    few = service.ask("/v1/am-i-in", {"id": asked, "limit": 3}).json
    assert len(few["held"]) == 3
    assert few["more"] == len(expected["held"]) - 3


def test_files_are_held_as_they_are_or_in_part(service, known_files, copied) -> None:
    files = [
        {"path": "whole.py", "text": known_files[0].content.decode()},
        {"path": "part.py", "text": "import os\n\n\n" + copied.decode()},
        {"path": "own.py", "text": "x = [ship for ship in fleet if ship.sails]\n"},
    ]
    found = service.ask("/v1/am-i-in", {"files": files}).json
    assert found["files"] == 3
    assert {held["path"] for held in found["held"]} == {"whole.py", "part.py"}
    assert known_files[0].swhid.object_id in found["opt_out_list"]


def test_facts_count_languages_and_licences(service, known_files) -> None:
    facts = service.ask("/v1/facts").json
    assert facts["index"]["documents"] == len({file.swhid for file in known_files})
    assert facts["index"]["languages"]["Python"] == len(known_files)
    assert facts["index"]["licenses"]["GPL-3.0-only"] == 1
    assert facts["categories"]["GPL-3.0-only"] == "strong-copyleft"
    assert facts["index"]["has_text"]


def test_prometheus_reads_the_measures(service, copied) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    service.ask("/v1/check", {"path": "a.py", "text": copied.decode()})
    service.ask("/v1/swhid/none")
    text = service.ask("/metrics").body.decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    routes = {sample.labels["route"] for sample in families["sc_attrib_requests"].samples}
    assert {"/v1/check", "/v1/swhid/{id:path}"} <= routes
    assert families["sc_attrib_request_seconds"].samples
    assert any(s.labels["verdict"] == "attribute" for s in families["sc_attrib_matches"].samples)
    (index,) = families["sc_attrib_index"].samples
    assert index.labels["generation"] == service.ask("/healthz").json["generation"]


def test_every_answer_is_closed_to_other_pages(service) -> None:
    foreign = {"Origin": "https://example.org"}
    for path in ("/", "/v1/facts", "/explorer/main.js", "/nothing", "/healthz"):
        answer = service.ask(path, headers=foreign)
        assert "access-control-allow-origin" not in answer.headers
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert service.ask("/v1/check", method="OPTIONS", headers=foreign).status == 405
    as_form = service.ask("/v1/check", body=b'{"text": "x"}', headers={"Content-Type": "text/plain"})
    assert as_form.status == 415


def test_the_page_is_kept_by_browsers_while_it_is_the_same(service) -> None:
    page = service.ask("/")
    assert page.headers["content-type"].startswith("text/html")
    again = service.ask("/", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_the_command_ends_in_peace_and_says_where_it_listens(with_text) -> None:
    with commanded("--index", with_text, "--log-requests") as (running, process):
        assert running.ask("/healthz").json["status"] == "ok"
        process.terminate()
        process.wait(30)
    assert any("serving on http://127.0.0.1:" in line for line in running.said)
    assert any("GET /healthz 200" in line for line in running.said)
    assert not any("Traceback" in line for line in running.said)


ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "line", re.findall(r"^\$ (curl .*)$", (ROOT / "docs" / "service.md").read_text("utf-8"), re.MULTILINE)
)
def test_the_examples_of_the_documentation_are_answered(service, line: str) -> None:
    """Read as a shell reads them, and asked without curl, which a machine may not have."""
    words = shlex.split(line)
    (url,) = (word for word in words if word.startswith("http://127.0.0.1:8765/"))
    form = json.loads(words[words.index("--data") + 1]) if "--data" in words else None
    answer = service.ask(url.removeprefix("http://127.0.0.1:8765"), form)
    assert answer.status == 200
    assert answer.json


def test_the_measures_of_the_documentation_are_those_of_the_service(service) -> None:
    page = (ROOT / "docs" / "service.md").read_text("utf-8")
    measured = service.ask("/metrics").body.decode()
    for name in re.findall(r"`(sc_attrib_[a-z_]+)", page):
        assert f"# TYPE {name}" in measured
