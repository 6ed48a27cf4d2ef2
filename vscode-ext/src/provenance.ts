/** Where the suggestion on screen comes from: a line beside the ghost text, kept in step with what is typed. */

import * as vscode from "vscode";
import type { Middleware } from "vscode-languageclient/node";
import { ACCEPTED, DID_SHOW, SECTION, type Provenance } from "./core/protocol";
import { archiveLink, details, ghostLine, spoken } from "./core/words";
import { commandLink } from "./links";

/** Suggestions at one place of a document, of which one is on screen. */
interface Shown {
  readonly editor: vscode.TextEditor;
  readonly items: readonly { readonly text: string; readonly provenance: Provenance }[];
  index: number;
  position: vscode.Position;
  /** What of the suggestion is not typed yet. */
  rest: string;
}

type Notify = (method: string, params: unknown) => void;

export class ProvenanceLine implements vscode.Disposable {
  private readonly decoration = vscode.window.createTextEditorDecorationType({
    after: { color: new vscode.ThemeColor("editorCodeLens.foreground"), margin: "0 0 0 3ch" },
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  private readonly changed = new vscode.EventEmitter<Provenance | undefined>();
  private readonly subscriptions: vscode.Disposable;
  private shown: Shown | undefined;

  /** Fired with the provenance of the suggestion that is shown from now on, or with none. */
  readonly onDidChange = this.changed.event;

  constructor(private readonly notify: Notify) {
    this.subscriptions = vscode.Disposable.from(
      this.decoration,
      this.changed,
      vscode.workspace.onDidChangeTextDocument((event) => this.followEdit(event)),
      vscode.window.onDidChangeTextEditorSelection((event) => this.followCursor(event)),
      vscode.window.onDidChangeActiveTextEditor(() => this.clear()),
    );
  }

  /** Watches what the server suggests, and what is accepted of it. */
  readonly middleware: Middleware = {
    provideInlineCompletionItems: async (document, position, context, token, next) => {
      const version = document.version;
      const answer = await next(document, position, context, token);
      const items = Array.isArray(answer) ? answer : (answer?.items ?? []);
      if (!token.isCancellationRequested && document.version === version) this.show(document, position, items);
      return answer;
    },
    executeCommand: (command, words, next) => {
      if (command === ACCEPTED) this.clear();
      // eslint-disable-next-line @typescript-eslint/no-unsafe-return -- what a command answers has no type
      return next(command, words);
    },
  };

  get current(): Provenance | undefined {
    return this.shown?.items[this.shown.index]?.provenance;
  }

  /** The editor moved on to another of several suggestions. */
  turn(by: 1 | -1): void {
    if (this.shown === undefined) return;
    const count = this.shown.items.length;
    this.shown.index = (this.shown.index + by + count) % count;
    this.shown.rest = this.shown.items[this.shown.index]?.text ?? "";
    this.draw();
  }

  clear(): void {
    if (this.shown === undefined) return;
    this.shown.editor.setDecorations(this.decoration, []);
    this.shown = undefined;
    this.tell();
  }

  dispose(): void {
    this.clear();
    this.subscriptions.dispose();
  }

  private show(document: vscode.TextDocument, position: vscode.Position, items: vscode.InlineCompletionItem[]): void {
    const editor = vscode.window.activeTextEditor;
    const known = items.flatMap((item) => {
      const provenance = provenanceOf(item);
      return provenance === undefined ? [] : [{ text: remaining(item, position), provenance }];
    });
    const first = known[0];
    if (first === undefined || editor?.document !== document || !editor.selection.active.isEqual(position)) {
      this.clear();
      return;
    }
    if (this.shown !== undefined && this.shown.editor !== editor) this.clear();
    this.shown = { editor, items: known, index: 0, position, rest: first.text };
    this.draw();
    this.notify(DID_SHOW, { item: { insertText: first.text, command: { arguments: [{ id: first.provenance.id }] } } });
  }

  private draw(): void {
    const shown = this.shown;
    const provenance = this.current;
    if (shown === undefined || provenance === undefined) return;
    if (vscode.workspace.getConfiguration(SECTION).get<boolean>("provenance.inline", true)) {
      const end = shown.editor.document.lineAt(shown.position.line).range.end;
      const contentText = ghostLine(provenance, shown.index, shown.items.length);
      const hoverMessage = hover(provenance);
      shown.editor.setDecorations(this.decoration, [
        { range: new vscode.Range(end, end), hoverMessage, renderOptions: { after: { contentText } } },
      ]);
    }
    this.tell();
  }

  private tell(): void {
    void vscode.commands.executeCommand("setContext", "sc-attrib.suggestionShown", this.shown !== undefined);
    void vscode.commands.executeCommand("setContext", "sc-attrib.severalShown", (this.shown?.items.length ?? 0) > 1);
    this.changed.fire(this.current);
  }

  /** Whoever types what is suggested keeps the suggestion; anything else ends it. */
  private followEdit(event: vscode.TextDocumentChangeEvent): void {
    const shown = this.shown;
    if (event.document !== shown?.editor.document || event.contentChanges.length === 0) return;
    const [change, ...others] = event.contentChanges;
    const isTyped =
      others.length === 0 &&
      change !== undefined &&
      change.range.isEmpty &&
      change.range.start.isEqual(shown.position) &&
      !change.text.includes("\n") &&
      shown.rest.startsWith(change.text) &&
      shown.rest !== change.text;
    if (!isTyped) {
      this.clear();
      return;
    }
    shown.position = shown.position.translate(0, change.text.length);
    shown.rest = shown.rest.slice(change.text.length);
  }

  private followCursor({ textEditor, selections }: vscode.TextEditorSelectionChangeEvent): void {
    if (textEditor !== this.shown?.editor) return;
    const [only, ...others] = selections;
    const isThere = others.length === 0 && only?.isEmpty === true && only.active.isEqual(this.shown.position);
    if (!isThere) this.clear();
  }
}

function provenanceOf(item: vscode.InlineCompletionItem): Provenance | undefined {
  const found: unknown = item.command?.arguments?.[0];
  return item.command?.command === ACCEPTED && typeof found === "object" ? (found as Provenance) : undefined;
}

/** What an item would add behind the cursor. */
function remaining(item: vscode.InlineCompletionItem, position: vscode.Position): string {
  const text = typeof item.insertText === "string" ? item.insertText : item.insertText.value;
  const replaced = item.range === undefined ? 0 : position.character - item.range.start.character;
  return text.slice(Math.max(0, replaced));
}

function hover(provenance: Provenance): vscode.MarkdownString {
  const links = (swhid: string) =>
    `${commandLink("sc-attrib.peekSource", "Show the source", [swhid])} · [Archive](${archiveLink(swhid)})`;
  const parts = provenance.matches.slice(0, 3).map((match) => `${details(match)}  \n${links(match.source.swhid)}`);
  const text = new vscode.MarkdownString(parts.length === 0 ? `Suggestion ${spoken(provenance)}` : parts.join("\n\n---\n\n"));
  text.isTrusted = { enabledCommands: ["sc-attrib.peekSource"] };
  return text;
}
