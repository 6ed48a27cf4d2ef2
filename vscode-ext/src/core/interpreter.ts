/** Finds the Python that runs the server, and says in a sentence what is wrong with one that cannot. */

import { execFile } from "node:child_process";
import { access, constants, open, realpath } from "node:fs/promises";
import * as path from "node:path";

/** Where an interpreter was named. */
export type Origin = "setting" | "made" | "command";

export interface Candidate {
  readonly python: string;
  readonly origin: Origin;
}

export interface Probe {
  /** Major and minor. */
  readonly python: readonly [number, number];
  /** Version of sc-attrib; `null` where it is not installed. */
  readonly version: string | null;
  /** Whether what the language server needs is installed. */
  readonly serves: boolean;
}

export type Found =
  | { readonly ok: true; readonly python: string; readonly origin: Origin; readonly version: string }
  | { readonly ok: false; readonly problem: Problem; readonly sentence: string };

/** What is wrong, so that the right way out is offered. */
export type Problem = "absent" | "missing" | "broken" | "old" | "uninstalled" | "incomplete";

export const LEAST_PYTHON: readonly [number, number] = [3, 11];
const PROBE_TIMEOUT_MS = 20_000;
const SHEBANG_BYTES = 1024;

/**
 * Isolated (`-I`): nothing of the folder it is started in, of `PYTHONPATH` or of the user's own packages is
 * imported, so a workspace that holds a folder `lsp` of its own cannot put itself in the server's place.
 */
const ISOLATED = ["-I", "-X", "utf8"];
const MAIN = "import sys; from attribution.cli import main; sys.exit(main())";
const PROBE = `
import json, sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
try:
    found = version("sc-attrib")
except PackageNotFoundError:
    found = None
serves = find_spec("pygls") is not None and find_spec("lsprotocol") is not None
print(json.dumps({"python": sys.version_info[:2], "version": found, "serves": serves}))
`;

/** The arguments with which an interpreter runs one of our commands. */
export function commandLine(words: readonly string[]): string[] {
  return [...ISOLATED, "-c", MAIN, ...words];
}

/** Where the interpreter of an environment lies. */
export function pythonOf(environment: string, platform: NodeJS.Platform = process.platform): string {
  return platform === "win32"
    ? path.join(environment, "Scripts", "python.exe")
    : path.join(environment, "bin", "python");
}

export interface Places {
  /** The setting; empty for none. */
  readonly setting: string;
  /** The environment that the extension makes, whether or not it is there. */
  readonly made: string;
  /** The folders of `PATH`. */
  readonly searchPath: string;
}

/** The first interpreter that can run the server; what is named by the setting or was made is never passed over. */
export async function findInterpreter(places: Places): Promise<Found> {
  const candidate = await firstCandidate(places);
  if (candidate === undefined) {
    return { ok: false, problem: "absent", sentence: "sc-attrib is not installed on this machine." };
  }
  return examine(candidate);
}

async function firstCandidate(places: Places): Promise<Candidate | undefined> {
  if (places.setting !== "") return { python: places.setting, origin: "setting" };
  if (await exists(places.made)) return { python: pythonOf(places.made), origin: "made" };
  const python = await interpreterOnPath(places.searchPath);
  return python === undefined ? undefined : { python, origin: "command" };
}

/** Ask an interpreter what it has. */
export async function examine(candidate: Candidate): Promise<Found> {
  const { python, origin } = candidate;
  if (!(await exists(python))) return refuse(candidate, "missing", "does not exist");
  let probe: Probe;
  try {
    probe = JSON.parse(await output(python, [...ISOLATED, "-c", PROBE])) as Probe;
  } catch (error) {
    return refuse(candidate, "broken", `cannot be run (${firstLine(error)})`);
  }
  const [major, minor] = probe.python;
  if (major < LEAST_PYTHON[0] || (major === LEAST_PYTHON[0] && minor < LEAST_PYTHON[1])) {
    return refuse(candidate, "old", `is Python ${major}.${minor}; sc-attrib needs ${LEAST_PYTHON.join(".")} or newer`);
  }
  if (probe.version === null) return refuse(candidate, "uninstalled", "has no sc-attrib installed");
  if (!probe.serves) {
    return refuse(candidate, "incomplete", "has sc-attrib without its language server; install sc-attrib[lsp] there");
  }
  return { ok: true, python, origin, version: probe.version };
}

const NAMED: Record<Origin, string> = {
  setting: "that the setting sc-attrib.interpreter names",
  made: "of the environment that this extension made",
  command: "of the sc-attrib command on your PATH",
};

function refuse(candidate: Candidate, problem: Problem, what: string): Found {
  return { ok: false, problem, sentence: `The Python ${NAMED[candidate.origin]} (${candidate.python}) ${what}.` };
}

/** The interpreter of the first `sc-attrib` on the search path: beside it, or the one in its first line. */
async function interpreterOnPath(searchPath: string): Promise<string | undefined> {
  const name = process.platform === "win32" ? "sc-attrib.exe" : "sc-attrib";
  for (const folder of searchPath.split(path.delimiter)) {
    if (!path.isAbsolute(folder)) continue; // a relative one would lie in the workspace
    const script = path.join(folder, name);
    if (!(await exists(script))) continue;
    const python = await interpreterOf(script);
    if (python !== undefined) return python;
  }
  return undefined;
}

async function interpreterOf(script: string): Promise<string | undefined> {
  const beside = path.join(path.dirname(await realpath(script)), process.platform === "win32" ? "python.exe" : "python");
  const named = await shebang(script);
  for (const python of [named, beside]) {
    if (python !== undefined && path.isAbsolute(python) && (await exists(python))) return python;
  }
  return undefined;
}

async function shebang(script: string): Promise<string | undefined> {
  const file = await open(script, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SHEBANG_BYTES), 0, SHEBANG_BYTES, 0);
    return interpreterNamedIn(buffer.toString("utf8", 0, bytesRead));
  } finally {
    await file.close();
  }
}

/** The interpreter in a script's first lines; pip writes one that is too long for a first line behind `exec`. */
export function interpreterNamedIn(head: string): string | undefined {
  const direct = /^#!\s*(\S*python[\w.]*)\s*$/m.exec(head.split("\n", 1)[0] ?? "");
  const behind = /^'''exec' "?([^"\n]*python[\w.]*)"? "\$0"/m.exec(head);
  return direct?.[1] ?? behind?.[1];
}

export async function exists(file: string): Promise<boolean> {
  return access(file, constants.F_OK).then(
    () => true,
    () => false,
  );
}

function output(command: string, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, words, { timeout: PROBE_TIMEOUT_MS, windowsHide: true }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(lastLine(stderr) || error.message));
    });
  });
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.trim() ?? "";
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";
}
