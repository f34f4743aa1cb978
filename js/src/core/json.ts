/** Paths into JSON values and the special objects that captured Python values become. */

import { isLong, isObject, type Json, type JsonObject } from "./types.ts";

export type Key = string | number;

/** A path as Python and JavaScript both read it: `.messages[0]["content type"]`. */
export function pathText(path: readonly Key[]): string {
  return path
    .map((key) => (typeof key === "number" ? `[${key}]` : /^[A-Za-z_]\w*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`))
    .join("")
    .replace(/^\./, "");
}

export function isContainer(value: Json): value is Json[] | JsonObject {
  return typeof value === "object" && value !== null && !isLong(value) && specialType(value) === null;
}

/** The `$type` of a captured Python value that JSON cannot say, else null. */
export function specialType(value: Json): string | null {
  return isObject(value) && typeof value.$type === "string" ? value.$type : null;
}

export function entriesOf(value: Json[] | JsonObject): [Key, Json][] {
  return Array.isArray(value) ? value.map((item, index) => [index, item]) : Object.entries(value);
}

/** The first keys of an object or the length of a list, for a folded line. */
export function folded(value: Json[] | JsonObject): string {
  if (Array.isArray(value)) return value.length === 0 ? "[]" : `[${value.length.toLocaleString("en-US")}]`;
  const keys = Object.keys(value);
  if (keys.length === 0) return "{}";
  const text = keys.slice(0, 4).join(", ");
  return `{ ${text.length > 44 ? `${text.slice(0, 43)}…` : text}${keys.length > 4 ? ", …" : ""} }`;
}

/** Whether a value opens by itself: near the top and small, so that the first look says something. */
export function startsOpen(value: Json, depth: number): boolean {
  if (!isContainer(value)) return false;
  const size = Array.isArray(value) ? value.length : Object.keys(value).length;
  return depth === 0 || (depth === 1 && size <= 12) || (depth === 2 && size <= 4);
}
