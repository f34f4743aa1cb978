/**
 * Bundle each widget into one ES module under src/spanbook/widgets/static, without shared chunks: anywidget
 * imports bundles from blob URLs, where relative imports fail. `--watch` builds again on every change.
 */

import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const OUT = here("../src/spanbook/widgets/static/");

/** Largest minified size in bytes: every widget instance carries its bundle. */
const LIMITS = { "explorer.js": 140_000, "chip.js": 12_000, "markdown.js": 55_000, "export.js": 180_000 };

async function minify(entry) {
  const { outputFiles } = await esbuild.build({
    entryPoints: [isAbsolute(entry) ? entry : here(entry)],
    minify: true,
    write: false,
    target: "esnext",
    logLevel: "silent",
  });
  // esbuild leaves the values of custom properties as they were written.
  return outputFiles[0].text.trim().replace(/(--[\w-]+): /g, "$1:").replace(/, /g, ",");
}

const minifiedCss = {
  name: "minified-css",
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path }) => ({ contents: await minify(path), loader: "text" }));
  },
};

async function bundle(entry, define = {}) {
  const result = await esbuild.build({
    entryPoints: [here(entry)],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    // Bundled UMD code would otherwise register itself with the page's require.js in Notebook and VS Code.
    define: { "define.amd": "false", ...define },
    plugins: [minifiedCss],
    write: false,
  });
  return Buffer.from(result.outputFiles[0].contents);
}

async function build() {
  await mkdir(OUT, { recursive: true });
  const sha256 = (bytes) => JSON.stringify(createHash("sha256").update(bytes).digest("hex"));
  const markdown = await bundle("src/widgets/markdown.ts");
  const MARKDOWN_SHA256 = sha256(markdown);
  const explorer = await bundle("src/widgets/explorer.tsx", { MARKDOWN_SHA256 });
  const outputs = {
    "explorer.js": explorer,
    "chip.js": await bundle("src/widgets/chip.ts", { EXPLORER_SHA256: sha256(explorer) }),
    "markdown.js": markdown,
    "export.js": await bundle("src/widgets/export.ts", { MARKDOWN_SHA256 }),
  };
  // The text of the explorer's <style>, for the hash in the exported page's content security policy.
  await writeFile(`${OUT}export.css`, (await Promise.all(["src/core/theme.css", "src/widgets/explorer.css"].map(minify))).join(""));
  let isTooLarge = false;
  for (const [name, bytes] of Object.entries(outputs)) {
    await writeFile(OUT + name, bytes);
    const over = bytes.length > LIMITS[name];
    isTooLarge ||= over;
    console.log(`${name.padEnd(12)} ${(bytes.length / 1000).toFixed(1).padStart(6)} kB of ${LIMITS[name] / 1000}${over ? "  TOO LARGE" : ""}`);
  }
  if (isTooLarge) throw new Error("A bundle is over its size limit; see LIMITS in build.mjs.");
}

if (process.argv.includes("--watch")) {
  const { watch } = await import("node:fs");
  let timer;
  const again = () => build().catch((error) => console.error(error.message));
  await again();
  watch(here("src"), { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(again, 60);
  });
  console.log("watching src");
} else {
  await build();
}
