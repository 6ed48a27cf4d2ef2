/** Commands about a whole folder: check it, index known code for it, report what was accepted in it. */

import * as path from "node:path";
import * as vscode from "vscode";
import type { CommandLine } from "../cli";
import { readReport } from "../core/findings";
import { exists } from "../core/interpreter";
import { cancellable } from "../progress";
import { offer } from "../messages";
import type { Reports } from "../reports";
import type { AttributionsTree } from "../tree";

const PROJECT_INDEX = path.join(".sc-attrib", "index");

/** Commands by name. */
export function workspaceCommands(cli: CommandLine, tree: AttributionsTree, reports: Reports): Record<string, () => unknown> {
  return {
    "sc-attrib.checkWorkspace": trusting(() => check(cli, tree)),
    "sc-attrib.buildIndex": trusting(() => buildIndex(cli)),
    "sc-attrib.ledgerReport": trusting(() => reportLedger(cli, reports)),
  };
}

const UNTRUSTED =
  "This workspace is not trusted yet, so its own index and policy are not read, and no command runs over it as a whole.";

/** What the manifest disables, a button or a menu still calls: say why nothing is done. */
function trusting(act: () => Promise<void>): () => Promise<void> {
  return () => (vscode.workspace.isTrusted ? act() : offer("warning", UNTRUSTED, ["Manage Trust…"]));
}

/** Check every folder of the workspace, and show what is found in the view. */
async function check(cli: CommandLine, tree: AttributionsTree): Promise<void> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length === 0) throw new Error("Open a folder first: it is a folder that is checked.");
  const found = new Map<string, ReturnType<typeof tree.findings.at>>();
  await cancellable("Checking where the code comes from", async (progress, signal) => {
    for (const { uri, name } of folders) {
      progress.report({ message: name });
      const words = ["check", "--format", "json", "--fail-on", "never", ...cli.indexOptions(), uri.fsPath];
      const { stdout } = await cli.run({ words, cwd: uri.fsPath, signal });
      for (const [file, matches] of readReport(stdout)) {
        found.set(vscode.Uri.file(path.resolve(uri.fsPath, file)).toString(), [...matches]);
      }
    }
  });
  tree.findings.replace(found);
  tree.refresh();
  await vscode.commands.executeCommand("sc-attrib.attributions.focus");
}

interface SourceKind extends vscode.QuickPickItem {
  options(): Promise<string[] | undefined>;
}

const KINDS: SourceKind[] = [
  {
    label: "$(package) Installed packages",
    detail: "Everything that is installed for a Python interpreter, and its standard library",
    options: async () => {
      const python = await vscode.window.showInputBox({
        title: "Index the packages of which Python?",
        placeHolder: "Empty for the one that runs sc-attrib",
      });
      return python === undefined ? undefined : ["--packages", ...(python === "" ? [] : [python])];
    },
  },
  { label: "$(folder) A folder", detail: "All code files in it", options: () => folderOption("--tree") },
  { label: "$(repo) A git repository on this machine", detail: "What its HEAD holds", options: () => folderOption("--git") },
];

async function folderOption(option: string): Promise<string[] | undefined> {
  const [folder] = (await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false })) ?? [];
  return folder === undefined ? undefined : [option, folder.fsPath];
}

/** Build the project's index, or add to it where there is one; the server notices by itself. */
async function buildIndex(cli: CommandLine): Promise<void> {
  const folder = await chooseFolder("Build an index for which folder?");
  if (folder === undefined) return;
  const kind = await vscode.window.showQuickPick(KINDS, { title: "Index known code: from where?" });
  const options = await kind?.options();
  if (options === undefined) return;
  const isThere = await exists(path.join(folder, PROJECT_INDEX, "catalog.sqlite"));
  const words = ["index", isThere ? "add" : "build", ...options];
  const ended = await cancellable("Indexing known code", (progress, signal) =>
    cli.run({ words, cwd: folder, signal, onLine: (message) => progress.report({ message }) }),
  );
  const last = ended.stderr.split("\n").at(-1) ?? "";
  void vscode.window.showInformationMessage(`The index is ready. ${last || ended.stdout.trim()}`);
}

/** Show what was accepted, where it is now, and what still binds it. */
async function reportLedger(cli: CommandLine, reports: Reports): Promise<void> {
  const folder = await chooseFolder("Report what was accepted in which folder?");
  if (folder === undefined) return;
  const words = ["ledger", "report", "--workspace", folder, ...cli.indexOptions()];
  const { stdout, stderr } = await cancellable("Reading the ledger", (_, signal) => cli.run({ words, cwd: folder, signal }));
  await reports.show(`Ledger of ${path.basename(folder)}`, folder, [stderr.replace(/^sc-attrib: /, ""), stdout].join("\n\n").trimStart());
}

async function chooseFolder(title: string): Promise<string | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length === 0) throw new Error("Open a folder first.");
  if (folders.length === 1) return folders[0]?.uri.fsPath;
  const items = folders.map(({ name, uri }) => ({ label: name, description: uri.fsPath }));
  return (await vscode.window.showQuickPick(items, { title }))?.description;
}
