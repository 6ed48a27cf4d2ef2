/** The first start on a machine that has no sc-attrib: *Set Up…* and *Build Index…*, clicked through. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, symlinkSync } from "node:fs";
import * as path from "node:path";
import { after, afterEach, before, test } from "node:test";
import { CodeServer, closeBrowser } from "../harness/codeServer.ts";
import { newFolder, PYTHON, REPOSITORY } from "../harness/places.ts";
import { runsWith } from "../harness/processes.ts";
import { FRESH_HEAD, KNOWN_BODY, KNOWN_HEAD, makeKnown, makeWorkspace } from "../harness/project.ts";
import type { Window } from "../harness/window.ts";

/** pip compiles llama.cpp where it has not kept it; on two busy cores that takes a quarter of an hour. */
const INSTALL_MS = 30 * 60_000;
const known = makeKnown();
const workspace = makeWorkspace({ "fresh.py": "", "copied.py": `${KNOWN_HEAD}${KNOWN_BODY}` });
let source: string;
let editor: CodeServer;
let window: Window;

before(async () => {
  source = copyOfSource();
  const machine = { "sc-attrib.interpreter": "", "sc-attrib.model.path": known.model };
  const profile = `export PATH=${pathWithPython()}\n`; // VS Code takes the PATH of the user's shell
  editor = await CodeServer.start({ machine, profile, env: { SHELL: "/bin/bash", PIP_CACHE_DIR: cacheOfPip() } });
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

/** What git knows of, as in a clone: building leaves things in the folder that it builds. */
function copyOfSource(): string {
  const folder = newFolder();
  const names = execFileSync("git", ["-C", REPOSITORY, "ls-files", "-z"], { encoding: "utf8", maxBuffer: 1 << 26 });
  for (const name of names.split("\0").filter((one) => one !== "" && existsSync(path.join(REPOSITORY, one)))) {
    cpSync(path.join(REPOSITORY, name), path.join(folder, name), { recursive: true });
  }
  return folder;
}

/** A search path with one Python, which has nothing of ours installed, and with what compiles. */
function pathWithPython(): string {
  const program = "import os, sys; print(os.path.realpath(sys.executable))";
  const python = execFileSync(PYTHON, ["-c", program], { encoding: "utf8" }).trim();
  const folder = newFolder();
  symlinkSync(python, path.join(folder, "python3"));
  const tools = path.join(folder, "tools");
  mkdirSync(tools);
  for (const name of ["cc", "c++", "gcc", "g++", "make", "as", "ld", "ar", "sh", "bash", "env", "uname"]) {
    const found = ["/usr/bin", "/bin"].map((place) => path.join(place, name)).find((file) => existsSync(file));
    if (found !== undefined) symlinkSync(found, path.join(tools, name));
  }
  return [folder, tools, path.dirname(process.execPath)].join(path.delimiter);
}

/** What pip has kept of earlier installations on this machine. */
function cacheOfPip(): string {
  return execFileSync(PYTHON, ["-m", "pip", "cache", "dir"], { encoding: "utf8" }).trim();
}

test("Set Up makes an environment once that is agreed to, shows what it does, and the server starts from it", async () => {
  await window.statusSays(/cannot start[\s\S]*sc-attrib is not installed on this machine/);
  await window.clickInMessage(/is not installed on this machine/, "Set Up…");
  await window.pick("A folder with the source of sc-attrib");
  await window.choosesFolder(source);
  const dialog = window.page.locator(".monaco-dialog-box");
  await dialog.getByText(new RegExp(`installed into it from ${source}/?\\. pip fetches what it needs`)).waitFor();
  await window.screenshot("set-up");
  await dialog.getByRole("button", { name: "Make It" }).click();
  await window.message(/Setting up sc-attrib/).waitFor();
  const environment = path.join(editor.folder, "user/User/globalStorage/sc-attrib.sc-attrib/environment");
  const ours = (id: number) => runsWith(id, path.join(environment, "bin/python"));
  const served = async () => {
    const failure = window.message(/failed: /);
    if (await failure.isVisible()) throw new Error((await failure.textContent()) ?? "");
    return editor.servers();
  };
  await window.until(served, (ids) => ids.some(ours), "a server of it", INSTALL_MS);
  await window.openFile("fresh.py");
  await window.isServed();
  await window.type(FRESH_HEAD);
  await window.ghostText(/return \[row\[::-1\]/);
});

test("Build Index shows how far it is, and what it indexed is marked from then on", async () => {
  await window.openFile("copied.py");
  assert.equal(await window.squiggles().count(), 0);
  await window.command("sc-attrib: Build Index…");
  await window.pick("A folder");
  await window.choosesFolder(path.join(known.folder, "quantiles"));
  await window.message(/Indexing known code/).waitFor();
  await window.message(/The index is ready\. .*: 2 files/).waitFor();
  assert.ok(existsSync(path.join(workspace, ".sc-attrib/index/catalog.sqlite")));
  await window.openFile("copied.py");
  await window.press("Control+End", "Enter");
  await window.save();
  await window.squiggles().first().waitFor();
});
