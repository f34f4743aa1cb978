/** Searching a JSON value: the paths of the keys and values that hold a text. */

import { entriesOf, isContainer, type Key } from "./json.ts";
import { numeral, textOf, type Json } from "./types.ts";

/** One search in one tree: what was found, and which of them is looked at. */
export interface Finding {
  paths: Key[][];
  at: number;
  /** Whether there are more matches than are kept. */
  isCut: boolean;
}

export const MOST_FOUND = 5000;

/** In reading order; letters match in either case. Of long texts the part that is here is searched. */
export function findInJson(value: Json, needle: string): Finding {
  const wanted = needle.toLowerCase();
  const paths: Key[][] = [];
  let isCut = false;
  const path: Key[] = [];
  const look = (item: Json, depth: number): void => {
    if (paths.length >= MOST_FOUND || depth > 200) {
      isCut = true;
      return;
    }
    if (isContainer(item)) {
      for (const [key, inner] of entriesOf(item)) {
        path.push(key);
        const isHere = (typeof key === "string" && key.toLowerCase().includes(wanted)) || leafHas(inner, wanted);
        if (isHere && paths.length < MOST_FOUND) paths.push([...path]);
        if (isContainer(inner)) look(inner, depth + 1);
        path.pop();
        if (isCut) return;
      }
    }
  };
  if (wanted !== "") look(value, 0);
  return { paths, at: paths.length > 0 ? 0 : -1, isCut };
}

function leafHas(value: Json, wanted: string): boolean {
  if (isContainer(value)) return false;
  return (numeral(value) ?? (value === null ? "null" : textOf(value))).toLowerCase().includes(wanted);
}

/** One text for a path, equal for equal paths alone. */
export const pathKey = (path: readonly Key[]): string => JSON.stringify(path);
