/** One window of VS Code, used as people use it: keys, the mouse, and what can be seen. */

import type { Locator, Page } from "playwright-core";
import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { artefact } from "./places.ts";

/** Patience, not a goal: the machine may be doing much else. */
const WAIT_MS = 1000 * Number(process.env["SC_ATTRIB_PATIENCE_S"] ?? 120);
const STATUS = '[id$="sc-attrib.status"]';

export class Window {
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  static async open(page: Page, address: string): Promise<Window> {
    page.setDefaultTimeout(WAIT_MS);
    const window = new Window(page);
    await page.goto(address, { waitUntil: "commit" });
    await window.isReady();
    return window;
  }

  private async isReady(): Promise<void> {
    await this.page.locator(".monaco-workbench .statusbar").waitFor();
  }

  async reload(): Promise<void> {
    await this.page.reload({ waitUntil: "commit" });
    await this.isReady();
  }

  async close(): Promise<void> {
    await this.page.close();
  }

  /** Open a file of the workspace by its name, at a line and column where they are given. */
  async openFile(name: string, line?: number, column?: number): Promise<void> {
    const input = await this.quickInput("Control+P");
    await input.fill(name);
    const label = this.page.locator(".label-name").getByText(name, { exact: true });
    await this.page.locator(".quick-input-list .monaco-list-row").filter({ has: label }).first().click();
    await this.page.locator(`.tab.active[data-resource-name="${name}"]`).waitFor();
    await this.page.locator(".editor-instance .monaco-editor .view-line").first().waitFor();
    if (line !== undefined) await this.goTo(line, column ?? 1);
  }

  /** Open the input of a key; pressed again where a window that has just opened did not hear it. */
  private async quickInput(key: string): Promise<Locator> {
    const input = this.page.locator(".quick-input-widget input");
    const press = async () => {
      await this.page.keyboard.press(key);
      return input.waitFor({ timeout: 10_000 }).then(() => true, () => false);
    };
    await this.until(press, (isOpen) => isOpen, `the input of ${key}`);
    return input;
  }

  async goTo(line: number, column: number): Promise<void> {
    const input = await this.quickInput("Control+G");
    await input.fill(`:${line}:${column}`);
    await this.page.keyboard.press("Enter");
    await input.waitFor({ state: "hidden" });
    await this.page.locator(".editor-instance .monaco-editor.focused").first().waitFor();
  }

  /** Type as a person does, a key at a time. */
  async type(text: string, delayMs = 15): Promise<void> {
    for (const [index, line] of text.split("\n").entries()) {
      if (index > 0) await this.page.keyboard.press("Enter");
      await this.page.keyboard.type(line, { delay: delayMs });
    }
  }

