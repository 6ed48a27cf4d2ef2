/** The view *Attributions*: what the workspace's files are like, by licence or by file. */

import * as path from "node:path";
import * as vscode from "vscode";
import type { Middleware } from "vscode-languageclient/node";
import {
  findingBrief,
  findingDetails,
  Findings,
  groupBrief,
  grouped,
  openCount,
  spokenFinding,
  summary,
  type Finding,
  type Group,
  type Grouping,
} from "./core/findings";
import type { Match, Verdict } from "./core/protocol";
import { span } from "./core/words";

export type Node = Group | Finding;

/** Each verdict has a shape of its own, for whom colours say nothing. */
const ICONS: Record<Verdict, string> = {
  deny: "error",
  review: "warning",
  attribute: "info",
  allow: "pass",
  common: "circle-outline",
  exempt: "circle-outline",
  ignored: "circle-slash",
};

export class AttributionsTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly findings = new Findings();
  private readonly changed = new vscode.EventEmitter<undefined>();
  private readonly view: vscode.TreeView<Node>;
  private readonly cursor: vscode.Disposable;
  private grouping: Grouping = "license";
  private isKnownLine = false;

  readonly onDidChangeTreeData = this.changed.event;

  constructor() {
    this.view = vscode.window.createTreeView("sc-attrib.attributions", { treeDataProvider: this, showCollapseAll: true });
    this.groupBy("license");
    this.cursor = vscode.window.onDidChangeTextEditorSelection(({ textEditor, selections }) => {
      const line = (selections[0]?.active.line ?? 0) + 1;
      const isKnown = this.findings.at(textEditor.document.uri.toString(), line).length > 0;
      if (isKnown === this.isKnownLine) return;
      this.isKnownLine = isKnown;
      void vscode.commands.executeCommand("setContext", "sc-attrib.knownLine", isKnown);
    });
  }

  /** Sees what the server marks in open files. */
  readonly middleware: Middleware = {
    handleDiagnostics: (uri, diagnostics, next) => {
      const matches = diagnostics.flatMap((one) => matchOf(one) ?? []);
      const isOpen = vscode.workspace.textDocuments.some((document) => document.uri.toString() === uri.toString());
      this.findings.mark(uri.toString(), isOpen ? matches : undefined);
      this.refresh();
      next(uri, diagnostics);
    },
  };

  groupBy(grouping: Grouping): void {
    this.grouping = grouping;
    void vscode.commands.executeCommand("setContext", "sc-attrib.grouping", grouping);
    this.refresh();
  }

  refresh(): void {
    const count = openCount(this.findings.all());
    const tooltip = `${count} findings that ask for something`;
    this.view.badge = count === 0 ? undefined : { value: count, tooltip };
    this.changed.fire(undefined);
  }

  getChildren(node?: Node): Node[] {
    if (node === undefined) return grouped(this.findings.all(), this.grouping);
    return "findings" in node ? [...node.findings] : [];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    return "findings" in node ? groupItem(node) : findingItem(node, this.grouping);
  }

  dispose(): void {
    this.view.dispose();
    this.cursor.dispose();
    this.changed.dispose();
  }
}

/** The match that a mark of the server speaks of. */
export function matchOf(diagnostic: vscode.Diagnostic): Match | undefined {
  const data = (diagnostic as vscode.Diagnostic & { data?: Match }).data;
  return diagnostic.source === "sc-attrib" ? data : undefined;
}

function groupItem(group: Group): vscode.TreeItem {
  const uri = group.kind === "file" ? vscode.Uri.parse(group.name) : undefined;
  const name = uri === undefined ? group.name : vscode.workspace.asRelativePath(uri);
  const item = new vscode.TreeItem(name, vscode.TreeItemCollapsibleState.Expanded);
  item.id = `${group.kind}:${group.name}`;
  item.description = groupBrief(group);
  item.tooltip = `${name}: ${summary(group)}`;
  item.iconPath = new vscode.ThemeIcon(ICONS[group.verdict]);
  item.accessibilityInformation = { label: `${name}, ${summary(group)}` };
  item.contextValue = group.kind;
  return item;
}

function findingItem(finding: Finding, grouping: Grouping): vscode.TreeItem {
  const { match } = finding;
  const uri = vscode.Uri.parse(finding.uri);
  const file = vscode.workspace.asRelativePath(uri);
  const lines = span(match.query.lines);
  const item = new vscode.TreeItem(grouping === "license" ? `${path.posix.basename(file)}:${lines}` : `lines ${lines}`);
  item.description = findingBrief(finding, grouping);
  item.tooltip = new vscode.MarkdownString(findingDetails(finding, file));
  item.iconPath = new vscode.ThemeIcon(ICONS[match.verdict]);
  item.accessibilityInformation = { label: spokenFinding(finding, file) };
  item.contextValue = "finding";
  item.command = { title: "Show", command: "sc-attrib.showFinding", arguments: [finding] };
  return item;
}
