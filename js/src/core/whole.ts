/** Values with what was cut off their long texts. */

import { hasLong, headEnd, isLong, type Json, type Long } from "./types.ts";

/** A slice of a long text, and where to go on; null when that was the last. */
export interface Slice {
  text: string;
  next: number | null;
}

/** A value with all slices of the long texts in it, asked for one after the other. */
export async function wholeValue(value: Json, more: (long: Long, offset: number) => Promise<Slice>): Promise<Json> {
  if (!hasLong(value)) return value;
  if (isLong(value)) {
    let text = value.head;
    for (let at: number | null = headEnd(value); at !== null && at < value.size; ) {
      const slice: Slice = await more(value, at);
      text += slice.text;
      at = slice.next;
    }
    return text;
  }
  const made: [string, Json][] = [];
  for (const [key, inner] of Object.entries(value as object)) made.push([key, await wholeValue(inner, more)]);
  return Array.isArray(value) ? made.map(([, inner]) => inner) : Object.fromEntries(made);
}
