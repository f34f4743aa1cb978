/** JSON values as Python that gives them back. */

import { jsonText, numeral, type Json } from "./types.ts";

/** On one line when it fits into `width`, else one entry a line. */
export function toPython(value: Json, depth = 0, width = 100): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return String(value);
  // JSON's escapes are Python's too, but for those beyond them: lone surrogates, which JSON.stringify escapes.
  if (typeof value === "string") return JSON.stringify(value).replace(/\u2028/g, "\\u2028").replace(/\u2029/g, "\\u2029");
  const digits = numeral(value);
  if (digits !== null && /^[a-z+-]+$/i.test(digits)) return `float("${digits}")`;
  if (digits !== null && jsonText(value) === digits) return digits;
  const isList = Array.isArray(value);
  const items = isList
    ? value.map((item) => toPython(item, depth + 1, width))
    : Object.entries(value).map(([key, item]) => `${toPython(key)}: ${toPython(item, depth + 1, width)}`);
  const [open, close] = isList ? ["[", "]"] : ["{", "}"];
  const size = items.reduce((sum, item) => sum + item.length + 2, 0);
  if (size + 4 * depth <= width && !items.some((item) => item.includes("\n"))) return `${open}${items.join(", ")}${close}`;
  const indent = "    ".repeat(depth + 1);
  return `${open}\n${items.map((item) => `${indent}${item},\n`).join("")}${"    ".repeat(depth)}${close}`;
}
