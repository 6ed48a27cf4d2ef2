/** Projects whose code is known, an index of them, a model that goes on with their functions, and a workspace. */

import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { installedPackages, newFolder, scAttrib } from "./places.ts";

export const KNOWN_HEAD = "def weighted_quantile(values, weights, fraction=0.5):\n";
export const KNOWN_BODY = `\
    if len(weights) != len(values):
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
export const DENIED_BODY = `\
    seconds = max(0, int(seconds))
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts + [f"{seconds}s"])
`;
export const FRESH_HEAD = "def mirror_matrix_rows(grid, flip_marker):\n";
export const FRESH_BODY = "    return [row[::-1] for row in grid if row is not flip_marker]\n";
const SLOW = "slow = ";

export interface Known {
  readonly folder: string;
  readonly index: string;
  /** The scripted back end: what it goes on with, where the code before the cursor ends so. */
  readonly model: string;
}

/** Two files of our own, under MIT and the GPL, and a package as it is installed, all in one index. */
export function makeKnown(): Known {
  const folder = newFolder();
  const tree = path.join(folder, "quantiles");
  mkdirSync(tree);
  writeFileSync(path.join(tree, "free.py"), `# SPDX-License-Identifier: MIT\n\n${KNOWN_HEAD}${KNOWN_BODY}`);
  writeFileSync(
    path.join(tree, "copyleft.py"),
    `# SPDX-License-Identifier: GPL-3.0-only\n\n${DENIED_HEAD}${DENIED_BODY}`,
  );
  const index = path.join(folder, "index");
  addTree("build", index, tree, "https://example.org/quantiles");
  addTree("add", index, copyPackage("requests", folder), "https://github.com/psf/requests");
  return { folder, index, model: writeModel(folder) };
}

/** An installed package with its licence beside it, as in its repository. */
function copyPackage(name: string, folder: string): string {
  const packages = installedPackages();
  const information = readdirSync(packages).find((entry) => entry.startsWith(`${name}-`) && entry.endsWith(".dist-info"));
  if (information === undefined) throw new Error(`${name} is not installed beside the product`);
  const tree = path.join(folder, name);
  cpSync(path.join(packages, name), path.join(tree, "src", name), { recursive: true });
  for (const entry of readdirSync(path.join(packages, information), { recursive: true, encoding: "utf8" })) {
    const file = path.basename(entry);
    if (file.startsWith("LICENSE")) cpSync(path.join(packages, information, entry), path.join(tree, file));
  }
  return tree;
}

function addTree(how: "build" | "add", index: string, tree: string, origin: string): void {
  scAttrib(["index", how, "--index", index, "--tree", tree, "--origin", origin, "--contents"]);
}

function writeModel(folder: string): string {
  const model = path.join(folder, "model.script.json");
  const replies = [
    { after: `${KNOWN_HEAD}    `, text: KNOWN_BODY.trimStart() },
    { after: `${DENIED_HEAD}    `, text: DENIED_BODY.trimStart() },
    { after: `${FRESH_HEAD}    `, text: FRESH_BODY.trimStart() },
    { after: SLOW, text: "1 + ".repeat(2000), delay_ms: 20 },
  ];
  writeFileSync(model, JSON.stringify({ replies }));
  return model;
}

/** A folder with files in it, by their paths. */
export function makeWorkspace(files: Record<string, string>, name = "workspace"): string {
  const folder = path.join(newFolder(), name);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
  }
  return folder;
}

/** A function of an installed package, as it stands in its file. */
export function functionOf(file: string, name: string): string {
  const text = readFileSync(path.join(installedPackages(), file), "utf8");
  const found = new RegExp(`^def ${name}\\([\\s\\S]*?(?=\\n\\n\\n)`, "m").exec(text);
  if (found === null) throw new Error(`${file} has no function ${name}; name another one in the test`);
  return `${found[0]}\n`;
}

/** Settings with which the server uses a known index and its model. */
export function serverSettings(known: Known): { machine: Record<string, unknown> } {
  return {
    machine: {
      "sc-attrib.model.path": known.model,
      "sc-attrib.trace.indexes": [known.index],
      "sc-attrib.completion.maxTokens": 2048,
      "sc-attrib.completion.timeoutMs": 20_000,
      "sc-attrib.diagnostics.debounceMs": 0,
    },
  };
}
