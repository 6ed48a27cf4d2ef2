/** What can be done about code that is like known code. */

import * as vscode from "vscode";
import type { Finding } from "../core/findings";
import type { Match } from "../core/protocol";
import { archiveLink } from "../core/words";
import type { Sources } from "../peek";
import type { AttributionsTree } from "../tree";

type Commands = Record<string, (...words: never[]) => unknown>;

/** Commands by name; without a finding they speak of the one at the cursor. */
export function findingCommands(tree: AttributionsTree, sources: Sources): Commands {
  const chosen = (given?: Finding) => given ?? atCursor(tree);
  const about = (act: (finding: Finding) => unknown) => async (given?: Finding) => {
    const finding = chosen(given);
    if (finding === undefined) sayNone();
    else await act(finding);
  };
  return {
    "sc-attrib.showFinding": about(show),
    "sc-attrib.compareSource": about(async ({ uri, match }) => sources.compare(await opened(uri), match)),
    "sc-attrib.peekSource": async (given?: Finding | string) => {
      if (typeof given === "string") return sources.peek(given);
      if (given !== undefined) await show(given);
      return about(({ match }) => sources.peek(match.source.swhid))(given);
    },
    "sc-attrib.openArchive": about(({ match }) =>
      vscode.env.openExternal(vscode.Uri.parse(archiveLink(match.source.swhid))),
    ),
    "sc-attrib.copySwhid": about(({ match }) => vscode.env.clipboard.writeText(match.source.swhid)),
    "sc-attrib.replaceLines": about(replace),
    "sc-attrib.groupByLicense": () => tree.groupBy("license"),
    "sc-attrib.groupByFile": () => tree.groupBy("file"),
  };
}

function atCursor(tree: AttributionsTree): Finding | undefined {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) return undefined;
  const uri = editor.document.uri.toString();
  const match = tree.findings.at(uri, editor.selection.active.line + 1)[0];
  return match === undefined ? undefined : { uri, match };
}

function sayNone(): void {
  void vscode.window.showInformationMessage("The code at the cursor is not known to be like any other.");
}

async function opened(uri: string): Promise<vscode.TextDocument> {
  return vscode.workspace.openTextDocument(vscode.Uri.parse(uri));
}

async function show({ uri, match }: Finding): Promise<void> {
  const document = await opened(uri);
  await vscode.window.showTextDocument(document, { selection: document.validateRange(rangeOf(match)), preview: true });
}

/** Take the lines away, which can be undone, and ask for a suggestion in their place. */
async function replace({ uri, match }: Finding): Promise<void> {
  const document = await opened(uri);
  const range = document.validateRange(rangeOf(match));
  const editor = await vscode.window.showTextDocument(document);
  const first = document.lineAt(range.start.line);
  const from = range.start.with({ character: first.firstNonWhitespaceCharacterIndex });
  await editor.edit((edit) => edit.delete(range.with(from)));
  editor.selection = new vscode.Selection(from, from);
  await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
}

export function rangeOf(match: Match): vscode.Range {
  const [first, last] = match.query.lines;
  return new vscode.Range(first - 1, 0, last - 1, Number.MAX_SAFE_INTEGER);
}
