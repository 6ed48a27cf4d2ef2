/** Activation: wiring only, and nothing is waited for. */

import * as vscode from "vscode";
import type { Middleware } from "vscode-languageclient/node";
import { CommandLine } from "./cli";
import { SourceActions } from "./codeActions";
import { findingCommands } from "./commands/finding";
import { showMenu, toggle } from "./commands/menu";
import { pickModel } from "./commands/model";
import { suggestionCommands } from "./commands/suggestion";
import { workspaceCommands } from "./commands/workspace";
import { SECTION } from "./core/protocol";
import { Environment } from "./environment";
import { Messages, offer } from "./messages";
import { Sources } from "./peek";
import { ProvenanceLine } from "./provenance";
import { Reports } from "./reports";
import { Server } from "./server";
import { StatusBar } from "./statusBar";
import { AttributionsTree } from "./tree";

type Command = (...words: never[]) => unknown;

let running: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel("sc-attrib", { log: true });
  const environment = new Environment(context, log);
  const messages = new Messages();
  const tree = new AttributionsTree();
  const line = new ProvenanceLine((method, params) => void server.running?.sendNotification(method, params));
  const middleware: Middleware = { ...line.middleware, ...tree.middleware, handleWorkDoneProgress };
  const server = new Server(() => environment.find(), log, middleware, (level, text) => messages.show(level, text));
  const sources = new Sources((method, params) => server.ask(method, params));
  const reports = new Reports();
  const statusBar = new StatusBar();
  const cli = new CommandLine(environment, log);
  running = server;

  const show = () => statusBar.show(server.state, line.current);
  const restart = () => {
    messages.forget();
    return server.restart();
  };
  const commands: Record<string, Command> = {
    "sc-attrib.restart": restart,
    "sc-attrib.showLog": () => log.show(),
    "sc-attrib.menu": () => showMenu(server.state, line.current !== undefined),
    "sc-attrib.toggle": toggle,
    "sc-attrib.setUp": async () => ((await environment.setUp()) ? restart() : undefined),
    "sc-attrib.chooseInterpreter": () => environment.choose(),
    "sc-attrib.walkthrough": () =>
      vscode.commands.executeCommand("workbench.action.openWalkthrough", `${context.extension.id}#firstSteps`),
    "sc-attrib.pickModel": () => pickModel(cli),
    ...suggestionCommands(line, sources),
    ...findingCommands(tree, sources),
    ...workspaceCommands(cli, tree, reports),
  };
  context.subscriptions.push(
    log,
    tree,
    line,
    server,
    sources,
    reports,
    statusBar,
    server.onDidChangeState((state) => {
      show();
      messages.follow(state);
      if (state.kind !== "running") line.clear();
      void vscode.commands.executeCommand("setContext", "sc-attrib.state", state.kind);
    }),
    line.onDidChange(show),
    server.onDidWithhold((withheld) => statusBar.tellWithheld(withheld)),
    vscode.languages.registerCodeActionsProvider({ scheme: "file" }, new SourceActions(), {
      providedCodeActionKinds: SourceActions.kinds,
    }),
    vscode.workspace.onDidChangeConfiguration((event) => {
      const isAffected = ["interpreter", "logLevel"].some((name) => event.affectsConfiguration(`${SECTION}.${name}`));
      if (isAffected) void restart();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void restart()),
    ...Object.entries(commands).map(([name, run]) => vscode.commands.registerCommand(name, telling(run))),
  );
  void server.start();
}

export async function deactivate(): Promise<void> {
  await running?.stop();
}

/** Progress of what is asked for; that the server loads is said in the status bar already. */
const handleWorkDoneProgress: NonNullable<Middleware["handleWorkDoneProgress"]> = (token, params, next) => {
  if (params.kind !== "begin" || !params.title.startsWith("Loading ")) next(token, params);
};

/** Say what went wrong with a command in its sentence. */
function telling(run: Command): Command {
  return async (...words) => {
    try {
      await run(...words);
    } catch (error) {
      if (error instanceof vscode.CancellationError) return;
      await offer("error", error instanceof Error ? error.message : String(error), ["Show Log"]);
    }
  };
}
