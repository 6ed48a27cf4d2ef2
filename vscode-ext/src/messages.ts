/** What is told in messages: each thing once, with the ways out. */

import * as vscode from "vscode";
import type { Found, Problem } from "./core/interpreter";
import type { State } from "./core/status";

type Way = "Set Up…" | "Choose Interpreter…" | "Restart" | "Show Log" | "Build Index…" | "Pick Model…" | "Manage Trust…";

const COMMANDS: Record<Way, string> = {
  "Set Up…": "sc-attrib.setUp",
  "Choose Interpreter…": "sc-attrib.chooseInterpreter",
  Restart: "sc-attrib.restart",
  "Show Log": "sc-attrib.showLog",
  "Build Index…": "sc-attrib.buildIndex",
  "Pick Model…": "sc-attrib.pickModel",
  "Manage Trust…": "workbench.trust.manage",
};

const WAYS: Record<Problem, Way[]> = {
  absent: ["Set Up…", "Choose Interpreter…"],
  missing: ["Choose Interpreter…", "Set Up…"],
  broken: ["Set Up…", "Choose Interpreter…", "Show Log"],
  old: ["Choose Interpreter…", "Set Up…"],
  uninstalled: ["Set Up…", "Choose Interpreter…"],
  incomplete: ["Choose Interpreter…", "Set Up…"],
};

export class Messages {
  private readonly told = new Set<string>();

  /** Tell of a state of the server, where somebody needs to know. */
  follow(state: State): void {
    switch (state.kind) {
      case "failed":
        this.tellFailure(state.found);
        break;
      case "waiting":
        if (state.isFirst) void offer("warning", "The sc-attrib server ended by itself; it is started again.", ["Show Log"]);
        break;
      case "stopped":
        if (state.reason !== "") void offer("error", state.reason, ["Restart", "Show Log"]);
        break;
      case "running":
      case "starting":
        break;
    }
  }

  /** Show what the server tells, with a way out where there is one of ours. */
  show(level: number, text: string): void {
    if (this.told.has(text)) return; // a server that was started again tells it again
    this.told.add(text);
    const ways: Way[] = text.includes("index build") ? ["Build Index…"] : /\bmodel\b/i.test(text) ? ["Pick Model…"] : [];
    void offer(level === 1 ? "error" : level === 2 ? "warning" : "info", text, ways);
  }

  /** What was told may be told again: somebody changed something. */
  forget(): void {
    this.told.clear();
  }

  private tellFailure(found: Found & { ok: false }): void {
    if (this.told.has(found.sentence)) return;
    this.told.add(found.sentence);
    void offer("warning", found.sentence, WAYS[found.problem]);
  }
}

/** Show a message; whoever chooses a way is taken there. */
export async function offer(level: "info" | "warning" | "error", text: string, ways: Way[]): Promise<void> {
  const chosen = await {
    info: () => vscode.window.showInformationMessage(text, ...ways),
    warning: () => vscode.window.showWarningMessage(text, ...ways),
    error: () => vscode.window.showErrorMessage(text, ...ways),
  }[level]();
  if (chosen !== undefined) await vscode.commands.executeCommand(COMMANDS[chosen]);
}
