/** The Python environment: which one runs the server, and making one where there is none, with consent. */

import { rm } from "node:fs/promises";
import { homedir } from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";
import { findInterpreter, type Found } from "./core/interpreter";
import { run } from "./core/process";
import { SECTION } from "./core/protocol";
import { constraintsOf, findPythons, steps, type Python } from "./core/setup";
import { cancellable } from "./progress";

export class Environment {
  private readonly made: string;

  constructor(
    context: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.made = path.join(context.globalStorageUri.fsPath, "environment");
  }

  /** The interpreter that has sc-attrib, or what is wrong with the one that should. */
  find(): Promise<Found> {
    const setting = vscode.workspace.getConfiguration(SECTION).get("interpreter", "").trim();
    return findInterpreter({
      setting: setting.replace(/^~(?=$|[\\/])/, homedir()),
      made: this.made,
      searchPath: searchPath(),
    });
  }

  /** Have somebody name an interpreter that has sc-attrib. */
  async choose(): Promise<void> {
    const [file] = (await vscode.window.showOpenDialog({ title: "The Python that has sc-attrib installed" })) ?? [];
    if (file === undefined) return;
    const settings = vscode.workspace.getConfiguration(SECTION);
    await settings.update("interpreter", file.fsPath, vscode.ConfigurationTarget.Global);
  }

  /** Make an environment of our own, once it was said what that takes; whether it is there now. */
  async setUp(): Promise<boolean> {
    const python = await this.choosePython();
    if (python === undefined) return false;
    const source = await chooseSource();
    if (source === undefined || !(await this.consents(python, source))) return false;
    try {
      await this.make(python, source);
    } catch (error) {
      await rm(this.made, { recursive: true, force: true });
      if (error instanceof vscode.CancellationError) return false;
      throw error;
    }
    const settings = vscode.workspace.getConfiguration(SECTION);
    await settings.update("interpreter", undefined, vscode.ConfigurationTarget.Global);
    return true;
  }

  private async choosePython(): Promise<Python | undefined> {
    const pythons = await findPythons(searchPath());
    if (pythons.length === 0) {
      throw new Error("No Python 3.11 or newer is on the PATH; install one, then set sc-attrib up again.");
    }
    if (pythons.length === 1) return pythons[0];
    const items = pythons.map((python) => ({ label: `Python ${python.version}`, description: python.path, python }));
    const chosen = await vscode.window.showQuickPick(items, { title: "Set up sc-attrib: the Python to use" });
    return chosen?.python;
  }

  private async consents(python: Python, source: string): Promise<boolean> {
    const yes = "Make It";
    const detail =
      `A Python environment is made in ${this.made} with Python ${python.version}, and sc-attrib is installed into it ` +
      `from ${source}. pip fetches what it needs from your package index, and compiles llama.cpp, which takes some ` +
      "minutes and a C++ compiler. Nothing else on this machine changes.";
    const answer = await vscode.window.showInformationMessage("Set up sc-attrib?", { modal: true, detail }, yes);
    return answer === yes;
  }

  private make(python: Python, source: string): Promise<void> {
    return cancellable("Setting up sc-attrib", async (progress, signal) => {
      for (const step of steps(python.path, this.made, source, await constraintsOf(source))) {
        progress.report({ message: step.title });
        this.log.info(`${step.command} ${step.words.join(" ")}`);
        const onLine = (line: string) => this.log.info(line);
        const ended = await run({ command: step.command, words: step.words, cwd: homedir(), signal, onLine });
        if (signal.aborted) throw new vscode.CancellationError();
        if (ended.code !== 0) throw new Error(`${step.title} failed: ${ended.stderr.split("\n").at(-1) ?? ""}`);
      }
    });
  }
}

async function chooseSource(): Promise<string | undefined> {
  const folder = { label: "$(folder) A folder with the source of sc-attrib", isFolder: true };
  const wheel = { label: "$(package) A wheel of sc-attrib", isFolder: false };
  const kind = await vscode.window.showQuickPick([folder, wheel], { title: "Set up sc-attrib: where it comes from" });
  if (kind === undefined) return undefined;
  const [chosen] =
    (await vscode.window.showOpenDialog({
      title: kind.label.replace(/^\$\(\w+\) /, ""),
      canSelectFolders: kind.isFolder,
      canSelectFiles: !kind.isFolder,
      ...(kind.isFolder ? {} : { filters: { Wheel: ["whl"] } }),
    })) ?? [];
  return chosen?.fsPath;
}

function searchPath(): string {
  return process.env["PATH"] ?? "";
}
