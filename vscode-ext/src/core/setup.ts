/** Making a Python environment of our own: which Python, and what pip is told. */

import { execFile } from "node:child_process";
import { realpath } from "node:fs/promises";
import * as path from "node:path";
import { exists, LEAST_PYTHON, pythonOf } from "./interpreter";

export interface Python {
  readonly path: string;
  /** `3.12.4`. */
  readonly version: string;
}

const EXTRAS = "[lsp,llama,contents]";
const NAMES = ["python3.14", "python3.13", "python3.12", "python3.11", "python3", "python"];
const ASK = "import sys; print('.'.join(map(str, sys.version_info[:3]))); print(sys.executable)";

/** The interpreters on the search path that are new enough, each once. */
export async function findPythons(searchPath: string): Promise<Python[]> {
  const folders = searchPath.split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  const suffix = process.platform === "win32" ? ".exe" : "";
  const files = NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name + suffix)));
  const there = await Promise.all(files.map(async (file) => ((await exists(file)) ? file : undefined)));
  const asked = await Promise.all(there.flatMap((file) => (file === undefined ? [] : [ask(file)])));
  const known = new Map<string, Python>();
  for (const python of asked) {
    if (python === undefined || !isNewEnough(python)) continue;
    const file = await realpath(python.path); // python3, python3.11 and /bin/python3 are one
    if (!known.has(file)) known.set(file, python);
  }
  return [...known.values()];
}

function ask(file: string): Promise<Python | undefined> {
  return new Promise((resolve) => {
    execFile(file, ["-I", "-c", ASK], { timeout: 10_000, windowsHide: true }, (error, stdout) => {
      const [version, executable] = stdout.trim().split(/\r?\n/);
      resolve(error === null && version && executable ? { path: executable, version } : undefined);
    });
  });
}

function isNewEnough({ version }: Python): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > LEAST_PYTHON[0] || (major === LEAST_PYTHON[0] && minor >= LEAST_PYTHON[1]);
}

export interface Step {
  readonly title: string;
  readonly command: string;
  readonly words: readonly string[];
}

/** What is run, in order, to make the environment from a wheel or a folder with our source. */
export function steps(python: string, environment: string, source: string, constraints: string | undefined): Step[] {
  const pip = ["-I", "-m", "pip", "--disable-pip-version-check", "--no-input", "install"];
  const pinned = constraints === undefined ? [] : ["--constraint", constraints];
  return [
    { title: "Making the environment", command: python, words: ["-I", "-m", "venv", "--clear", environment] },
    {
      title: "Installing (compiling llama.cpp takes some minutes)",
      command: pythonOf(environment),
      words: [...pip, ...pinned, `${source}${EXTRAS}`],
    },
  ];
}

/** The versions that a folder with our source was tested with, where it says so. */
export async function constraintsOf(source: string): Promise<string | undefined> {
  const file = path.join(source, "constraints.txt");
  return (await exists(file)) ? file : undefined;
}
