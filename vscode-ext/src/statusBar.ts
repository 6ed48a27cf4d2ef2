/** The status bar: the server's state in a word and an icon, the model, and what was last suggested. */

import * as vscode from "vscode";
import type { Provenance } from "./core/protocol";
import { look, type State } from "./core/status";
import { brief, spoken, withheldLine } from "./core/words";

const WITHHELD_MS = 8_000;

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("sc-attrib.status", vscode.StatusBarAlignment.Right, 100);

  constructor() {
    this.item.name = "sc-attrib";
    this.item.command = "sc-attrib.menu";
    this.item.show();
  }

  show(state: State, provenance: Provenance | undefined): void {
    const found = look(state, provenance && { brief: brief(provenance), spoken: spoken(provenance) });
    this.item.text = found.text;
    this.item.tooltip = found.tooltip;
    this.item.accessibilityInformation = { label: found.spoken, role: "button" };
    this.item.backgroundColor = found.isAlarming
      ? new vscode.ThemeColor("statusBarItem.warningBackground")
      : undefined;
  }

  /** Say for a moment that a suggestion was withheld, and why. */
  tellWithheld(withheld: Provenance): void {
    vscode.window.setStatusBarMessage(`$(shield) ${withheldLine(withheld)}`, WITHHELD_MS);
  }

  dispose(): void {
    this.item.dispose();
  }
}
