/** What a user does in the first minutes, in a real VS Code. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { CodeServer, closeBrowser } from "../harness/codeServer.ts";
import { FRESH_BODY, FRESH_HEAD, KNOWN_BODY, KNOWN_HEAD, makeKnown, makeWorkspace, serverSettings } from "../harness/project.ts";

const known = makeKnown();
let server: CodeServer;

before(async () => {
  server = await CodeServer.start(serverSettings(known));
});
after(async () => {
  await server.end();
  await closeBrowser();
});

test("typing brings ghost text with its source and licence beside it, and Tab takes it", async () => {
  const workspace = makeWorkspace({ "stats.py": "" });
  const window = await server.open(workspace);
  await window.openFile("stats.py");
  await window.isServed();
  await window.type(KNOWN_HEAD);
  const ghost = await window.ghostText();
  assert.match(ghost, /if len\(weights\) != len\(values\):/);
  await window.screenshot("ghost-text");
  await window.sees(/free\.py:\d+-\d+ · MIT/);
  await window.press("Tab");
  await window.save();
  assert.equal(readFileSync(path.join(workspace, "stats.py"), "utf8").trimEnd(), (KNOWN_HEAD + KNOWN_BODY).trimEnd());
});
