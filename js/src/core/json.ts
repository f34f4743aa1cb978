/** Paths into JSON values and the special objects that captured Python values become. */

import { isLong, isObject, numeral, type Json, type JsonObject } from "./types.ts";

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

/** A value in about `atMost` characters for a folded line: what comes first is written, the rest is "…". */
export function sketch(value: Json, atMost = 110): string {
  let left = atMost;
  const spend = (text: string): string => {
    left -= text.length;
    return text;
  };
  const list = (items: string[], cut: boolean): string => items.join(", ") + (cut ? (items.length > 0 ? ", …" : "…") : "");
  const write = (item: Json, depth: number): string => {
    if (isLong(item)) return spend(JSON.stringify(`${item.head.slice(0, 40)}…`));
    if (typeof item === "string") return spend(JSON.stringify(item.length > 44 ? `${item.slice(0, 43)}…` : item));
    if (typeof item !== "object" || item === null) return spend(JSON.stringify(item));
    const digits = numeral(item);
    if (digits !== null) return spend(digits);
    const entries = entriesOf(item);
    const open = Array.isArray(item) ? ["[", "]"] : ["{ ", " }"];
    if (entries.length === 0) return Array.isArray(item) ? "[]" : "{}";
    if (depth > 3) return `${open[0]}…${open[1]}`;
    const written: string[] = [];
    for (const [key, inner] of entries) {
      if (left <= 0) break;
      written.push(Array.isArray(item) ? write(inner, depth + 1) : `${spend(String(key))}: ${write(inner, depth + 1)}`);
    }
    return open[0] + list(written, written.length < entries.length) + open[1];
  };
  return write(value, 0);
}

/** Whether a value opens by itself: when it is near the top, and its folded line would not say all of it. */
export function startsOpen(value: Json, depth: number, isInList = false): boolean {
  if (!isContainer(value)) return false;
  const size = Array.isArray(value) ? value.length : Object.keys(value).length;
  if (depth === 0) return true;
  return !isInList && depth <= 2 && size <= 12 && sketch(value, 56).includes("…");
}

/** Whether a value has more lines than are taken in at a glance; found out early. */
export function isLarge(value: Json, most = 12): boolean {
  let left = most;
  const walk = (item: Json): void => {
    if (left < 0 || !isContainer(item)) return;
    for (const inner of Array.isArray(item) ? item : Object.values(item)) {
      left--;
      walk(inner);
      if (left < 0) return;
    }
  };
  walk(value);
  return left < 0;
}
