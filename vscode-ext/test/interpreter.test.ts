/** Which Python runs the server, and what is said of one that cannot; with real interpreters wherever one can be had. */

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { commandLine, examine, findInterpreter, interpreterNamedIn, pythonOf } from "../src/core/interpreter";
import { run, runOurs } from "../src/core/process";
import { constraintsOf, findPythons, steps } from "../src/core/setup";
import { PYTHON } from "./server";

const empty = () => mkdtempSync(path.join(tmpdir(), "sc-attrib-"));
const nowhere = { setting: "", made: path.join(tmpdir(), "sc-attrib-that-is-not-there"), searchPath: "" };

test("the interpreter of the setting is taken", async () => {
  const found = await findInterpreter({ ...nowhere, setting: PYTHON });
  assert.deepEqual([found.ok, found.ok && found.origin], [true, "setting"]);
});

test("without a setting it is that of the command on the search path", async () => {
  const found = await findInterpreter({ ...nowhere, searchPath: path.dirname(PYTHON) });
  assert.deepEqual([found.ok, found.ok && found.origin], [true, "command"]);
});

test("a command on the search path is followed through its link, as pipx makes one", async () => {
  const folder = empty();
  symlinkSync(path.join(path.dirname(PYTHON), "sc-attrib"), path.join(folder, "sc-attrib"));
  assert.ok((await findInterpreter({ ...nowhere, searchPath: folder })).ok);
});

test("a relative folder of the search path, which may be the workspace's, is passed over", async () => {
  const searchPath = path.relative(process.cwd(), path.dirname(PYTHON));
  const found = await findInterpreter({ ...nowhere, searchPath });
  assert.equal(!found.ok && found.problem, "absent");
});

test("where there is none that is said", async () => {
  const found = await findInterpreter(nowhere);
  assert.equal(!found.ok && found.sentence, "sc-attrib is not installed on this machine.");
});

test("a setting that names nothing is never passed over for another", async () => {
  const missing = path.join(empty(), "python");
  const found = await findInterpreter({ setting: missing, made: nowhere.made, searchPath: path.dirname(PYTHON) });
  assert.equal(
    !found.ok && found.sentence,
    `The Python that the setting sc-attrib.interpreter names (${missing}) does not exist.`,
  );
});

test("an environment of ours without its interpreter is said to be so", async () => {
  const made = empty();
  const found = await findInterpreter({ ...nowhere, made });
  assert.deepEqual([!found.ok && found.problem], ["missing"]);
  assert.match(found.ok ? "" : found.sentence, /^The Python of the environment that this extension made \(.*\) does not exist\.$/);
});

test("an environment of ours in which nothing was installed is said to be so", async () => {
  const made = empty();
  execFileSync(PYTHON, ["-I", "-m", "venv", "--without-pip", made]);
  const found = await findInterpreter({ ...nowhere, made });
  assert.equal(!found.ok && found.problem, "uninstalled");
});

test("an environment whose base was deleted is said to be broken", { skip: process.platform === "win32" }, async () => {
  const made = empty();
  execFileSync(PYTHON, ["-I", "-m", "venv", "--without-pip", made]);
  rmSync(pythonOf(made));
  writeFileSync(pythonOf(made), "#!/nowhere/python\n");
  chmodSync(pythonOf(made), 0o755);
  const found = await findInterpreter({ ...nowhere, made });
  assert.equal(!found.ok && found.problem, "broken");
});

for (const [version, problem] of [["[3, 9]", "old"], ["[2, 7]", "old"], ["[3, 11]", "uninstalled"]] as const) {
  test(`what answers as Python ${version} is ${problem}`, { skip: process.platform === "win32" }, async () => {
    const python = path.join(empty(), "python");
    writeFileSync(python, `#!/bin/sh\necho '{"python": ${version}, "version": null, "serves": false}'\n`);
    chmodSync(python, 0o755);
    const found = await examine({ python, origin: "setting" });
    assert.equal(!found.ok && found.problem, problem);
  });
}

test("what is no interpreter is broken, with what it said", { skip: process.platform === "win32" }, async () => {
  const python = path.join(empty(), "python");
  writeFileSync(python, "#!/bin/sh\necho 'no module named encodings' >&2\nexit 3\n");
  chmodSync(python, 0o755);
  const found = await examine({ python, origin: "setting" });
  assert.match(found.ok ? "" : found.sentence, /cannot be run \(no module named encodings\)\.$/);
});

