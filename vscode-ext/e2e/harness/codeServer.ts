/** A real VS Code of one's own: fresh folders, the packaged extension installed, ended as a whole. */

import { spawn, execFileSync, type ChildProcess } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium as playwright, type Browser, type BrowserContext } from "playwright-core";
import { chromium, CODE_SERVER, newFolder, PYTHON, scAttrib, VSIX } from "./places.ts";
import { serversOf } from "./processes.ts";
import { Window } from "./window.ts";

const START_MS = 180_000;
const END_MS = 10_000;

/** What distracts in pictures or waits for the network. */
const QUIET = {
  "workbench.startupEditor": "none",
  "workbench.colorTheme": "Default Dark Modern",
  "workbench.tips.enabled": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.welcomePage.walkthroughs.openOnInstall": false,
  "chat.disableAIFeatures": true,
  "telemetry.telemetryLevel": "off",
  "extensions.autoCheckUpdates": false,
  "extensions.autoUpdate": false,
  "extensions.ignoreRecommendations": true,
  "git.enabled": false,
  "remote.autoForwardPorts": false,
  "breadcrumbs.enabled": false,
  "diffEditor.useInlineViewWhenSpaceIsLimited": false,
  "diffEditor.renderOverviewRuler": false,
  "files.autoSave": "off",
  "editor.minimap.enabled": false,
  "editor.fontSize": 14,
  "editor.fontFamily": "'DejaVu Sans Mono', monospace",
  "editor.lineHeight": 1.5,
  "editor.cursorBlinking": "solid",
  "editor.quickSuggestions": { other: "off", comments: "off", strings: "off" },
  "editor.suggestOnTriggerCharacters": false,
  "editor.wordBasedSuggestions": "off",
  "editor.accessibilitySupport": "off",
  "window.menuBarVisibility": "compact",
};

export interface Options {
  /** Settings of the user, beside the quiet ones. */
  readonly settings?: Record<string, unknown>;
  /** Settings of the machine that the server runs on: all that a workspace may not choose. */
  readonly machine?: Record<string, unknown>;
  /** Whether folders are asked about before they are trusted. */
  readonly asksForTrust?: boolean;
  readonly env?: Record<string, string>;
  /** What the user's shell runs when it starts. */
  readonly profile?: string;
}

let browser: Promise<Browser> | undefined;
let context: Promise<BrowserContext> | undefined;
let installed: string | undefined;

/** Process groups that end with this process, however it ends. */
const running = new Set<number>();
process.once("exit", () => running.forEach((group) => signal(group, "SIGKILL")));
process.once("SIGTERM", () => process.exit(143));
process.once("SIGINT", () => process.exit(130));

/** One browser for all tests of a process, with one cache: most of a window's start is reading its program. */
function browserContext(): Promise<BrowserContext> {
  const args = ["--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb"];
  browser ??= playwright.launch({ executablePath: chromium(), args });
  return (context ??= browser.then((started) =>
    started.newContext({
      viewport: { width: 1120, height: 600 },
      deviceScaleFactor: 1.6,
      permissions: ["clipboard-read", "clipboard-write"],
    }),
  ));
}

export async function closeBrowser(): Promise<void> {
  await (await browser)?.close();
  browser = context = undefined;
}

/** The folder of extensions with ours in it; installed once a process, as users install it. */
function extensions(): string {
  if (installed !== undefined) return installed;
  installed = newFolder();
  const words = ["--install-extension", VSIX, "--extensions-dir", installed, "--user-data-dir", `${installed}/user`];
  const said = execFileSync(process.execPath, [CODE_SERVER, ...words], {
    encoding: "utf8",
    env: { ...process.env, XDG_CONFIG_HOME: `${installed}/config` },
  });
  if (!said.includes("was successfully installed")) throw new Error(`the extension was not installed: ${said}`);
  return installed;
}

export class CodeServer {
  private readonly process: ChildProcess;
  /** All that it writes, beside the workspaces. */
  readonly folder: string;
  readonly address: string;
  private readonly windows: Window[] = [];

