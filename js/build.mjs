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
const LIMITS = { "explorer.js": 140_000, "chip.js": 12_000, "table.js": 110_000, "markdown.js": 55_000, "more.js": 110_000, "compare.js": 110_000, "export.js": 300_000, "export_traces.js": 330_000 };

async function minify(entry) {
  const { outputFiles } = await esbuild.build({
    entryPoints: [isAbsolute(entry) ? entry : here(entry)],
    bundle: true, // for @import
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

/** What the explorer lends to the file of parts that it loads on first use. */
const SHARED = ["preact", "preact/hooks", "preact/jsx-runtime", "@preact/signals"];
const lent = {
  name: "lent",
  setup(build) {
    build.onResolve({ filter: /^(preact|@preact)\b/ }, ({ path }) => {
      if (!SHARED.includes(path)) throw new Error(`${path} is not lent; see SHARED in build.mjs.`);
      return { path, external: true };
    });
    build.onResolve({ filter: /\/ui\// }, ({ path, importer }) => {
      if (path.endsWith("/ui/kit.ts")) return { path: "kit", external: true };
      throw new Error(`${importer} imports ${path}; take it from ui/kit.ts, so that the explorer's own is used.`);
    });
  },
};

/** A module whose default export is a function of what it imports: modules from blob URLs cannot import. */
async function bundleLent(entry) {
  const code = (await bundle(entry, {}, { format: "cjs", plugins: [minifiedCss, lent] })).toString().trim();
  return Buffer.from(`export default(shared)=>{const module={exports:{}},require=(name)=>shared[name];${code};return module.exports}`);
}

async function bundle(entry, define = {}, options = {}) {
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
    ...options,
  });
  return Buffer.from(result.outputFiles[0].contents);
}

async function build() {
  await mkdir(OUT, { recursive: true });
  const sha256 = (bytes) => JSON.stringify(createHash("sha256").update(bytes).digest("hex"));
  const markdown = await bundle("src/widgets/markdown.ts");
  const MARKDOWN_SHA256 = sha256(markdown);
  const more = await bundleLent("src/widgets/more.ts");
  const explorer = await bundle("src/widgets/explorer.tsx", { MARKDOWN_SHA256, MORE_SHA256: sha256(more) });
  const compare = await bundle("src/widgets/compare.tsx");
  const outputs = {
    "explorer.js": explorer,
    "chip.js": await bundle("src/widgets/chip.ts", { EXPLORER_SHA256: sha256(explorer) }),
    "table.js": await bundle("src/widgets/table.tsx", { EXPLORER_SHA256: sha256(explorer), COMPARE_SHA256: sha256(compare) }),
    "markdown.js": markdown,
    "more.js": more,
    "compare.js": compare,
    "export.js": await bundle("src/widgets/export.ts", { MARKDOWN_SHA256, MORE_SHA256: '""' }),
    "export_traces.js": await bundle("src/widgets/export_traces.tsx", { MARKDOWN_SHA256, MORE_SHA256: '""', EXPLORER_SHA256: '""', COMPARE_SHA256: '""' }),
  };
  // The text of the explorer's <style>, for the hash in the exported page's content security policy.
  await writeFile(`${OUT}export.css`, (await Promise.all(["src/core/theme.css", "src/widgets/explorer.css", "src/more/more.css"].map(minify))).join(""));
  await writeFile(`${OUT}compare.css`, (await Promise.all(["src/core/theme.css", "src/widgets/explorer.css", "src/widgets/compare.css"].map(minify))).join(""));
  await writeFile(`${OUT}export_traces.css`, (await Promise.all(["src/core/theme.css", "src/widgets/table.css"].map(minify))).join(""));
  let isTooLarge = false;
  for (const [name, bytes] of Object.entries(outputs)) {
    await writeFile(OUT + name, bytes);
    const over = bytes.length > LIMITS[name];
    isTooLarge ||= over;
    console.log(`${name.padEnd(17)} ${(bytes.length / 1000).toFixed(1).padStart(6)} kB of ${LIMITS[name] / 1000}${over ? "  TOO LARGE" : ""}`);
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
