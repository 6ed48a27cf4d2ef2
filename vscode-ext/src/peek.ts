/** Sources as read-only documents: peeked at in place, or beside one's own code. */

import * as vscode from "vscode";
import { absence, excerpt, sourceTitle } from "./core/excerpt";
import { SOURCE, type Lines, type Match, type SourceText } from "./core/protocol";
import { archiveLink, span } from "./core/words";

const SCHEME = "sc-attrib-source";
const OWN_SCHEME = "sc-attrib-own";

/** Asks the server; `undefined` while it does not run. */
export type Ask = (method: string, params: unknown) => Promise<unknown>;

interface Named {
  readonly swhid: string;
  /** Only these lines of it. */
  readonly cut: Lines | null;
}

export class Sources implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly own = new Map<string, string>();
  private readonly registered: vscode.Disposable;

  constructor(private readonly ask: Ask) {
    this.registered = vscode.Disposable.from(
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.workspace.registerTextDocumentContentProvider(OWN_SCHEME, {
        provideTextDocumentContent: (uri) => this.own.get(uri.toString()) ?? "",
      }),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => this.own.delete(uri.toString())),
    );
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const { swhid, cut } = JSON.parse(uri.query) as Named;
    const found = await this.find(swhid);
    return found.text === null ? absence(found) : excerpt(found.text, cut);
  }

  /** Show a source in a peek view at the cursor, at the lines that its SWHID names. */
  async peek(swhid: string): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const source = await this.find(swhid);
    const uri = sourceUri(source, null);
    const first = source.text === null ? 0 : (source.lines?.[0] ?? 1) - 1;
    const last = source.text === null ? 0 : (source.lines?.[1] ?? 1) - 1;
    const range = new vscode.Range(first, 0, last, Number.MAX_SAFE_INTEGER);
    if (editor === undefined) {
      await vscode.window.showTextDocument(uri, { selection: range, preview: true });
      return;
    }
    const target = new vscode.Location(uri, range);
    const at = editor.selection.active;
    await vscode.commands.executeCommand("editor.action.peekLocations", editor.document.uri, at, [target], "peek");
  }

  /** Show the source's lines at the left and one's own at the right. */
  async compare(document: vscode.TextDocument, match: Match): Promise<void> {
    const source = await this.find(match.source.swhid);
    const [first, last] = match.query.lines;
    const range = new vscode.Range(first - 1, 0, last - 1, Number.MAX_SAFE_INTEGER);
    const file = vscode.workspace.asRelativePath(document.uri);
    const own = vscode.Uri.from({ scheme: OWN_SCHEME, path: document.uri.path, query: `lines=${span(match.query.lines)}` });
    this.own.set(own.toString(), document.getText(document.validateRange(range)));
    const title = `${sourceTitle(source.path, match.source.swhid, match.source.lines)} ↔ ${file}:${span(match.query.lines)}`;
    const left = sourceUri(source, match.source.lines);
    await vscode.commands.executeCommand("vscode.diff", left, own, `${title} (${match.license.expression})`);
  }

  dispose(): void {
    this.registered.dispose();
  }

  private async find(swhid: string): Promise<SourceText> {
    try {
      return (await this.ask(SOURCE, { swhid })) as SourceText;
    } catch (error) {
      const reason = `The server could not be asked for it: ${error instanceof Error ? error.message : String(error)}`;
      const link = archiveLink(swhid);
      return { swhid, origin: null, path: null, lines: null, link, text: null, held: null, place: null, reason };
    }
  }
}

/** The name ends as the source's does, so that it is highlighted as what it is; a note on it is plain text. */
function sourceUri(source: SourceText, cut: Lines | null): vscode.Uri {
  const name = source.path?.replace(/^\/?/, "/") ?? "/source";
  const named: Named = { swhid: source.swhid, cut };
  const path = source.text === null ? `${name}.not-here.txt` : name;
  return vscode.Uri.from({ scheme: SCHEME, path, query: JSON.stringify(named) });
}
