/** Where things lie: the repository, its Python, the packaged extension, what a run leaves behind. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";

export const HERE = path.resolve(import.meta.dirname, "..");
export const REPOSITORY = path.resolve(HERE, "../..");
export const VSIX = path.resolve(HERE, "../dist/sc-attrib.vsix");
export const BUNDLE = path.resolve(HERE, "../dist/extension.js");
export const CODE_SERVER = path.join(HERE, "node_modules/code-server/out/node/entry.js");

/** The environment whose `sc-attrib` the editor runs. */
export const PYTHON = process.env["SC_ATTRIB_PYTHON"] ?? path.join(REPOSITORY, ".venv/bin/python");
export const SC_ATTRIB = path.join(path.dirname(PYTHON), "sc-attrib");

/** Pictures and the table of a run; nothing in it is committed. */
export const ARTEFACTS = path.resolve(REPOSITORY, process.env["SC_ATTRIB_ARTEFACTS"] ?? "build/editors/pictures");

let temporary: string | undefined;

/** A new folder that is deleted when this process ends; its path is short, because sockets stand in it. */
export function newFolder(): string {
  if (temporary === undefined) {
    const made = (temporary = mkdtempSync(path.join(tmpdir(), "sca-")));
    process.once("exit", () => rmSync(made, { recursive: true, force: true, maxRetries: 3 }));
  }
  return mkdtempSync(`${temporary}/`);
}

export function artefact(name: string): string {
  mkdirSync(ARTEFACTS, { recursive: true });
  return path.join(ARTEFACTS, name);
}

/** Debian's browser, or the one that is named. */
export function chromium(): string {
  const named = process.env["CHROMIUM"];
  const found = [named, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  const there = found.find((file) => file !== undefined && existsSync(file));
  if (there === undefined) throw new Error("there is no browser: install the Debian package chromium");
  return there;
}

/** Run the product's command line; answers what it says on stdout. */
export function scAttrib(words: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): string {
  return execFileSync(SC_ATTRIB, words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], ...options });
}

/** Folder of the packages that are installed beside the product: real code under real licences. */
export function installedPackages(): string {
  const program = "import sysconfig; print(sysconfig.get_paths()['purelib'])";
  return execFileSync(PYTHON, ["-c", program], { encoding: "utf8" }).trim();
}
