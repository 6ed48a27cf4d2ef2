/** How fast it is, with the bundled model and index: measured and printed, never asserted. */

import { statSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CodeServer, closeBrowser } from "../harness/codeServer.ts";
import { artefact, BUNDLE, VSIX } from "../harness/places.ts";
import { watchKeys, type Keystroke } from "../harness/probe.ts";
import { residentMb } from "../harness/processes.ts";
import { makeWorkspace } from "../harness/project.ts";
import type { Window } from "../harness/window.ts";

const BEGUN = `"""Reads tables of measurements."""

import csv
import json
from pathlib import Path


def read_rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


`;
const TYPED = `def write_rows(path, rows):
    with open(path, "w") as file:
        json.dump(rows, file)

def main(arguments):
    for name in arguments:
        print(len(read_rows(name)))
`;
const PAUSE_MS = 400;
const FIRST_WAIT_MS = 60_000;

after(closeBrowser);

test("the table of speeds", async () => {
  const editor = await CodeServer.start({});
  const window = await editor.open(makeWorkspace({ "tables.py": BEGUN }));
  const rows: [string, string, string][] = [];
  try {
    await window.openFile("tables.py");
    const opened = performance.now();
    await window.press("Control+End");
    const first = await firstSuggestion(window, opened);
    rows.push(["first suggestion after opening a file, s", "3", first === undefined ? "none" : (first / 1000).toFixed(1)]);
    await window.isServed();
    const delays = await typedDelays(window);
    rows.push([`ghost text after a keystroke, p50 of ${delays.length}, ms`, "300", quantile(delays, 0.5)]);
    rows.push([`ghost text after a keystroke, p95 of ${delays.length}, ms`, "", quantile(delays, 0.95)]);
    rows.push(["server resident, MB", "400", Math.max(0, ...editor.servers().map(residentMb)).toFixed(0)]);
    rows.push(["activation, ms", "200", await activation(window)]);
    rows.push(["bundle, KB", "600", (statSync(BUNDLE).size / 1024).toFixed(0)]);
    rows.push(["packaged, KB", "", (statSync(VSIX).size / 1024).toFixed(0)]);
  } finally {
    await editor.end();
  }
  const table = asTable(rows);
  console.log(table);
  writeFileSync(artefact("speed.md"), table);
});

/** Type until there is ghost text; answers when it came, in ms since `from`. */
async function firstSuggestion(window: Window, from: number): Promise<number | undefined> {
  const end = from + FIRST_WAIT_MS;
  await window.page.keyboard.type("rows = read");
  while (performance.now() < end) {
    for (let waited = 0; waited < 10; waited += 1) {
      if ((await window.ghostTextNow()) !== "") return performance.now() - from;
      await sleep(50);
    }
    await window.page.keyboard.type("_");
    await window.press("Backspace");
    await window.page.keyboard.type("_");
  }
  return undefined;
}

/** Type with pauses, and see for each key when new ghost text is drawn. */
async function typedDelays(window: Window): Promise<number[]> {
  await window.press("Escape", "Control+Shift+K");
  await window.page.evaluate(watchKeys);
  for (const line of TYPED.split("\n")) {
    for (const key of line.trimStart()) {
      await window.page.keyboard.press(key === " " ? "Space" : key);
      await sleep(PAUSE_MS);
    }
    await window.press("Escape", "Enter");
  }
  const keys: Keystroke[] = await window.page.evaluate(() => globalThis.scAttribKeys);
  return keys.flatMap(({ down, drawn }) => (drawn === undefined ? [] : [drawn - down]));
}

/** What VS Code itself says of the extension's activation. */
async function activation(window: Window): Promise<string> {
  await window.command("Developer: Show Running Extensions");
  const row = window.page.locator(".runtime-extensions-editor .monaco-list-row", { hasText: "sc-attrib" }).first();
  await row.waitFor();
  return /Activation: (\d+)ms/.exec((await row.textContent()) ?? "")?.[1] ?? "not said";
}

function quantile(values: readonly number[], share: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]?.toFixed(0) ?? "none";
}

function asTable(rows: readonly [string, string, string][]): string {
  const load = loadavg()[0]?.toFixed(1) ?? "?";
  const head = `VS Code with the bundled model and index; ${cpus().length} cores, load ${load}\n\n`;
  const lines = rows.map(([what, goal, measured]) => `| ${what} | ${goal} | ${measured} |\n`);
  return `${head}| | goal | measured |\n| --- | --- | --- |\n${lines.join("")}`;
}
