/** `protocol.ts` says what the server says: every message that the extension reads, from the real server. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { readReport } from "../src/core/findings";
import { linksIn } from "../src/core/reportLinks";
import { modelChoices, readModels } from "../src/core/models";
import * as protocol from "../src/core/protocol";
import type { Lines, Match, Provenance, SourceText, Status, Withheld } from "../src/core/protocol";
import { ghostLine, gravity } from "../src/core/words";
import { BODY, DENIED_HEAD, HEAD, Place, scAttrib, Talk } from "./server";
import { list, number, oneOf, orNull, shape, text, truth, type Shape } from "./shapes";

const VERDICTS = ["deny", "review", "attribute", "allow", "common", "exempt", "ignored"] as const;
const lines = (value: unknown, where: string) => {
  list(number)(value, where);
  assert.equal((value as Lines).length, 2, where);
};
const match = shape<Match>({
  kind: text,
  verdict: oneOf(...VERDICTS),
  reason: text,
  similarity: number,
  tokens: number,
  query: shape<Match["query"]>({ lines }),
  source: shape<Match["source"]>({ swhid: text, lines: orNull(lines), origin: text, path: text, revision: orNull(text) }),
  license: shape<Match["license"]>({ expression: text, evidence: list(text), conflicts: list(text) }),
});
const provenance: Shape<Provenance> = {
  id: text,
  model: text,
  traced: truth,
  decision: oneOf("show", "annotate", "withhold"),
  verdict: oneOf(...VERDICTS),
  reason: text,
  matches: list(match),
};

describe("the server's messages", () => {
  let place: Place;
  let talk: Talk;
  before(async () => {
    place = new Place();
    talk = await Talk.begin(place, { guard: false });
  });
  after(() => talk.end());

  test("its state comes as didChangeStatus", async () => {
    const kinds = oneOf("Normal", "Warning", "Error", "Inactive");
    shape<Status>({ kind: kinds, message: text, busy: truth })(await talk.next(protocol.DID_CHANGE_STATUS), "status");
  });

  test("a suggestion carries its provenance in the argument of its command", async () => {
    await talk.open(place.file("a.py"), `${HEAD}    `);
    const { items } = await talk.suggest(place.file("a.py"), 1, 4);
    const [item] = items;
    assert.equal(item?.command.command, protocol.ACCEPTED);
    const [argument] = item.command.arguments;
    shape<Provenance>(provenance)(argument, "provenance");
    const line = ghostLine(argument as Provenance, 0, 1);
    assert.equal(line, `≈ ${item.command.title}`, "both sides put it into the same words");
  });

  test("a suggestion that is withheld is told with its reason", async () => {
    await talk.open(place.file("b.py"), `${DENIED_HEAD}    `);
    assert.deepEqual((await talk.suggest(place.file("b.py"), 1, 4)).items, []);
    const withheld = await talk.next(protocol.DID_WITHHOLD);
    shape<Withheld>({ ...provenance, uri: text })(withheld, "withheld");
    assert.match((withheld as Withheld).reason, /GPL-3\.0-only/);
  });

  test("a mark carries its match, and its source can be asked for", async () => {
    await talk.open(place.file("c.py"), `${HEAD}${BODY}`);
    const found = await marks(talk, place.file("c.py"));
    match(found[0], "match");
    const { swhid } = (found[0] as Match).source;
    const source: unknown = await talk.connection.sendRequest(protocol.SOURCE, { swhid });
    shape<SourceText>({
      swhid: text,
      origin: orNull(text),
      path: orNull(text),
      lines: orNull(lines),
      link: text,
      text: orNull(text),
      held: oneOf("index", "file", null),
      place: orNull(text),
      reason: text,
    })(source, "source");
    assert.equal((source as SourceText).text, null, "an index keeps no texts unless it is asked to");
  });

  test("the commands that it registers are none of the extension's own", () => {
    const provider = talk.answer.capabilities["executeCommandProvider"] as { commands: string[] };
    const manifest = JSON.parse(readFileSync(path.join(__dirname, "..", "..", "package.json"), "utf8")) as {
      contributes: { commands: { command: string }[] };
    };
    const ours = manifest.contributes.commands.map(({ command }) => command);
    assert.deepEqual(provider.commands.filter((command) => ours.includes(command)), []);
  });
});

describe("the command line's reports", () => {
  test("a check is read", () => {
    const place = new Place();
    const report = scAttrib(place.folder, "check", "--format", "json", "--fail-on", "never", "--index", place.index, "known");
    const found = readReport(report);
    const all = [...found.values()].flat();
    assert.ok(all.length >= 2);
    all.forEach((one, at) => match(one, `matches[${at}]`));
    assert.ok(all.every(({ verdict }) => gravity(verdict) >= 0));
  });

  test("the models of this machine are choices, the bundled one by an empty path", () => {
    const [first] = modelChoices(readModels(scAttrib(process.cwd(), "model", "list", "--format", "json")), "");
    assert.deepEqual([first?.path, first?.description], ["", "bundled, in use"]);
  });

  test("of a ledger's report the places and SWHIDs are links", async () => {
    const place = new Place();
    const talk = await Talk.begin(place);
    const uri = place.file("a.py");
    await talk.open(uri, `${HEAD}    `);
    const [item] = (await talk.suggest(uri, 1, 4)).items;
    assert.ok(item !== undefined);
    await talk.connection.sendRequest("workspace/executeCommand", item.command);
    await talk.end();
    writeFileSync(path.join(place.workspace, "a.py"), `${HEAD}${BODY}`);
    process.env["XDG_STATE_HOME"] = place.folder;
    const report = scAttrib(place.workspace, "ledger", "report", "--index", place.index);
    const targets = linksIn(report).map(({ target }) => target);
    assert.deepEqual(targets[0], { kind: "file", path: "a.py", first: 2 });
    assert.ok(targets.some(({ kind }) => kind === "swhid"), report);
  });
});

async function marks(talk: Talk, uri: string): Promise<unknown[]> {
  for (;;) {
    const params = (await talk.next("textDocument/publishDiagnostics")) as {
      uri: string;
      diagnostics: { data?: unknown }[];
    };
    if (params.uri === uri && params.diagnostics.length > 0) return params.diagnostics.map(({ data }) => data);
  }
}
