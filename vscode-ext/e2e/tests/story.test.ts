/** What a user does in the first minutes, in a real VS Code; each test goes on where the one before it ended. */

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { after, afterEach, before, test } from "node:test";
import { CodeServer, closeBrowser } from "../harness/codeServer.ts";
import {
  DENIED_BODY,
  DENIED_HEAD,
  functionOf,
  KNOWN_BODY,
  KNOWN_HEAD,
  makeKnown,
  makeWorkspace,
  serverSettings,
} from "../harness/project.ts";
import type { Window } from "../harness/window.ts";

const known = makeKnown();
const { machine } = serverSettings(known);
const RENAMED = (KNOWN_HEAD + KNOWN_BODY).replaceAll("weights", "shares").replaceAll("running", "so_far");
const workspace = makeWorkspace(
  { "stats.py": "", "urls.py": "", "report.py": `import sys\n\n\n${RENAMED}`, "durations.py": "" },
  "my-project",
);
let editor: CodeServer;
let window: Window;

before(async () => {
  editor = await CodeServer.start({ machine: { ...machine, "sc-attrib.trace.guard": false } });
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

function read(file: string): string {
  const there = path.join(workspace, file);
  return existsSync(there) ? readFileSync(there, "utf8") : "";
}

test("typing brings ghost text with its source and licence beside it, for eyes and ears", async () => {
  await window.openFile("stats.py");
  await window.isServed();
  await window.press("Control+B");
  await window.type(KNOWN_HEAD);
  await window.ghostText(/if len\(weights\) != len\(values\):[\s\S]*return values\[-1\]/);
  await window.sees(/≈ \d+% like quantiles free\.py:\d+-\d+ · MIT/);
  await window.statusSays(/suggestion \d+% like quantiles free\.py:\d+-\d+, licence MIT, needs attribution/);
  await window.screenshot("ghost-text");
});

test("the keyboard alone shows where the suggestion comes from before it is taken", async () => {
  await window.press("Control+Alt+I");
  const rows = window.page.locator(".quick-input-list .monaco-list-row");
  await rows.filter({ hasText: /like quantiles free\.py:\d+-\d+ · MIT/ }).waitFor();
  await window.press("Escape");
});

test("Tab takes it, and the ledger knows it", async () => {
  await window.ghostText();
  await window.press("Tab");
  await window.save();
  assert.equal(read("stats.py").trimEnd(), (KNOWN_HEAD + KNOWN_BODY).trimEnd());
  await window.command("sc-attrib: Report What Was Accepted");
  await window.sees(/stats\.py[\s\S]*MIT/);
  await window.press("Control+W");
});

test("a pasted function of another project is marked, and a quick fix attributes it", async () => {
  await window.openFile("urls.py");
  await window.paste(functionOf("requests/utils.py", "unquote_unreserved"));
  await window.save();
  await window.squiggles().first().waitFor();
  const [problem] = (await window.problems()).filter((row) => /requests/.test(row));
  assert.match(problem ?? "", /utils\.py[\s\S]*Apache-2\.0/);
  await window.openFile("urls.py", 9, 5);
  const fixes = await window.quickFixes();
  for (const wanted of [/^Attribute to /, /^Add .* to NOTICE/, /^Exempt /, /^Ignore /, /^Compare with /, /^Replace /]) {
    assert.ok(fixes.some((title) => wanted.test(title)), `${String(wanted)} is not among ${fixes.join("; ")}`);
  }
  await window.applyQuickFix(/^Attribute to /);
  await window.sees(/SPDX-License-Identifier|Copied from|requests\/utils\.py|github\.com\/psf\/requests/);
  await window.until(() => window.squiggles().count(), (count) => count === 0, "the mark's end, though nothing is saved");
  await window.command("File: Save All");
  await window.until(async () => read("urls.py"), (text) => /^# .*requests/m.test(text), "the comment on disk");
  await window.until(async () => read("NOTICE"), (text) => /github\.com\/psf\/requests/.test(text), "the notice");
  await window.press("Control+J");
});

test("the view of attributions lists the workspace by licence, and leads to the code and its quick fixes", async () => {
  writeFileSync(path.join(workspace, "durations.py"), DENIED_HEAD + DENIED_BODY);
  await window.command("sc-attrib: Check Workspace");
  const rows = window.page.locator(".pane-body .monaco-list-row");
  await rows.filter({ hasText: "GPL-3.0-only" }).first().waitFor();
  const texts = (await rows.allTextContents()).join("\n");
  assert.match(texts, /MIT/);
  assert.match(texts, /durations\.py:\d+-\d+/);
  await rows.filter({ hasText: /report\.py:\d+/ }).first().click();
  await window.page.locator('.tab.active[data-resource-name="report.py"]').waitFor();
  await window.openFile("report.py", 6, 5);
  await window.quickFixes();
  await window.screenshot("attributions");
  await window.press("Escape");
});

test("the source stands beside one's own code, and in a peek", async () => {
  await window.press("Control+B");
  await window.command("sc-attrib: Compare with Source");
  await window.page.locator(".monaco-diff-editor .view-line", { hasText: "weights" }).first().waitFor();
  await window.page.locator(".tab.active", { hasText: "free.py" }).waitFor();
  await window.page.locator(".monaco-diff-editor .line-insert").first().waitFor();
  await window.screenshot("side-by-side");
  await window.press("Control+W");
  await window.openFile("report.py", 6, 5);
  await window.command("sc-attrib: Peek Source");
  await window.page.locator(".peekview-widget .view-line", { hasText: "weights" }).first().waitFor();
  await window.screenshot("peek");
  await window.press("Escape");
});

test("code that the policy denies is withheld, and the reason is said", async () => {
  await window.openFile("durations.py");
  await window.press("Control+A", "Delete");
  await window.type(DENIED_HEAD);
  await window.statusBarSays(/withheld[\s\S]*GPL-3\.0-only/i);
  assert.equal(await window.ghostTextNow(), "");
  await window.screenshot("withheld");
});

test("a changed policy withholds what was suggested before", async () => {
  writeFileSync(path.join(workspace, ".sc-attrib.toml"), '[policy]\ndeny = ["MIT"]\n');
  await window.openFile("stats.py");
  await window.press("Control+A", "Delete");
  await window.type(KNOWN_HEAD);
  await window.statusBarSays(/withheld[\s\S]*MIT/i);
  assert.equal(await window.ghostTextNow(), "");
});