  async press(...keys: string[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  async paste(text: string): Promise<void> {
    await this.page.evaluate((value) => navigator.clipboard.writeText(value), text);
    await this.page.keyboard.press("Control+V");
  }

  async save(): Promise<void> {
    await this.page.keyboard.press("Control+S");
    await this.page.locator(".tab.active.dirty").waitFor({ state: "detached" });
  }

  /** Run a command by its title, as the palette lists it. */
  async command(title: string): Promise<void> {
    const input = await this.quickInput("F1");
    await input.fill(`>${title}`);
    await this.page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().waitFor();
    await this.page.keyboard.press("Enter");
  }

  /** Pick a row of the list that is open. */
  async pick(text: string | RegExp): Promise<void> {
    await this.page.locator(".quick-input-list .monaco-list-row", { hasText: text }).first().click();
  }

  /** Wait for ghost text at the cursor; it is drawn line by line, so what it holds is waited for, too. */
  async ghostText(pattern = /\S/): Promise<string> {
    return this.until(() => this.ghostTextNow(), (text) => pattern.test(text), `ghost text ${String(pattern)}`);
  }

  /** The ghost text as it is now; empty for none. */
  async ghostTextNow(): Promise<string> {
    const text = await this.page.evaluate(ghostLines);
    return text.replaceAll("\u00a0", " ").trim();
  }

  /** Everything that stands before, in or after the lines of the editor, drawn texts of decorations included. */
  async lines(): Promise<string> {
    const editor = this.page.locator(".editor-group-container.active .editor-instance .view-lines").first();
    const texts = await editor.evaluate(drawnText);
    return texts.replaceAll("\u00a0", " ");
  }

  /** Wait for text in or beside the lines of the editor. */
  async sees(pattern: RegExp): Promise<string> {
    return this.until(() => this.lines(), (text) => pattern.test(text), String(pattern));
  }

  /** What the status bar says of us, for eyes and for screen readers. */
  async status(): Promise<{ text: string; spoken: string }> {
    const item = this.page.locator(STATUS).first();
    const label = item.locator("a, [role=button]").first();
    return {
      text: ((await item.textContent()) ?? "").trim(),
      spoken: (await label.getAttribute("aria-label")) ?? (await item.getAttribute("aria-label")) ?? "",
    };
  }

  /** Wait for a message anywhere in the status bar. */
  async statusBarSays(pattern: RegExp): Promise<string> {
    const bar = this.page.locator(".statusbar");
    return this.until(async () => (await bar.textContent()) ?? "", (text) => pattern.test(text), String(pattern));
  }

  /** Wait for what our own entry of the status bar says. */
  async statusSays(pattern: RegExp): Promise<string> {
    const shown = async () => {
      const { text, spoken } = await this.status();
      return `${text}\n${spoken}`;
    };
    return this.until(shown, (text) => pattern.test(text), `${String(pattern)} in the status bar`);
  }

  /** Wait until model and index are loaded. */
  async isServed(): Promise<void> {
    await this.page.locator(`${STATUS} .codicon-verified`).first().waitFor();
  }

  /** All messages of this window so far, those that have gone out of sight too; the focus moves to their list. */
  async notifications(): Promise<string[]> {
    await this.command("Notifications: Show Notifications");
    const messages = this.page.locator(".notifications-center .notification-list-item-message");
    await messages.first().waitFor();
    return messages.allTextContents();
  }

  /** A message that is on screen, of progress too. */
  message(text: RegExp): Locator {
    return this.page.locator(".notifications-toasts .notification-list-item", { hasText: text }).first();
  }

  async clickInMessage(text: RegExp, button: string): Promise<void> {
    await this.message(text).getByRole("button", { name: button }).click();
  }

  /** Name a folder in the dialog that asks for one. */
  async choosesFolder(folder: string): Promise<void> {
    const input = this.page.locator(".quick-input-widget input[type=text]").first();
    const rows = this.page.locator(".quick-input-list .monaco-list-row");
    const isListed = async () => `${await input.inputValue()} ${(await rows.allTextContents()).join(" ")}`;
    // it opens at the workspace, and takes what is typed only once it has listed that folder
    await this.until(isListed, (text) => /^\/\S*\/ .*\S/.test(text), "the dialog's own folder");
    await input.fill(`${folder}/`);
    const inside = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const first = inside.map(({ name }) => name).sort()[0] ?? "..";
    await this.until(isListed, (text) => text.startsWith(`${folder}/ `) && text.includes(first), `a list of ${folder}`);
    await this.page.locator(".quick-input-widget").getByRole("button", { name: "OK" }).click();
    await input.waitFor({ state: "hidden" });
  }

  squiggles(): Locator {
    return this.page.locator('.editor-instance [class*="squiggly-"]');
  }

  /** The rows of the view of problems; opens it. */
  async problems(): Promise<string[]> {
    await this.command("Problems: Focus on Problems View");
    const rows = this.page.locator(".markers-panel .monaco-list-row");
    await rows.first().waitFor();
    return rows.allTextContents();
  }

  /** Ask for the quick fixes at the cursor; answers their titles. */
  async quickFixes(): Promise<string[]> {
    const rows = this.page.locator(".action-widget .monaco-list-row.action");
    const ask = async () => {
      if (!(await rows.first().isVisible())) await this.page.keyboard.press("Control+.");
      await rows.first().waitFor({ timeout: 5_000 }).catch(() => undefined); // no key is heard while the focus moves
      return rows.allTextContents();
    };
    return this.until(ask, (titles) => titles.length > 0, "quick fixes");
  }

  async applyQuickFix(title: RegExp): Promise<void> {
    await this.page.locator(".action-widget .monaco-list-row.action", { hasText: title }).first().click();
  }

  async screenshot(name: string): Promise<void> {
    await this.page.mouse.move(250, 10); // where nothing is told of what lies under it
    await sleep(300);
    await this.page.screenshot({ path: artefact(`${name}.png`) });
  }

  async until<T>(ask: () => Promise<T>, isEnough: (value: T) => boolean, what: string, waitMs = WAIT_MS): Promise<T> {
    const end = performance.now() + waitMs;
    for (;;) {
      const value = await ask();
      if (isEnough(value)) return value;
      if (performance.now() > end) {
        await this.page.screenshot({ path: artefact(`failed-${Date.now()}.png`) });
        throw new Error(`waited in vain for ${what}; there was ${JSON.stringify(value)}`);
      }
      await sleep(30);
    }
  }
}

/** Runs in the page: the ghost text, line by line from the top. */
function ghostLines(): string {
  const parts = [...document.querySelectorAll('.monaco-editor [class*="ghost-text"]')];
  const leaves = parts.filter((part) => part.querySelector('[class*="ghost-text"]') === null && part.textContent !== "");
  const lines = new Map<number, [number, string][]>();
  for (const leaf of leaves) {
    const { top, left } = leaf.getBoundingClientRect();
    lines.set(Math.round(top / 4), [...(lines.get(Math.round(top / 4)) ?? []), [left, leaf.textContent ?? ""]]);
  }
  const inOrder = [...lines].sort(([a], [b]) => a - b);
  return inOrder.map(([, line]) => line.sort(([a], [b]) => a - b).map(([, text]) => text).join("")).join("\n");
}

/** Runs in the page: what stands in lines, drawn texts of decorations included. */
function drawnText(root: Element): string {
  const drawn = (element: Element, side: string) => {
    const { content } = getComputedStyle(element, side);
    return content === "none" || content === "normal" ? "" : content.replace(/^"|"$/g, "").replaceAll('\\"', '"');
  };
  const lines = [...root.querySelectorAll(".view-line")].map((line) =>
    [...line.querySelectorAll("span")]
      .filter((span) => span.parentElement !== line)
      .map((span) => drawn(span, "::before") + (span.textContent ?? "") + drawn(span, "::after"))
      .join(""),
  );
  const zones = [...(root.parentElement?.querySelectorAll(".view-zones, .contentWidgets") ?? [])];
  return [...lines, ...zones.map((zone) => zone.textContent ?? "")].join("\n");
}
