/** The real server, spoken to without an editor; and the real command line. */

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import {
  createMessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type MessageConnection,
} from "vscode-languageserver-protocol/node";
import { commandLine } from "../src/core/interpreter";

const ROOT = path.resolve(__dirname, "..", "..", "..");

/** The Python of the tests: that of the environment which `make` makes. */
export const PYTHON = process.env["SC_ATTRIB_PYTHON"] ?? path.join(ROOT, ".venv", "bin", "python");

export const HEAD = "def weighted_quantile(values, weights, fraction=0.5):\n";
export const BODY = `    if len(weights) != len(values):
        raise ValueError("every value needs its own weight")
    total = sum(weights)
    if total <= 0:
        raise ValueError("the weights must add up to something positive")
    running = 0.0
    for weight, value in sorted(zip(weights, values), key=lambda pair: pair[1]):
        running += weight / total
        if running >= fraction:
            return value
    return values[-1]
`;
export const DENIED_HEAD = "def spell_duration(seconds):\n";
const DENIED_BODY = `    seconds = max(0, int(seconds))
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts + [f"{seconds}s"])
`;

export function scAttrib(cwd: string, ...words: string[]): string {
  return execFileSync(PYTHON, commandLine(words), { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** A folder with a workspace, an index of one MIT and one GPL file, and a model that goes on with both. */
export class Place {
  readonly folder = mkdtempSync(path.join(tmpdir(), "sc-attrib-"));
  readonly workspace = this.made("workspace");
  readonly index = path.join(this.folder, "index");
  readonly model = path.join(this.folder, "model.script.json");

  constructor() {
    const known = this.made("known");
    writeFileSync(path.join(known, "free.py"), `# SPDX-License-Identifier: MIT\n\n${HEAD}${BODY}`);
    writeFileSync(path.join(known, "bound.py"), `# SPDX-License-Identifier: GPL-3.0-only\n\n${DENIED_HEAD}${DENIED_BODY}`);
    const replies = [
      { after: `${HEAD}    `, text: BODY.trimStart() },
      { after: `${DENIED_HEAD}    `, text: DENIED_BODY.trimStart() },
    ];
    writeFileSync(this.model, JSON.stringify({ replies }));
    scAttrib(this.folder, "index", "build", "--index", this.index, "--tree", known, "--origin", "https://example.org/q");
  }

  /** A file of the workspace, as an URI. */
  file(name: string): string {
    return pathToFileURL(path.join(this.workspace, name)).href;
  }

  private made(name: string): string {
    const folder = path.join(this.folder, name);
    mkdirSync(folder);
    return folder;
  }
}

/** What the server says, by method, for whoever waits for it. */
export class Talk {
  private readonly heard = new Map<string, unknown[]>();
  private readonly waiting: { method: string; take: (params: unknown) => void }[] = [];

  private constructor(
    readonly connection: MessageConnection,
    readonly answer: { capabilities: Record<string, unknown>; serverInfo?: { name: string } },
  ) {}

  static async begin(place: Place, settings: Record<string, unknown> = {}): Promise<Talk> {
    const env = { ...process.env, XDG_STATE_HOME: place.folder };
    const child = spawn(PYTHON, commandLine(["lsp"]), { cwd: place.workspace, env, stdio: ["pipe", "pipe", "ignore"] });
    const connection = createMessageConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin));
    const early: [string, unknown][] = [];
    const held: { talk?: Talk } = {};
    connection.onNotification((method: string, params: unknown) => {
      if (held.talk === undefined) early.push([method, params]);
      else held.talk.hear(method, params);
    });
    connection.listen();
    const uri = pathToFileURL(place.workspace).href;
    const answer = await connection.sendRequest<Talk["answer"]>("initialize", {
      processId: process.pid,
      rootUri: uri,
      workspaceFolders: [{ uri, name: "workspace" }],
      capabilities: { textDocument: { inlineCompletion: {}, publishDiagnostics: { dataSupport: true } } },
      initializationOptions: {
        model: { path: place.model },
        trace: { indexes: [place.index], ...settings },
        completion: { timeoutMs: 60_000, maxTokens: 2048 },
        diagnostics: { debounceMs: 0 },
      },
    });
    held.talk = new Talk(connection, answer);
    for (const [method, params] of early) held.talk.hear(method, params);
    await connection.sendNotification("initialized", {});
    return held.talk;
  }

  async open(uri: string, text: string): Promise<void> {
    await this.connection.sendNotification("textDocument/didOpen", {
      textDocument: { uri, languageId: "python", version: 1, text },
    });
  }

  async suggest(uri: string, line: number, character: number): Promise<{ items: Item[] }> {
    return this.connection.sendRequest("textDocument/inlineCompletion", {
      textDocument: { uri },
      position: { line, character },
      context: { triggerKind: 1 },
    });
  }

  /** The next notification of a method, also one that was heard already and that nobody has taken. */
  next(method: string): Promise<unknown> {
    const known = this.heard.get(method);
    if (known !== undefined && known.length > 0) return Promise.resolve(known.shift());
    return new Promise((take) => this.waiting.push({ method, take }));
  }

  async end(): Promise<void> {
    await this.connection.sendRequest("shutdown");
    await this.connection.sendNotification("exit");
    this.connection.dispose();
  }

  private hear(method: string, params: unknown): void {
    const at = this.waiting.findIndex((one) => one.method === method);
    const [first] = at < 0 ? [] : this.waiting.splice(at, 1);
    if (first !== undefined) first.take(params);
    else this.heard.set(method, [...(this.heard.get(method) ?? []), params]);
  }
}

export interface Item {
  readonly insertText: string;
  readonly command: { readonly title: string; readonly command: string; readonly arguments: readonly unknown[] };
}