  private constructor(child: ChildProcess, folder: string, address: string) {
    this.process = child;
    this.folder = folder;
    this.address = address;
    running.add(this.group);
  }

  /** The process group, as it is named in signals. */
  private get group(): number {
    return -(this.process.pid ?? 0);
  }

  static async start(options: Options = {}): Promise<CodeServer> {
    const folder = newFolder();
    cpSync(extensions(), path.join(folder, "extensions"), { recursive: true });
    writeSettings(folder, options.settings ?? {}, options.machine ?? {});
    const words = ["--auth", "none", "--bind-addr", "127.0.0.1:0", "--disable-telemetry", "--disable-update-check"];
    words.push("--user-data-dir", path.join(folder, "user"), "--extensions-dir", path.join(folder, "extensions"));
    if (options.asksForTrust !== true) words.push("--disable-workspace-trust");
    const env = { ...process.env, ...homeOf(folder), ...options.env };
    writeFileSync(path.join(folder, "home", ".bash_profile"), options.profile ?? "");
    const child = spawn(process.execPath, [CODE_SERVER, ...words], {
      detached: true, // a group of its own, which ends as a whole
      cwd: folder,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    return new CodeServer(child, folder, await addressOf(child));
  }

  /** Change the user's settings while windows are open. */
  settings(settings: Record<string, unknown>, machine: Record<string, unknown> = {}): void {
    writeSettings(this.folder, settings, machine);
  }

  /** Open a window on a folder or a `.code-workspace` file. */
  async open(workspace: string): Promise<Window> {
    const page = await (await browserContext()).newPage();
    const kind = workspace.endsWith(".code-workspace") ? "workspace" : "folder";
    const window = await Window.open(page, `${this.address}/?${kind}=${encodeURIComponent(workspace)}`);
    this.windows.push(window);
    return window;
  }

  /** Process ids of the language servers that run for its windows. */
  servers(): number[] {
    return serversOf(this.folder);
  }

  /** Run the command line as the user of this editor would, in a workspace. */
  scAttrib(words: readonly string[], workspace: string): string {
    return scAttrib(words, { cwd: workspace, env: { ...process.env, ...homeOf(this.folder) } });
  }

  async end(): Promise<void> {
    await Promise.all(this.windows.map((window) => window.close()));
    signal(this.group, "SIGTERM");
    const gone = new Promise((resolve) => this.process.once("exit", resolve));
    if (this.process.exitCode === null) await Promise.race([gone, sleep(END_MS)]);
    signal(this.group, "SIGKILL");
    running.delete(this.group);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** A home of nobody: no index, no ledger and no settings of whoever runs the tests. */
function homeOf(folder: string): Record<string, string> {
  const home = path.join(folder, "home");
  const places = { HOME: home, XDG_CONFIG_HOME: `${home}/config`, XDG_STATE_HOME: `${home}/state` };
  const all = { ...places, XDG_DATA_HOME: `${home}/data`, XDG_CACHE_HOME: `${home}/cache` };
  for (const place of Object.values(all)) mkdirSync(place, { recursive: true });
  return all;
}

function writeSettings(folder: string, user: object, machine: object): void {
  const interpreter = { "sc-attrib.interpreter": PYTHON };
  for (const [place, values] of [["User", { ...QUIET, ...user }], ["Machine", { ...interpreter, ...machine }]] as const) {
    const directory = path.join(folder, "user", place);
    mkdirSync(directory, { recursive: true });
    writeFileSync(path.join(directory, "settings.json"), JSON.stringify(values, null, 2));
  }
}

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const timer = setTimeout(() => reject(new Error(`code-server did not start: ${said}`)), START_MS);
    const hear = (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-20_000);
      const found = /HTTP server listening on (http:\S+?)\/?\s/.exec(said);
      if (found?.[1] === undefined) return;
      clearTimeout(timer);
      resolve(found[1]);
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("exit", (code) => reject(new Error(`code-server ended with ${String(code)}: ${said}`)));
  });
}

function signal(group: number, name: NodeJS.Signals): void {
  try {
    process.kill(group, name);
  } catch {
    // nobody is left
  }
}
