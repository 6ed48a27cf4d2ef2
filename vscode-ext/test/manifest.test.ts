/** `package.json` and the code agree: commands, settings, files, size. */

import assert from "node:assert/strict";
import { builtinModules } from "node:module";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import * as path from "node:path";
import { describe, test } from "node:test";
import { buildSync } from "esbuild";

const ROOT = path.join(__dirname, "..", "..");
const MOST_BYTES = 600 * 1000;

interface Manifest {
  readonly capabilities: { readonly untrustedWorkspaces: { readonly restrictedConfigurations: readonly string[] } };
  readonly contributes: {
    readonly commands: readonly { readonly command: string }[];
    readonly keybindings: readonly { readonly command: string; readonly key: string }[];
    readonly menus: Readonly<Record<string, readonly { readonly command: string }[]>>;
    readonly walkthroughs: readonly { readonly steps: readonly { readonly media: { readonly markdown: string } }[] }[];
    readonly configuration: readonly { readonly properties: Readonly<Record<string, { readonly scope?: string }>> }[];
  };
}

const text = readFileSync(path.join(ROOT, "package.json"), "utf8");
const manifest = JSON.parse(text) as Manifest;
const { contributes } = manifest;
const source = sources(path.join(ROOT, "src"));

describe("the manifest", () => {
  const declared = contributes.commands.map(({ command }) => command);

  test("declares every command that the code registers, and no other", () => {
    const registered = new Set([...source.matchAll(/^\s*"(sc-attrib\.[a-z]\w*)":/gim)].map(([, name]) => name));
    assert.deepEqual([...registered].sort(), [...declared].sort());
  });

  test("names only declared commands in menus, keys and links", () => {
    const bound = [...contributes.keybindings, ...Object.values(contributes.menus).flat()].map(({ command }) => command);
    const linked = [...text.matchAll(/command:(sc-attrib\.\w+)/g)].map(([, name]) => name ?? "");
    assert.deepEqual([...bound, ...linked].filter((name) => !declared.includes(name)), []);
  });

  test("has every file that it shows", () => {
    const files = contributes.walkthroughs.flatMap(({ steps }) => steps.map(({ media }) => media.markdown));
    for (const file of [...files, "media/icon.png", "media/attributions.svg"]) assert.ok(existsSync(path.join(ROOT, file)), file);
  });

  test("declares every setting that the code reads", () => {
    const settings = contributes.configuration.flatMap(({ properties }) => Object.keys(properties));
    const read = [...source.matchAll(/\.get(?:<[^>]*>)?\("([\w.]+)",/g)].map(([, name]) => `sc-attrib.${name ?? ""}`);
    assert.ok(read.length >= 5);
    assert.deepEqual(read.filter((name) => !settings.includes(name)), []);
  });

  test("lets no workspace say what is run or where code is sent", () => {
    const settings = Object.assign({}, ...contributes.configuration.map(({ properties }) => properties)) as Record<string, { scope?: string }>;
    for (const name of ["interpreter", "model.path", "model.url", "model.apiKeyEnvironment"]) {
      assert.equal(settings[`sc-attrib.${name}`]?.scope, "machine", name);
    }
    const restricted = manifest.capabilities.untrustedWorkspaces.restrictedConfigurations;
    for (const name of ["trace.indexes", "trace.onDeny", "trace.required"]) assert.ok(restricted.includes(`sc-attrib.${name}`));
  });
});

describe("the bundle", () => {
  const made = buildSync({
    entryPoints: [path.join(ROOT, "src", "extension.ts")],
    bundle: true,
    platform: "node",
    format: "cjs",
    external: ["vscode"],
    minify: true,
    write: false,
  });

  test("is at most 600 kB", () => {
    assert.ok((made.outputFiles[0]?.contents.length ?? Infinity) <= MOST_BYTES);
  });

  test("needs nothing but Node and the editor", () => {
    const needed = [...(made.outputFiles[0]?.text ?? "").matchAll(/require\("([^"]+)"\)/g)].map(([, name]) => name ?? "");
    const builtin = new Set(["vscode", ...builtinModules]);
    assert.deepEqual([...new Set(needed.map((name) => name.replace(/^node:/, "")))].filter((name) => !builtin.has(name)), []);
  });
});

function sources(folder: string): string {
  return readdirSync(folder)
    .map((name) => path.join(folder, name))
    .map((file) => (statSync(file).isDirectory() ? sources(file) : readFileSync(file, "utf8")))
    .join("\n");
}
