/** Reports as read-only texts, whose places and SWHIDs are links. */

import * as path from "node:path";
import * as vscode from "vscode";
import { linksIn } from "./core/reportLinks";
import { archiveLink } from "./core/words";

const SCHEME = "sc-attrib-report";

export class Reports implements vscode.TextDocumentContentProvider, vscode.DocumentLinkProvider, vscode.Disposable {
  private readonly texts = new Map<string, string>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly registered: vscode.Disposable;

  readonly onDidChange = this.changed.event;

  constructor() {
    this.registered = vscode.Disposable.from(
      this.changed,
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.languages.registerDocumentLinkProvider({ scheme: SCHEME }, this),
    );
  }

  /** Show a report on a folder; one of the same title is shown anew. */
  async show(title: string, folder: string, text: string): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${title}.txt`, query: folder });
    this.texts.set(uri.toString(), text);
    this.changed.fire(uri);
    await vscode.window.showTextDocument(uri, { preview: false });
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? "";
  }

  provideDocumentLinks(document: vscode.TextDocument): vscode.DocumentLink[] {
    return linksIn(document.getText()).map(({ line, start, end, target }) => {
      const range = new vscode.Range(line, start, line, end);
      if (target.kind === "swhid") return new vscode.DocumentLink(range, vscode.Uri.parse(archiveLink(target.swhid)));
      const file = vscode.Uri.file(path.resolve(document.uri.query, target.path));
      return new vscode.DocumentLink(range, file.with({ fragment: `L${target.first}` }));
    });
  }

  dispose(): void {
    this.registered.dispose();
  }
}
