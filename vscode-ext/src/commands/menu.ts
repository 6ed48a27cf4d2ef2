/** The menu behind the status bar item. */

import * as vscode from "vscode";
import { SECTION } from "../core/protocol";
import { look, type State } from "../core/status";

type Item = vscode.QuickPickItem & { readonly command?: string };

export async function showMenu(state: State, isSuggestionShown: boolean): Promise<void> {
  const items: Item[] = [
    ...(isSuggestionShown ? [{ label: "$(info) Where this suggestion comes from", command: "sc-attrib.describeSuggestion" }] : []),
    isOn()
      ? { label: "$(debug-pause) Switch suggestions off", command: "sc-attrib.toggle" }
      : { label: "$(play) Switch suggestions on", command: "sc-attrib.toggle" },
    { label: "$(search) Check the workspace", command: "sc-attrib.checkWorkspace" },
    { label: "$(list-tree) Show attributions", command: "sc-attrib.attributions.focus" },
    { label: "$(book) Report what was accepted", command: "sc-attrib.ledgerReport" },
    { label: "$(database) Index known code…", command: "sc-attrib.buildIndex" },
    { label: "$(hubot) Pick the model…", command: "sc-attrib.pickModel" },
    { label: "", kind: vscode.QuickPickItemKind.Separator },
    { label: "$(refresh) Restart the server", command: "sc-attrib.restart" },
    { label: "$(output) Show the log", command: "sc-attrib.showLog" },
    { label: "$(tools) Set up…", command: "sc-attrib.setUp" },
  ];
  const chosen = await vscode.window.showQuickPick(items, { title: look(state).tooltip });
  if (chosen?.command !== undefined) await vscode.commands.executeCommand(chosen.command);
}

export async function toggle(): Promise<void> {
  const settings = vscode.workspace.getConfiguration(SECTION);
  await settings.update("completion.enabled", !isOn(), vscode.ConfigurationTarget.Global);
}

function isOn(): boolean {
  return vscode.workspace.getConfiguration(SECTION).get<boolean>("completion.enabled", true);
}
