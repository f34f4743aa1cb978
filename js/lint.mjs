/**
 * Refuse what must never be in these sources: ways for text of a trace to become markup or code, and `any`.
 * Comments and string contents are blanked first, so that naming a thing is not using it.
 */

import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const RULES = [
  [/\b(?:innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|createContextualFragment|setHTMLUnsafe|srcdoc)\b/, "makes markup from text; make elements instead"],
  [/\bdocument\s*\.\s*write(?:ln)?\b/, "makes markup from text; make elements instead"],
  [/\beval\s*\(|\bnew\s+Function\b|\bFunction\s*\(/, "makes code from text"],
  [/\bset(?:Timeout|Interval)\s*\(\s*(?:''|""|``)/, "makes code from text; pass a function"],
  [/:\s*any\b|<any\b|\bas\s+any\b|\bany\s*\[\]|,\s*any\s*>/, "is untyped; use unknown and a guard"],
  [/\{\s*\.\.\.\s*\w+\s*\}\s*(?:\/>|[a-z]+=|>)/, "spreads properties into an element; name each"],
];

/** Attributes that load or lead somewhere, and the only files that may set them, each behind a gate. */
const GATED = [
  [/(?<!<Link )\bhref\b\s*=/, ["src/ui/Markdown.tsx", "src/ui/Media.tsx"]],
  [/\bsrc\b\s*=/, ["src/ui/Media.tsx"]],
  [/\bimport\s*\(/, ["src/core/assets.ts"]],
];

export function blank(source) {
  return source.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g,
    (text) => (text[0] === "/" ? text.replace(/[^\n]/g, " ") : text[0] + text[0]),
  );
}

export function problems(path, source) {
  return blank(source)
    .split("\n")
    .flatMap((line, i) => [
      ...RULES.filter(([pattern]) => pattern.test(line)).map(([pattern, why]) => `${path}:${i + 1}: ${line.match(pattern)[0].trim()} ${why}`),
      ...GATED.filter(([pattern, files]) => pattern.test(line) && !files.includes(path)).map(
        ([pattern, files]) => `${path}:${i + 1}: ${line.match(pattern)[0].trim()} belongs in ${files.join(" or ")}, behind its gate`,
      ),
    ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = new URL("./", import.meta.url);
  const files = (await readdir(new URL("src/", root), { recursive: true })).filter((name) => /\.tsx?$/.test(name)).sort();
  const found = [];
  for (const name of files) found.push(...problems(`src/${name}`, await readFile(new URL(`src/${name}`, root), "utf8")));
  for (const problem of found) console.error(problem);
  if (found.length > 0) process.exit(1);
  console.log(`${files.length} files clean`);
}
