/** Restricted Mode: a hostile workspace before it is trusted, when trust is granted, and afterwards. */

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { after, afterEach, before, test } from "node:test";
import { CodeServer, closeBrowser } from "../harness/codeServer.ts";
import { scAttrib } from "../harness/places.ts";
import { wordsOf } from "../harness/processes.ts";
import {
  DENIED_HEAD,
  FRESH_BODY,
  FRESH_HEAD,
  KNOWN_BODY,
  KNOWN_HEAD,
  makeKnown,
  makeWorkspace,
  serverSettings,
} from "../harness/project.ts";
import type { Window } from "../harness/window.ts";

const known = makeKnown();
const marker = path.join(known.folder, "was-run");
/** All that a workspace may try: to run something, to vouch for its code, and to hide what is known of it. */
const ABUSE = {
  "sc-attrib.interpreter": "tools/python",
  "sc-attrib.model.path": "tools/model.gguf",
  "sc-attrib.trace.indexes": [".sc-attrib/index", known.index],
  "sc-attrib.trace.required": false,
  "sc-attrib.trace.onDeny": "annotate",
  "sc-attrib.ledger.enabled": false,
  "sc-attrib.diagnostics.enabled": false,
  "sc-attrib.provenance.inline": false,
};
const workspace = makeHostile();
let editor: CodeServer;
let window: Window;

function makeHostile(): string {
  const folder = makeWorkspace({
    "denied.py": "",
    "fresh.py": "",
    "known.py": "",
    "copied.py": KNOWN_HEAD + KNOWN_BODY,
    "denied_later.py": "",
    "fresh_later.py": "",
    ".vscode/settings.json": JSON.stringify(ABUSE),
    ".sc-attrib.toml": '[policy]\nallow = ["permissive", "GPL-3.0-only"]\n',
    "tools/python": `#!/bin/sh\necho run > ${JSON.stringify(marker)}\n`,
  });
  chmodSync(path.join(folder, "tools/python"), 0o755);
  const claimed = path.join(known.folder, "claimed");
  mkdirSync(claimed);
  writeFileSync(path.join(claimed, "mirror.py"), `# SPDX-License-Identifier: MIT\n\n${FRESH_HEAD}${FRESH_BODY}`);
  const words = ["--tree", claimed, "--origin", "https://example.org/claimed", "--contents"];
  scAttrib(["index", "build", "--index", path.join(folder, ".sc-attrib/index"), ...words]);
  return folder;
}

before(async () => {
  const { machine } = serverSettings(known);
  editor = await CodeServer.start({ machine: { ...machine, "sc-attrib.trace.guard": false }, asksForTrust: true });
  window = await editor.open(workspace);
});
after(async () => {
  await editor.end();
  await closeBrowser();
});
afterEach(async (context) => {
  const { name, passed } = context as unknown as { name: string; passed: boolean };
  if (!passed) await window.screenshot(`failed-${name.replace(/\W+/g, "-")}`);
});

test("a workspace that is not trusted gets suggestions, by the built-in policy and the user's own indexes", async () => {
  await window.statusBarSays(/Restricted Mode/);
  await window.openFile("denied.py");
  await window.isServed();
  await window.type(DENIED_HEAD);
  await window.statusBarSays(/withheld[\s\S]*GPL-3\.0-only/i);
  assert.equal(await window.ghostTextNow(), "");
  await window.openFile("fresh.py");
  await window.type(FRESH_HEAD);
  await window.ghostText();
  await window.sees(/○ no known source/);
});

test("it hides nothing of what is known of its code, and the ledger is kept", async () => {
  await window.openFile("copied.py");
  await window.squiggles().first().waitFor();
  await window.openFile("known.py");
  await window.type(KNOWN_HEAD);
  await window.ghostText();
  await window.sees(/≈ \d+% like quantiles free\.py:\d+-\d+ · MIT/);
  await window.press("Tab");
  await window.save();
  const report = () => editor.scAttrib(["ledger", "report", "--index", known.index], workspace);
  await window.until(async () => report(), (text) => text.includes("known.py"), "the acceptance in the ledger");
});

test("what runs over the workspace as a whole waits for trust, and says so", async () => {
  await window.page.locator('[id$="sc-attrib.status"] a').first().click();
  await window.pick(/Check the workspace/);
  const told = window.page.locator(".notifications-toasts .notification-list-item", { hasText: /is not trusted yet/ });
  await told.first().waitFor();
  await window.screenshot("restricted");
  await told.getByRole("button", { name: "Manage Trust…" }).click();
  await window.page.locator(".workspace-trust-editor").waitFor();
});

test("trusted, the same window uses the workspace's settings, its index and its policy, but runs nothing of it", async () => {
  const [before] = editor.servers();
  assert.ok(before !== undefined && wordsOf(before).includes("--untrusted"));
  await window.page.locator(".workspace-trust-editor").getByRole("button", { name: "Trust", exact: true }).click();
  const isTrusted = (id: number | undefined) => id !== undefined && id !== before && !wordsOf(id).includes("--untrusted");
  await window.until(async () => editor.servers(), (ids) => ids.length === 1 && isTrusted(ids[0]), "a server that trusts");
  await window.openFile("denied_later.py");
  await window.isServed();
  await window.type(DENIED_HEAD);
  await window.ghostText(/^seconds = max\(0, int\(seconds\)\)/);
  await window.statusSays(/suggestion \d+% like quantiles copyleft\.py:\d+-\d+, licence GPL-3\.0-only, allowed/);
  await window.openFile("fresh_later.py");
  await window.type(FRESH_HEAD);
  await window.statusSays(/suggestion \d+% like claimed mirror\.py/);
  await window.command("sc-attrib: Check Workspace");
  const rows = window.page.locator(".pane-body .monaco-list-row");
  await rows.filter({ hasText: /copied\.py/ }).first().waitFor();
  assert.ok(!existsSync(marker), existsSync(marker) ? readFileSync(marker, "utf8") : "");
});