test("the interpreter is read from a script's head, also from the long form of pip", () => {
  assert.equal(interpreterNamedIn("#!/opt/x/bin/python3.12\nimport re\n"), "/opt/x/bin/python3.12");
  assert.equal(interpreterNamedIn("#!/bin/sh\n'''exec' \"/a b/bin/python\" \"$0\" \"$@\"\n' '''\n"), "/a b/bin/python");
  assert.equal(interpreterNamedIn("#!/usr/bin/env bash\n"), undefined);
});

test("a workspace with packages of our names is not run in the server's place", async () => {
  const workspace = empty();
  const caught = path.join(workspace, "caught");
  for (const name of ["attribution", "lsp", "assistant", "json"]) {
    mkdirSync(path.join(workspace, name));
    writeFileSync(path.join(workspace, name, "__init__.py"), `open(${JSON.stringify(caught)}, "a").write(__name__)\n`);
  }
  const child = spawn(PYTHON, commandLine(["lsp"]), {
    cwd: workspace,
    env: { ...process.env, PYTHONPATH: workspace, PYTHONSTARTUP: path.join(workspace, "lsp", "__init__.py") },
    stdio: ["pipe", "ignore", "ignore"],
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  child.stdin.end();
  assert.equal(await ended, 1, "the server leaves when its editor does");
  assert.equal(existsSync(caught), false);
});

test("the command line answers through the same isolated interpreter", async () => {
  const ended = await runOurs(PYTHON, { words: ["--help"], cwd: empty() });
  assert.match(ended.stdout, /^usage: sc-attrib/);
});

test("a program that is told to end does", async () => {
  const abort = new AbortController();
  const words = ["-I", "-c", "import sys, time; print('ready', file=sys.stderr, flush=True); time.sleep(600)"];
  const ended = await run({ command: PYTHON, words, cwd: empty(), signal: abort.signal, onLine: () => abort.abort() });
  assert.equal(ended.code, null);
});

test("a program that is not there is an error, not a crash", async () => {
  await assert.rejects(run({ command: path.join(empty(), "nothing"), words: [], cwd: empty() }), /ENOENT/);
});

test("Pythons that are new enough are found on the search path, each once by whatever names", async () => {
  const folder = path.dirname(PYTHON);
  const other = empty();
  for (const name of ["python3", "python3.11", "python"]) symlinkSync(realpathSync(PYTHON), path.join(other, name));
  const found = await findPythons([folder, other, folder].join(path.delimiter));
  assert.equal(new Set(found.map((python) => realpathSync(python.path))).size, found.length);
  assert.equal(found.filter((python) => realpathSync(python.path) === realpathSync(PYTHON)).length, 1);
  assert.ok(found.every(({ version }) => /^3\.1\d/.test(version)));
});

const WHEEL = `
import sys, zipfile
name = "sc_attrib-0.0.1.dist-info"
metadata = "Metadata-Version: 2.1\\nName: sc-attrib\\nVersion: 0.0.1\\n" + "".join(
    f"Provides-Extra: {extra}\\n" for extra in ("lsp", "llama", "contents"))
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr(f"{name}/METADATA", metadata)
    wheel.writestr(f"{name}/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(f"{name}/RECORD", "")
`;

test("an environment is made by its steps, and found afterwards with what was installed into it", async () => {
  const made = path.join(empty(), "environment");
  const wheel = path.join(empty(), "sc_attrib-0.0.1-py3-none-any.whl");
  execFileSync(PYTHON, ["-I", "-c", WHEEL, wheel]);
  for (const { command, words } of steps(PYTHON, made, wheel, undefined)) {
    const ended = await run({ command, words, cwd: empty() });
    assert.equal(ended.code, 0, ended.stderr);
  }
  const found = await findInterpreter({ ...nowhere, made });
  assert.equal(!found.ok && found.problem, "incomplete", "this wheel asks for nothing, so there is no server");
});

test("an environment is made isolated and installed with the tested versions of a source folder", async () => {
  const source = empty();
  writeFileSync(path.join(source, "constraints.txt"), "");
  const [make, install] = steps("/usr/bin/python3", "/env", source, await constraintsOf(source));
  assert.deepEqual(make?.words.slice(0, 3), ["-I", "-m", "venv"]);
  assert.ok(install !== undefined);
  assert.ok(install.words.includes(path.join(source, "constraints.txt")));
  assert.equal(install.words.at(-1), `${source}[lsp,llama,contents]`);
  assert.equal(await constraintsOf(empty()), undefined);
});
