/** What goes wrong, and what a person is told of it, in a real VS Code. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CodeServer, closeBrowser } from "../harness/codeServer.ts";
import { installedPackages, PYTHON, scAttrib } from "../harness/places.ts";
import { FRESH_HEAD, KNOWN_BODY, KNOWN_HEAD, makeKnown, makeWorkspace, serverSettings } from "../harness/project.ts";
import type { Window } from "../harness/window.ts";

const known = makeKnown();
const settings = serverSettings(known);
let editor: CodeServer;

before(async () => {
  editor = await CodeServer.start(settings);
});
after(async () => {
  await editor.end();
  await closeBrowser();
});

async function givesSuggestions(window: Window): Promise<void> {
  await window.isServed();
  await window.type(FRESH_HEAD);
  assert.match(await window.ghostText(), /return \[row\[::-1\]/);
}

async function opened(files: Record<string, string> = { "own.py": "" }, name = "own.py"): Promise<Window> {
  const window = await editor.open(makeWorkspace(files));
  await window.openFile(name);
  return window;
}

test("a server that is killed comes back by itself, and this is said once", async () => {
  const window = await opened();
  await window.isServed();
  for (let times = 0; times < 2; times += 1) {
    const [first, ...others] = editor.servers();
    assert.ok(first !== undefined && others.length === 0);
    process.kill(first, "SIGKILL");
    await window.until(async () => editor.servers(), ([id]) => id !== undefined && id !== first, "a new server");
    await window.isServed();
  }
  await givesSuggestions(window);
  const told = (await window.notifications()).filter((text) => /ended/.test(text));
  assert.equal(told.length, 1, JSON.stringify(told));
  await window.close();
});

test("without its Python it says which one is missing and how to go on; named anew, it starts", async () => {
  const window = await opened();
  await window.isServed();
  const missing = path.join(known.folder, "nowhere", "python");
  editor.settings({}, { ...settings.machine, "sc-attrib.interpreter": missing });
  await window.statusSays(/cannot start[\s\S]*sc-attrib\.interpreter names[\s\S]*nowhere\/python\) does not exist/);
  await window.screenshot("python-missing");
  editor.settings({}, settings.machine);
  await givesSuggestions(window);
  await window.close();
});

test("a Python that is too old, or has no sc-attrib, is refused with its version", async () => {
  const window = await opened();
  const old = path.join(known.folder, "python3.9");
  writeFileSync(old, `#!/bin/sh\necho '{"python": [3, 9], "version": null, "serves": false}'\n`);
  chmodSync(old, 0o755);
  editor.settings({}, { ...settings.machine, "sc-attrib.interpreter": old });
  await window.statusSays(/is Python 3\.9; sc-attrib needs 3\.11 or newer/);
  const bare = path.join(known.folder, "bare");
  execFileSync(PYTHON, ["-m", "venv", "--without-pip", bare]);
  editor.settings({}, { ...settings.machine, "sc-attrib.interpreter": path.join(bare, "bin/python") });
  await window.statusSays(/has no sc-attrib installed/);
  editor.settings({}, settings.machine);
  await givesSuggestions(window);
  await window.close();
});

test("an environment that is deleted while it runs is named; put back, a restart is enough", async () => {
  const environment = path.join(known.folder, "environment");
  execFileSync(PYTHON, ["-m", "venv", "--without-pip", environment]);
  const [version] = readdirSync(path.join(environment, "lib"));
  const packages = path.join(environment, "lib", version ?? "", "site-packages");
  writeFileSync(path.join(packages, "others.pth"), `import site; site.addsitedir(${JSON.stringify(installedPackages())})\n`);
  editor.settings({}, { ...settings.machine, "sc-attrib.interpreter": path.join(environment, "bin/python") });
  const window = await opened();
  await window.isServed();
  renameSync(environment, `${environment}-away`);
  for (const id of editor.servers()) process.kill(id, "SIGKILL");
  await window.statusSays(/cannot start[\s\S]*environment\/bin\/python\) does not exist/);
  renameSync(`${environment}-away`, environment);
  await window.command("sc-attrib: Restart");
  await givesSuggestions(window);
  editor.settings({}, settings.machine);
  await window.close();
});

test("a model file that is not there is named once, files are checked all the same, and another one is taken", async () => {
  const nowhere = path.join(known.folder, "nowhere.gguf");
  editor.settings({}, { ...settings.machine, "sc-attrib.model.path": nowhere });
  const window = await opened({ "own.py": "", "copied.py": KNOWN_HEAD + KNOWN_BODY });
  await window.statusSays(/problem[\s\S]*nowhere\.gguf/);
  await window.openFile("copied.py");
  await window.squiggles().first().waitFor();
  editor.settings({}, settings.machine);
  await window.openFile("own.py");
  await givesSuggestions(window);
  const told = (await window.notifications()).filter((text) => text.includes("nowhere.gguf"));
  assert.equal(told.length, 1, JSON.stringify(told));
  await window.close();
});

test("an index that is built anew under a running server is used from the next save on", async () => {
  const tree = mkdtempSync(path.join(tmpdir(), "sca-t"));
  const index = path.join(tree, "index");
  mkdirSync(path.join(tree, "project"));
  writeFileSync(path.join(tree, "project", "other.py"), "# SPDX-License-Identifier: MIT\n\nprint('other')\n");
  const build = () =>
    scAttrib(["index", "build", "--index", index, "--tree", path.join(tree, "project"), "--origin", "https://example.org/p"]);
  build();
  editor.settings({}, { ...settings.machine, "sc-attrib.trace.indexes": [index] });
  const window = await opened({ "copied.py": KNOWN_HEAD + KNOWN_BODY }, "copied.py");
  await window.isServed();
  writeFileSync(
    path.join(tree, "project", "free.py"),
    `# SPDX-License-Identifier: MIT\n\n${KNOWN_HEAD}${KNOWN_BODY}`,
  );
  build();
  assert.equal(await window.squiggles().count(), 0);
  await window.press("Control+End", "Enter");
  await window.save();
  await window.squiggles().first().waitFor();
  editor.settings({}, settings.machine);
  await window.close();
});

test("a window that is reloaded in the midst of a suggestion leaves no server behind and goes on", async () => {
  const window = await opened();
  await window.isServed();
  const [before] = editor.servers();
  await window.type("slow = ");
  await sleep(500); // the model writes for forty seconds
  await window.press("Control+A", "Delete");
  await window.save();
  await window.reload();
  await window.openFile("own.py");
  await givesSuggestions(window);
  await window.until(async () => editor.servers(), (ids) => ids.length === 1 && ids[0] !== before, "the old server's end");
  await window.close();
});

test("two windows on one workspace have a server each and write into one ledger", async () => {
  const workspace = makeWorkspace({ "one.py": "", "two.py": "" });
  for (const [name, window] of [
    ["one.py", await editor.open(workspace)],
    ["two.py", await editor.open(workspace)],
  ] as const) {
    await window.openFile(name);
    await window.isServed();
    await window.type(KNOWN_HEAD);
    await window.ghostText();
    await window.press("Tab");
    await window.save();
  }
  const report = () => editor.scAttrib(["ledger", "report", "--index", known.index], workspace);
  const deadline = performance.now() + 120_000;
  while (!(report().includes("one.py") && report().includes("two.py"))) {
    assert.ok(performance.now() < deadline, report());
    await sleep(200);
  }
});

test("a file of 50,000 lines gets suggestions at its end", async () => {
  const text = Array.from({ length: 50_000 }, (_, number) => `value_${number} = ${number} * scale\n`).join("");
  const window = await opened({ "long.py": text }, "long.py");
  await window.goTo(50_001, 1);
  await givesSuggestions(window);
  await window.close();
});

test("in a workspace of several folders each file is judged by the policy of its own", async () => {
  const copied = KNOWN_HEAD + KNOWN_BODY;
  const folder = makeWorkspace({
    "strict/first.py": copied,
    "strict/.sc-attrib.toml": '[policy]\ndeny = ["MIT"]\n',
    "lenient/second.py": copied,
    "both.code-workspace": JSON.stringify({ folders: [{ path: "strict" }, { path: "lenient" }] }),
  });
  const window = await editor.open(path.join(folder, "both.code-workspace"));
  await window.openFile("first.py");
  await window.isServed();
  await window.page.locator(".editor-instance .squiggly-error").first().waitFor();
  await window.openFile("second.py");
  await window.page.locator(".editor-instance .squiggly-info").first().waitFor();
  await window.close();
});

test("nothing of a workspace is run, though it holds folders with our names", async () => {
  const marker = path.join(known.folder, "imported");
  const hostile = `open(${JSON.stringify(marker)}, "w").write(__name__)\nraise SystemExit(__name__)\n`;
  const names = ["lsp", "assistant", "attribution", "pygls", "json", "sitecustomize"];
  const files = Object.fromEntries(names.map((name) => [`${name}/__init__.py`, hostile]));
  const window = await opened({ ...files, "sitecustomize.py": hostile, "own.py": "" });
  await givesSuggestions(window);
  assert.ok(!existsSync(marker));
  await window.close();
});
