/** The server process and its client: started, watched, started again when it ends by itself. */

import { spawn, type ChildProcess } from "node:child_process";
import { homedir } from "node:os";
import type { Readable } from "node:stream";
import * as vscode from "vscode";
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  RevealOutputChannelOn,
  ShowMessageNotification,
  type LanguageClientOptions,
  type Middleware,
} from "vscode-languageclient/node";
import { Backoff } from "./core/backoff";
import { commandLine, type Found } from "./core/interpreter";
import { levelOf } from "./core/log";
import { Lines } from "./core/process";
import { DID_CHANGE_STATUS, DID_WITHHOLD, SECTION, type Status, type Withheld } from "./core/protocol";
import type { State } from "./core/status";

export class Server implements vscode.Disposable {
  private readonly backoff = new Backoff();
  private readonly changed = new vscode.EventEmitter<State>();
  private readonly withheldNow = new vscode.EventEmitter<Withheld>();
  private client: LanguageClient | undefined;
  private child: ChildProcess | undefined;
  private waiting: NodeJS.Timeout | undefined;
  private present: State = { kind: "stopped", reason: "" };
  private generation = 0;

  readonly onDidChangeState = this.changed.event;
  readonly onDidWithhold = this.withheldNow.event;

  constructor(
    private readonly find: () => Promise<Found>,
    private readonly log: vscode.LogOutputChannel,
    private readonly middleware: Middleware,
    private readonly show: (level: number, text: string) => void,
  ) {}

  get state(): State {
    return this.present;
  }

  /** The client while the server runs. */
  get running(): LanguageClient | undefined {
    return this.present.kind === "running" ? this.client : undefined;
  }

  /** Send a request; throws while the server does not run. */
  async ask(method: string, params: unknown): Promise<unknown> {
    if (this.running === undefined) throw new Error("the server does not run");
    return this.running.sendRequest(method, params);
  }

  /** End what runs, forget what failed, and start. */
  async restart(): Promise<void> {
    this.backoff.reset();
    await this.stop();
    await this.start();
  }

  async start(): Promise<void> {
    const mine = ++this.generation;
    clearTimeout(this.waiting);
    this.tell({ kind: "starting" });
    const found = await this.find();
    if (mine !== this.generation) return;
    if (!found.ok) {
      this.log.error(found.sentence);
      this.tell({ kind: "failed", found });
      return;
    }
    this.log.info(`Starting sc-attrib ${found.version} with ${found.python}`);
    await this.run(found.python, mine);
  }

  async stop(): Promise<void> {
    this.generation += 1;
    clearTimeout(this.waiting);
    this.tell({ kind: "stopped", reason: "" });
    await this.letGo();
  }

  dispose(): void {
    void this.stop();
    this.changed.dispose();
    this.withheldNow.dispose();
  }

  private async run(python: string, mine: number): Promise<void> {
    const start = async () => (this.child = await launch(python));
    const client = new LanguageClient(SECTION, "sc-attrib", start, this.options(mine));
    this.client = client;
    client.onNotification(DID_CHANGE_STATUS, (status: Status) => {
      if (mine === this.generation) this.tell({ kind: "running", status });
    });
    client.onNotification(ShowMessageNotification.type, ({ type, message }) => this.show(type, message));
    client.onNotification(DID_WITHHOLD, (withheld: Withheld) => this.withheldNow.fire(withheld));
    this.backoff.begin();
    try {
      await client.start();
      if (mine === this.generation && this.present.kind === "starting") {
        this.tell({ kind: "running", status: undefined });
      }
    } catch (error) {
      this.log.error(`The server did not start: ${String(error)}`);
      this.ended(mine);
    }
  }

  private options(mine: number): LanguageClientOptions {
    return {
      documentSelector: [{ scheme: "file" }, { scheme: "untitled" }],
      outputChannel: this.log,
      stdioOptions: { stdout: () => undefined, stderr: logLines },
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      middleware: this.middleware,
      initializationFailedHandler: () => false,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => {
          this.ended(mine);
          return { action: CloseAction.DoNotRestart, handled: true };
        },
      },
    };
  }

  /** The server ended by itself: start it again in a while, and say so the first time. */
  private ended(mine: number): void {
    if (mine !== this.generation) return;
    this.generation += 1;
    const wait = this.backoff.next();
    setTimeout(() => void this.letGo(), 0); // once the client is done with what made it call here
    if (wait === undefined) {
      this.tell({ kind: "stopped", reason: "The server ended again and again and is not started any more." });
      return;
    }
    this.log.warn(`The server ended by itself; it is started again in ${wait / 1000} s.`);
    this.tell({ kind: "waiting", seconds: wait / 1000, isFirst: this.backoff.isFirst });
    this.waiting = setTimeout(() => void this.start(), wait);
  }

  /** Say goodbye to the server, and end the process where it does not end by itself. */
  private async letGo(): Promise<void> {
    const { client, child } = this;
    this.client = this.child = undefined;
    await client?.dispose().catch((error: unknown) => this.log.debug(String(error)));
    if (child?.exitCode === null && child.signalCode === null) child.kill();
  }

  private tell(state: State): void {
    this.present = state;
    this.changed.fire(state);
  }
}

/** Write what the server says, line by line at its own level. */
function logLines(stderr: Readable, log: vscode.LogOutputChannel): void {
  const lines = new Lines((line) => log[levelOf(line)](line));
  stderr.setEncoding("utf8").on("data", (chunk: string) => lines.take(chunk));
}

/** Start the server where nothing of a workspace lies; see {@link commandLine}. */
async function launch(python: string): Promise<ChildProcess> {
  const level = vscode.workspace.getConfiguration(SECTION).get("logLevel", "warning");
  const trust = vscode.workspace.isTrusted ? [] : ["--untrusted"];
  const words = ["lsp", "--log-level", level, ...trust];
  const process = spawn(python, commandLine(words), { cwd: homedir(), windowsHide: true });
  await new Promise<void>((resolve, reject) => {
    process.once("spawn", resolve);
    process.once("error", reject);
  });
  return process;
}
