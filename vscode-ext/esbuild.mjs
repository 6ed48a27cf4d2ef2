// Bundles the extension into dist/extension.js, and with --tests every test into dist/test/.
import { context, build } from "esbuild";
import { readdirSync } from "node:fs";

const common = { bundle: true, platform: "node", format: "cjs", target: "node20", logLevel: "warning" };
const extension = {
  ...common,
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  external: ["vscode"],
  minify: true,
  legalComments: "linked",
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

if (process.argv.includes("--watch")) {
  await (await context({ ...extension, minify: false, sourcemap: true })).watch();
} else {
  await build(process.argv.includes("--tests") ? tests : extension);
}
