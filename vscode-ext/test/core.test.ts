/** Words, groups, waits and links: what the extension decides by itself. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Backoff } from "../src/core/backoff";
import { absence, excerpt, sourceTitle } from "../src/core/excerpt";
import {
  findingBrief,
  findingDetails,
  Findings,
  groupBrief,
  grouped,
  openCount,
  readReport,
  spokenFinding,
  summary,
} from "../src/core/findings";
import { levelOf } from "../src/core/log";
import { Lines } from "../src/core/process";
import type { Match, Provenance, SourceText, Verdict } from "../src/core/protocol";
import { linksIn } from "../src/core/reportLinks";
import { look, modelName, type State } from "../src/core/status";
import { archiveLink, brief, details, ghostLine, gravest, headline, percent, spoken } from "../src/core/words";

function match(changes: { verdict?: Verdict; license?: string; lines?: [number, number]; reason?: string } = {}): Match {
  return {
    kind: "literal",
    verdict: changes.verdict ?? "attribute",
    reason: changes.reason ?? "",
    similarity: 0.92,
    tokens: 120,
    query: { lines: changes.lines ?? [4, 34] },
    source: {
      swhid: "swh:1:cnt:617ff5ed0000000000000000000000000000000a;path=/a b.py",
      lines: [120, 141],
      origin: "https://example.org/requests/",
      path: "requests/api.py",
      revision: "requests 2",
    },
    license: { expression: changes.license ?? "Apache-2.0", evidence: ["LICENSE: Apache-2.0"], conflicts: [] },
  };
}

function provenance(changes: Partial<Provenance> = {}): Provenance {
  const matches = changes.matches ?? [match()];
  return { id: "1", model: "m", traced: true, decision: "annotate", verdict: "attribute", reason: "", ...changes, matches };
}

describe("words", () => {
  test("a match is named by likeness, place and licence", () => {
    assert.equal(headline(match()), "92% like requests requests/api.py:120-141 · Apache-2.0");
  });

  test("what is not wholly alike is never called so", () => {
    assert.deepEqual([percent(0.999), percent(1), percent(0.004)], ["99%", "100%", "0%"]);
  });

  test("the line beside ghost text has a sign and words, and says which of several it is", () => {
    assert.equal(ghostLine(provenance(), 0, 1), "≈ 92% like requests requests/api.py:120-141 · Apache-2.0");
    assert.equal(ghostLine(provenance({ matches: [] }), 0, 1), "○ no known source");
    assert.equal(ghostLine(provenance({ traced: false, matches: [] }), 1, 3), "? not traced: there is no index (2 of 3)");
    assert.match(ghostLine(provenance({ verdict: "deny" }), 0, 1), / · denied by the policy$/);
  });

  test("a screen reader hears no signs", () => {
    const said = [spoken(provenance()), spoken(provenance({ matches: [] })), spoken(provenance({ traced: false }))];
    for (const one of said) assert.doesNotMatch(one, /[≈○·?]/);
    assert.match(said[0] ?? "", /licence Apache-2\.0, needs attribution$/);
  });

  test("details hold nothing that is read as markup", () => {
    const text = details(match({ reason: "<img src=x> [a](command:b) `c`\n# d" }));
    assert.match(text, /\\<img src=x\\> \\\[a\\\]\(command:b\) \\`c\\` \\# d/);
  });

  test("the archive's address is a valid one", () => {
    assert.equal(
      archiveLink("swh:1:cnt:1;path=/a b#?.py;lines=1-2"),
      "https://archive.softwareheritage.org/swh:1:cnt:1;path=/a%20b%23%3F.py;lines=1-2",
    );
  });

  test("the gravest verdict leads", () => {
    assert.equal(gravest(["allow", "deny", "review"]), "deny");
    assert.equal(gravest([]), "exempt");
  });
});

describe("findings", () => {
  test("what an open file is marked with goes before what was checked, and stays when it is closed", () => {
    const findings = new Findings();
    findings.replace(new Map([["file:///a", [match()]], ["file:///b", [match()]]]));
    findings.mark("file:///a", []);
    assert.deepEqual(findings.all().map(({ uri }) => uri), ["file:///b"]);
    findings.mark("file:///a", undefined);
    assert.equal(findings.all().length, 1);
    findings.replace(new Map([["file:///a", [match()]]]));
    assert.deepEqual(findings.all().map(({ uri }) => uri), ["file:///a"]);
  });

  test("common and ignored code is not listed", () => {
    const findings = new Findings();
    findings.mark("file:///a", [match({ verdict: "common" }), match({ verdict: "ignored" }), match({ verdict: "allow" })]);
    assert.deepEqual(findings.all().map((one) => one.match.verdict), ["allow"]);
    assert.equal(openCount(findings.all()), 0);
  });

  test("groups are licences or files, the gravest first, with counts", () => {
    const found = [
      { uri: "file:///b", match: match({ license: "MIT" }) },
      { uri: "file:///a", match: match({ license: "MIT" }) },
      { uri: "file:///a", match: match({ license: "GPL-3.0-only", verdict: "deny" }) },
    ];
    const licenses = grouped(found, "license");
    assert.deepEqual(licenses.map(({ name }) => name), ["GPL-3.0-only", "MIT"]);
    assert.deepEqual(licenses.map(summary), [
      "1 match in 1 file · denied by the policy",
      "2 matches in 2 files · needs attribution",
    ]);
    assert.deepEqual(grouped(found, "file").map(summary), ["2 matches · denied by the policy", "1 match · needs attribution"]);
    assert.deepEqual(grouped([], "file"), []);
  });

  test("a narrow view shows what is asked for first, and the tooltip all of it", () => {
    const found = { uri: "file:///w/src/deep/a.py", match: match() };
    assert.equal(findingBrief(found, "license"), "attribute · 92% requests");
    assert.equal(findingBrief(found, "file"), "attribute · Apache-2.0 · 92% requests");
    const [group] = grouped([found, found], "license");
    assert.ok(group !== undefined);
    assert.equal(groupBrief(group), "attribute · 2");
    const tooltip = findingDetails(found, "src/deep/a_b.py").replaceAll("\\", "");
    for (const part of ["src/deep/a_b.py:4-34", "requests/api.py:120-141", "92%", "Apache-2.0", "needs attribution"]) {
      assert.ok(tooltip.includes(part), part);
    }
  });

  test("those of a line are found, the gravest first", () => {
    const findings = new Findings();
    findings.mark("u", [match({ lines: [1, 9] }), match({ lines: [5, 5], verdict: "review" })]);
    assert.deepEqual(findings.at("u", 5).map(({ verdict }) => verdict), ["review", "attribute"]);
    assert.equal(findings.at("u", 10).length, 0);
    assert.equal(findings.at("other", 5).length, 0);
  });

  test("a screen reader hears file, lines, source and verdict", () => {
    const said = spokenFinding({ uri: "u", match: match() }, "src/a.py");
    assert.equal(said, "src/a.py lines 4-34, 92% like requests requests/api.py:120-141 · Apache-2.0, needs attribution");
  });

  test("a report of another schema is refused", () => {
    assert.throws(() => readReport('{"schema": 2, "files": []}'), /schema 2, and this extension reads 1/);
    assert.throws(() => readReport("Traceback"), SyntaxError);
  });
});

describe("sources", () => {
  test("an excerpt is its lines, split on line feeds only", () => {
    assert.equal(excerpt("a\nb\fc\nd\ne", [2, 3]), "b\fc\nd");
    assert.equal(excerpt("a\nb", null), "a\nb");
    assert.equal(excerpt("a", [5, 9]), "");
  });

  test("where the text is not here that is said, with where it can be seen", () => {
    const source: SourceText = {
      swhid: "swh:1:cnt:1",
      origin: "https://example.org/x",
      path: "/a.py",
      lines: [3, 9],
      link: "https://archive.softwareheritage.org/swh:1:cnt:1",
      text: null,
      held: null,
      place: null,
      reason: "The text is not on this machine.",
    };
    const note = absence(source);
    for (const part of ["not the source", source.reason, "/a.py, lines 3-9", source.link]) assert.ok(note.includes(part));
  });

  test("a title names the path with its lines, or the SWHID", () => {
    assert.equal(sourceTitle("/a/b.py", "swh:1:cnt:1", [3, 9]), "a/b.py:3-9");
    assert.equal(sourceTitle(null, "swh:1:cnt:1;lines=3-9", null), "swh:1:cnt:1");
  });
});

describe("restarts", () => {
  test("wait longer and longer, and end", () => {
    const backoff = new Backoff(() => 0);
    assert.deepEqual(Array.from({ length: 6 }, () => backoff.next()), [1000, 2000, 4000, 8000, 16000, undefined]);
    assert.equal(backoff.isFirst, false);
  });

  test("begin anew after a sound life, and when somebody asks", () => {
    let now = 0;
    const backoff = new Backoff(() => now);
    backoff.begin();
    backoff.next();
    backoff.next();
    now += 10 * 60_000;
    assert.equal(backoff.next(), 1000);
    backoff.next();
    backoff.reset();
    assert.equal(backoff.next(), 1000);
  });
});

describe("the status bar", () => {
  const states: State[] = [
    { kind: "starting" },
    { kind: "failed", found: { ok: false, problem: "absent", sentence: "It is not installed." } },
    { kind: "waiting", seconds: 4, isFirst: true },
    { kind: "stopped", reason: "" },
    { kind: "stopped", reason: "It ended again and again." },
    { kind: "running", status: undefined },
    ...(["Normal", "Warning", "Error", "Inactive"] as const).flatMap((kind) =>
      [true, false].map((busy): State => ({ kind: "running", status: { kind, message: "tiny (5M)", busy } })),
    ),
  ];

  test("says every state in words, on screen and to a screen reader", () => {
    for (const state of states) {
      const found = look(state);
      assert.match(found.text, /sc-attrib: \w+/, JSON.stringify(state));
      assert.doesNotMatch(found.spoken, /\$\(/);
      assert.ok(found.spoken.length > "sc-attrib, ".length);
    }
  });

  test("shows the model, and where the suggestion on screen is from", () => {
    const suggestion = { brief: brief(provenance()), spoken: spoken(provenance()) };
    const found = look({ kind: "running", status: { kind: "Normal", message: "tiny (5M)", busy: false } }, suggestion);
    assert.equal(found.text, "$(verified) sc-attrib: tiny · Apache-2.0, needs attribution");
    assert.match(found.spoken, /tiny \(5M\), suggestion 92% like requests/);
    assert.equal(modelName("starcoder2_3b (starcoder2, 3.03G parameters, Q4_K)"), "starcoder2_3b");
  });
});

describe("what a program says", () => {
  test("comes line by line, and what was overwritten is not kept", () => {
    const heard: string[] = [];
    const lines = new Lines((line) => heard.push(line));
    for (const chunk of ["10", "%\r50%\r10", "0%\ndo", "ne\r\n\n", "last"]) lines.take(chunk);
    assert.equal(lines.end(), "100%\ndone\nlast");
    assert.deepEqual(heard, ["10%", "50%", "100%", "done", "last"]);
  });

  test("has the level that Python's logging gave it", () => {
    const lines = ["ERROR lsp.x: a", "CRITICAL b", "WARNING lsp.y: c", "INFO d", "DEBUG e", "    raise ValueError", "ERRORS"];
    assert.deepEqual(lines.map(levelOf), ["error", "error", "warn", "info", "info", "info", "info"]);
  });

  test("of a report the heads of blocks and the SWHIDs are links", () => {
    const swhid = `swh:1:cnt:${"a".repeat(40)};lines=1-2`;
    const links = linksIn(`src/a b.py:3-9  edited\n    swhid     ${swhid}\n    12:30  no place\n`);
    assert.deepEqual(links.map(({ line, start, end }) => [line, start, end]), [[0, 0, 14], [1, 14, 14 + swhid.length]]);
    assert.deepEqual(links[0]?.target, { kind: "file", path: "src/a b.py", first: 3 });
  });
});
