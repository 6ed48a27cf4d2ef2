/** Our commands, run in the environment of the server. */

import * as vscode from "vscode";
import { runOurs, type Ended } from "./core/process";
import { SECTION } from "./core/protocol";
import type { Environment } from "./environment";

export interface Run {
  readonly words: readonly string[];
  readonly cwd: string;
  readonly signal?: AbortSignal;
  readonly onLine?: (line: string) => void;
}

/** Exit codes of every command: done, and done with findings. */
const DONE = [0, 1];

export class CommandLine {
  constructor(
    private readonly environment: Environment,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** Run one; throws an error with its last sentence where it could not be done. */
  async run(wanted: Run): Promise<Ended> {
    const found = await this.environment.find();
    if (!found.ok) throw new Error(found.sentence);
    this.log.info(`sc-attrib ${wanted.words.join(" ")}`);
    const ended = await runOurs(found.python, wanted);
    if (wanted.signal?.aborted === true) throw new vscode.CancellationError();
    if (ended.code === null || !DONE.includes(ended.code)) {
      this.log.error(ended.stderr);
      throw new Error(ended.code === null ? "It was killed." : lastSentence(ended.stderr));
    }
    return ended;
  }

  /** The indexes that the settings name, as the options of a command. */
  indexOptions(): string[] {
    const indexes = vscode.workspace.getConfiguration(SECTION).get<string[]>("trace.indexes", []);
    return indexes.flatMap((index) => ["--index", index]);
  }
}

function lastSentence(stderr: string): string {
  return (stderr.split("\n").at(-1) ?? "").replace(/^sc-attrib: /, "");
}
