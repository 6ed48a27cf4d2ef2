/** Activation: wiring only, and nothing is waited for. */

import * as path from "node:path";
import * as vscode from "vscode";
import { findInterpreter } from "./core/interpreter";
import { SECTION } from "./core/protocol";
import { Server } from "./server";
import { StatusBar } from "./statusBar";

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel("sc-attrib", { log: true });
  const made = path.join(context.globalStorageUri.fsPath, "environment");
  const find = () =>
    findInterpreter({
      setting: vscode.workspace.getConfiguration(SECTION).get("interpreter", ""),
      made,
      searchPath: process.env["PATH"] ?? "",
    });
  const server = new Server(find, log, {});
  const statusBar = new StatusBar();
  context.subscriptions.push(
    log,
    statusBar,
    server,
    server.onDidChangeState((state) => statusBar.show(state, undefined)),
    vscode.commands.registerCommand("sc-attrib.restart", () => server.restart()),
    vscode.commands.registerCommand("sc-attrib.showLog", () => log.show()),
  );
  void server.start();
}
