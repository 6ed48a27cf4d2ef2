/** Picking the model: the bundled one, one that was pulled, or a file. */

import * as vscode from "vscode";
import type { CommandLine } from "../cli";
import { modelChoices, readModels } from "../core/models";
import { SECTION } from "../core/protocol";
import { homedir } from "node:os";

const FILE = "$(folder-opened) Choose a GGUF file…";

export async function pickModel(cli: CommandLine): Promise<void> {
  const { stdout } = await cli.run({ words: ["model", "list", "--format", "json"], cwd: homedir() });
  const settings = vscode.workspace.getConfiguration(SECTION);
  const present = settings.get("model.path", "");
  const items = [...modelChoices(readModels(stdout), present), { label: FILE, path: null }];
  const chosen = await vscode.window.showQuickPick(items, { title: "The model that suggests code", matchOnDescription: true });
  if (chosen === undefined) return;
  const path = chosen.path ?? (await chooseFile());
  if (path === undefined) return;
  // The server loads it as soon as the setting has changed.
  await settings.update("model.path", path === "" ? undefined : path, vscode.ConfigurationTarget.Global);
}

async function chooseFile(): Promise<string | undefined> {
  const [file] = (await vscode.window.showOpenDialog({ filters: { "GGUF model": ["gguf"] } })) ?? [];
  return file?.fsPath;
}
