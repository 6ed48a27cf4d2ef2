// Bundles the extension into dist/extension.js, with the licences of what is in it; with --tests the tests.
import { context, build } from "esbuild";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";

const common = { bundle: true, platform: "node", format: "cjs", target: "node20", logLevel: "warning" };
const extension = {
  ...common,
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  external: ["vscode"],
  minify: true,
  metafile: true,
};
const tests = {
  ...common,
  entryPoints: readdirSync("test")
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => `test/${name}`),
  outdir: "dist/test",
  external: ["esbuild"],
  sourcemap: "inline",
};

/** The folders of the packages that a bundle holds code of. */
function packagesIn(metafile) {
  const found = Object.keys(metafile.inputs).map((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]);
  return [...new Set(found.filter((folder) => folder !== undefined))].sort();
}

/** What the licences of other people's code ask for: their text, beside the code. */
function notice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) throw new Error(`${name} has no licence text to put beside its code`);
  return `${name} ${version}\n${license}\n\n${readFileSync(path.join(folder, file), "utf8").trim()}\n`;
}

if (process.argv.includes("--watch")) {
  await (await context({ ...extension, minify: false, sourcemap: true })).watch();
} else if (process.argv.includes("--tests")) {
  await build(tests);
} else {
  const { metafile } = await build(extension);
  mkdirSync("dist", { recursive: true });
  writeFileSync("dist/NOTICE.txt", packagesIn(metafile).map(notice).join(`\n${"-".repeat(80)}\n\n`));
}
