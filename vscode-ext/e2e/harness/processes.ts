/** The language servers of an editor, found by the home that they were given. */

import { readFileSync, readdirSync } from "node:fs";

/** Process ids of the servers that run for an editor's folder, oldest first. */
export function serversOf(folder: string): number[] {
  const ids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return ids.filter((id) => isServerOf(id, folder)).map(Number).sort((a, b) => a - b);
}

function isServerOf(id: string, folder: string): boolean {
  try {
    const words = readFileSync(`/proc/${id}/cmdline`, "utf8").split("\0");
    const isOurs = readFileSync(`/proc/${id}/environ`, "utf8").split("\0").includes(`HOME=${folder}/home`);
    return isOurs && words.includes("lsp") && words.some((word) => word.includes("attribution.cli"));
  } catch {
    return false; // it has ended, or is somebody else's
  }
}

/** The program of a process and its arguments; none once it has ended. */
export function wordsOf(id: number): string[] {
  try {
    return readFileSync(`/proc/${id}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

/** Whether a process was started with a program. */
export function runsWith(id: number, program: string): boolean {
  return wordsOf(id)[0] === program;
}

/** Memory that a process holds, in MB. */
export function residentMb(id: number): number {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${id}/status`, "utf8"));
  return Number(found?.[1] ?? 0) / 1024;
}
