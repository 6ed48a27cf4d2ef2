/** What goes wrong, and what a person is told of it, in a real VS Code. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CodeServer, closeBrowser } from "../harness/codeServer.ts";
import { installedPackages, newFolder, PYTHON, scAttrib } from "../harness/places.ts";
import { runsWith } from "../harness/processes.ts";
import { FRESH_HEAD, KNOWN_BODY, KNOWN_HEAD, makeKnown, makeWorkspace, serverSettings } from "../harness/project.ts";
import type { Window } from "../harness/window.ts";

const known = makeKnown();
const settings = serverSettings(known);
/** A function that the usual index does not know. */
const RENEWED = `def merge_intervals(intervals):
    merged = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
`;
const EMPTY = ["killed", "missing", "old", "environment", "own", "reloaded", "after", "one", "two"];
const LONG = Array.from({ length: 50_000 }, (_, number) => `value_${number} = ${number} * scale\n`).join("");
const workspace = makeWorkspace({
  ...Object.fromEntries(EMPTY.map((name) => [`${name}.py`, ""])),
  "copied.py": KNOWN_HEAD + KNOWN_BODY,
  "renewed.py": RENEWED,
  "long.py": LONG,
});
let editor: CodeServer;
/** The window that most tests share; each works in files of its own. */
let window: Window;

before(async () => {
  editor = await CodeServer.start(settings);
  window = await editor.open(workspace);
});
afterEach(async (context) => {
  const { name, passed } = context as unknown as { name: string; passed: boolean };
  if (!passed) await window.screenshot(`failed-${name.replace(/\W+/g, "-")}`);
  await window.press("Escape", "Escape");
  editor.settings({}, settings.machine);
});
after(async () => {
  await editor.end();
  await closeBrowser();
});

async function givesSuggestions(where: Window = window): Promise<void> {
  await where.isServed();
  await where.type(FRESH_HEAD);
  await where.ghostText(/return \[row\[::-1\]/);
}

test("a server that is killed comes back by itself, and this is said once", async () => {
  await window.openFile("killed.py");
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
});

test("without its Python it says which one is missing and how to go on; named anew, it starts", async () => {
  await window.openFile("missing.py");
  await window.isServed();
  const missing = path.join(known.folder, "nowhere", "python");
  editor.settings({}, { ...settings.machine, "sc-attrib.interpreter": missing });
  await window.statusSays(/cannot start[\s\S]*sc-attrib\.interpreter names[\s\S]*nowhere\/python\) does not exist/);
  await window.screenshot("python-missing");
  editor.settings({}, settings.machine);
  await givesSuggestions();
});

test("a Python that is too old, or has no sc-attrib, is refused with its version", async () => {
  await window.openFile("old.py");
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
  await givesSuggestions();
});

test("an environment that is deleted while it runs is named; put back, a restart is enough", async () => {
  const environment = path.join(known.folder, "environment");
  const python = path.join(environment, "bin/python");
  execFileSync(PYTHON, ["-m", "venv", "--without-pip", environment]);
  const [version] = readdirSync(path.join(environment, "lib"));
  const packages = path.join(environment, "lib", version ?? "", "site-packages");
  writeFileSync(path.join(packages, "others.pth"), `import site; site.addsitedir(${JSON.stringify(installedPackages())})\n`);
  editor.settings({}, { ...settings.machine, "sc-attrib.interpreter": python });
  await window.openFile("environment.py");
  await window.until(async () => editor.servers(), (ids) => ids.some((id) => runsWith(id, python)), "a server of it");
  await window.isServed();
  renameSync(environment, `${environment}-away`);
  for (const id of editor.servers()) process.kill(id, "SIGKILL");
  await window.statusSays(/cannot start[\s\S]*environment\/bin\/python\) does not exist/);
  renameSync(`${environment}-away`, environment);
  await window.command("sc-attrib: Restart");
  await givesSuggestions();
});

test("a model file that is not there is named once, files are checked all the same, and another one is taken", async () => {
  const nowhere = path.join(known.folder, "nowhere.gguf");
  editor.settings({}, { ...settings.machine, "sc-attrib.model.path": nowhere });
  await window.openFile("copied.py");
  await window.statusSays(/problem[\s\S]*nowhere\.gguf/);
  await window.squiggles().first().waitFor();
  editor.settings({}, settings.machine);
  await window.openFile("own.py");
  await givesSuggestions();
  const told = (await window.notifications()).filter((text) => text.includes("nowhere.gguf"));
  assert.equal(told.length, 1, JSON.stringify(told));
});

test("an index that is built anew under a running server is used from the next save on", async () => {
  const tree = newFolder();
  const index = path.join(tree, "index");
  mkdirSync(path.join(tree, "project"));
  writeFileSync(path.join(tree, "project", "other.py"), "# SPDX-License-Identifier: MIT\n\nprint('other')\n");
  const build = () =>
    scAttrib(["index", "build", "--index", index, "--tree", path.join(tree, "project"), "--origin", "https://example.org/p"]);
  build();
  editor.settings({}, { ...settings.machine, "sc-attrib.trace.indexes": [index] });
  await window.openFile("renewed.py");
  await window.isServed();
  assert.equal(await window.squiggles().count(), 0);
  writeFileSync(path.join(tree, "project", "new.py"), `# SPDX-License-Identifier: MIT\n\n${RENEWED}`);
  build();
  const saveAgain = async () => {
    await window.press("Control+End", "Enter");
    await window.save();
    await sleep(500);
    return window.squiggles().count();
  };
  await window.until(saveAgain, (count) => count > 0, "a mark on what is known now");
});

test("a window that is reloaded in the midst of a suggestion leaves no server behind and goes on", async () => {
  await window.openFile("reloaded.py");
  await window.isServed();
  const [before] = editor.servers();
  await window.type("slow = ");
  await sleep(500); // the model writes for forty seconds
  await window.press("Control+A", "Delete");
  await window.save();
  await window.reload();
  await window.openFile("after.py");
  await givesSuggestions();
  await window.until(async () => editor.servers(), (ids) => ids.length === 1 && ids[0] !== before, "the old server's end");
});

test("two windows on one workspace have a server each and write into one ledger", async () => {
  await window.openFile("one.py");
  const second = await editor.open(workspace);
  await second.openFile("two.py");
  for (const each of [window, second]) {
    await each.isServed();
    await each.type(KNOWN_HEAD);
    await each.ghostText();
    await each.press("Tab");
    await each.save();
  }
  assert.equal(editor.servers().length, 2);
  const report = () => editor.scAttrib(["ledger", "report", "--index", known.index], workspace);
  const deadline = performance.now() + 120_000;
  while (!(report().includes("one.py") && report().includes("two.py"))) {
    assert.ok(performance.now() < deadline, report());
    await sleep(200);
  }
  await second.close();
});

test("a file of 50,000 lines gets suggestions at its end", async () => {
  await window.openFile("long.py");
  await window.goTo(50_001, 1);
  await window.isServed();
  await window.type(FRESH_HEAD);
  // whether VS Code indents a new line so far down depends on how much of the file it has read
  const place = window.page.locator(".statusbar").getByText(/^Ln 50002, Col \d+$/).first();
  await place.waitFor();
  if ((await place.textContent())?.endsWith("Col 1")) await window.press("Tab");
  await window.ghostText(/return \[row\[::-1\]/);
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
  const window = await editor.open(makeWorkspace({ ...files, "sitecustomize.py": hostile, "own.py": "" }));
  await window.openFile("own.py");
  await givesSuggestions(window);
  assert.ok(!existsSync(marker));
  await window.close();
});
