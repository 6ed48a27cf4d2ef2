/** Runs one of our commands to its end. */

import { spawn } from "node:child_process";
import { commandLine } from "./interpreter";

export interface Ended {
  /** `null` where it was killed. */
  readonly code: number | null;
  readonly stdout: string;
  /** What it said, without the progress that it overwrote. */
  readonly stderr: string;
}

export interface Job {
  readonly command: string;
  readonly words: readonly string[];
  readonly cwd: string;
  /** Ends it early. */
  readonly signal?: AbortSignal;
  /** Called with each line that it says, also with one that is overwritten. */
  readonly onLine?: (line: string) => void;
}

const MOST_SAID = 20_000;

/** Run `sc-attrib …` in an interpreter. */
export function runOurs(python: string, job: Omit<Job, "command">): Promise<Ended> {
  return run({ ...job, command: python, words: commandLine(job.words) });
}

/** Run a program; rejects only where it cannot be started. */
export function run(job: Job): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(job.command, job.words, { cwd: job.cwd, windowsHide: true, stdio: ["ignore", "pipe", "pipe"] });
    const stdout: Buffer[] = [];
    const said = new Lines(job.onLine ?? (() => undefined));
    const abort = () => child.kill();
    job.signal?.addEventListener("abort", abort, { once: true });
    if (job.signal?.aborted === true) abort();
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => said.take(chunk));
    child.once("error", reject);
    child.once("close", (code) => {
      job.signal?.removeEventListener("abort", abort);
      resolve({ code, stdout: Buffer.concat(stdout).toString("utf8"), stderr: said.end() });
    });
  });
}

/** What a program says, line by line; a carriage return begins a line anew, as on a terminal. */
export class Lines {
  private rest = "";
  private kept = "";

  constructor(private readonly onLine: (line: string) => void) {}

  take(chunk: string): void {
    const pieces = `${this.rest}${chunk}`.split(/(\r\n|\n|\r)/);
    this.rest = pieces.pop() ?? "";
    for (let at = 0; at < pieces.length; at += 2) this.say(pieces[at] ?? "", pieces[at + 1] !== "\r");
  }

  /** All that was said and not overwritten, of late. */
  end(): string {
    this.say(this.rest, true);
    this.rest = "";
    return this.kept.trim();
  }

  private say(line: string, isKept: boolean): void {
    if (line.trim() === "") return;
    this.onLine(line.trim());
    if (isKept) this.kept = `${this.kept}${line}\n`.slice(-MOST_SAID);
  }
}
