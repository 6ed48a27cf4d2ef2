/** What the editor adds to the server's quick fixes: look at the source, or have the lines written anew. */

import * as vscode from "vscode";
import { place } from "./core/words";
import { matchOf } from "./tree";

export class SourceActions implements vscode.CodeActionProvider {
  static readonly kinds = [vscode.CodeActionKind.QuickFix];

  provideCodeActions(
    document: vscode.TextDocument,
    _range: vscode.Range,
    context: vscode.CodeActionContext,
  ): vscode.CodeAction[] {
    return context.diagnostics.flatMap((diagnostic) => {
      const match = matchOf(diagnostic);
      if (match === undefined) return [];
      const finding = { uri: document.uri.toString(), match };
      const action = (title: string, command: string) => {
        const made = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
        made.diagnostics = [diagnostic];
        made.command = { title, command, arguments: [finding] };
        return made;
      };
      return [
        action(`Compare with ${place(match)}`, "sc-attrib.compareSource"),
        action("Replace these lines with another suggestion", "sc-attrib.replaceLines"),
      ];
    });
  }
}
