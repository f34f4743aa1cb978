/** Payloads of two spans made ready to compare: chat message by message, texts line by line with their words. */

import { isLong, isObject, jsonText, type Json, type Message, type Part, type Payload } from "./types.ts";
import type { ChangeKind } from "./comparison.ts";
import { alignSequences, type Change } from "./worddiff.ts";

export interface MessagePair {
  change: ChangeKind;
  a: Message | null;
  b: Message | null;
}

/** Tool calls have new ids in every run; what a call was answered is said by the order. */
const isCall = (part: Part): boolean => part.type === "tool_call" || part.type === "tool_call_response";
const keyOf = ({ role, parts }: Message): string =>
  JSON.stringify([role, parts.map((part) => (isCall(part) ? { ...part, id: null } : part))]);

/** Messages of both sides in order: equal ones are paired first, then, between them, those of one role. */
export function pairMessages(a: readonly Message[], b: readonly Message[]): MessagePair[] {
  const pairs: MessagePair[] = [];
  walk(a, b, keyOf, (i, j) => pairs.push({ change: "same", a: i, b: j }), (left, right) =>
    walk(left, right, ({ role }) => role, (i, j) => pairs.push({ change: "changed", a: i, b: j }), (removed, added) => {
      for (const each of removed) pairs.push({ change: "removed", a: each, b: null });
      for (const each of added) pairs.push({ change: "added", a: null, b: each });
    }),
  );
  return pairs;
}

function walk(
  a: readonly Message[],
  b: readonly Message[],
  key: (message: Message) => string,
  paired: (a: Message, b: Message) => void,
  between: (a: readonly Message[], b: readonly Message[]) => void,
): void {
  let [i, j] = [0, 0];
  const pairs = alignSequences(a.map(key), b.map(key)) ?? [];
  for (const [x, y] of [...pairs, [a.length, b.length] as const]) {
    if (i < x || j < y) between(a.slice(i, x), b.slice(j, y));
    if (x < a.length) paired(a[x] as Message, b[y] as Message);
    [i, j] = [x + 1, y + 1];
  }
}

const pretty = (value: unknown): string => (typeof value === "string" ? value : jsonText(withoutLong(value), 2));

/** Texts that were cut by what came of them. */
function withoutLong(value: unknown): unknown {
  if (isLong(value)) return `${value.head}…`;
  if (Array.isArray(value)) return value.map(withoutLong);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutLong(inner)]));
  return value;
}

/** All that a message says, as it is compared. */
export function messageLines(message: Message | null): string {
  return (message?.parts ?? []).map(partText).join("\n");
}

function partText(part: Part): string {
  if (part.type === "tool_call") return `${pretty(part.name)}(${pretty(withoutLong(part.arguments))})`;
  if (part.type === "tool_call_response") return pretty(withoutLong(part.response));
  if (part.type === "text" || part.type === "reasoning") return pretty(withoutLong(part.content ?? ""));
  const facts = [part.modality ?? part.type, part.mime_type, part.uri, part.digest].filter((fact) => typeof fact === "string");
  return `[${facts.join(" ")}]`;
}

/** A payload as text: strings as they are, everything else as JSON with one value a line. */
export function payloadText(payload: Payload | null): string {
  return payload === null ? "" : pretty(withoutLong(payload.value));
}

/** Places of the texts that did not come whole, with how long they are. */
export function longTexts(value: Json | undefined): { size: number; head: string }[] {
  if (value === undefined || value === null || typeof value !== "object") return [];
  if (isLong(value)) return [value];
  return (Array.isArray(value) ? value : Object.values(value)).flatMap((each) => longTexts(each));
}

/** A stretch of lines: those that changed, or that stand beside one; or many that are the same. */
export interface Stretch {
  isFolded: boolean;
  lines: Change[][];
}

/** Cuts changes where both texts have a line break, so that each line can stand beside its counterpart. */
export function splitLines(changes: readonly Change[]): Change[][] {
  const lines: Change[][] = [[]];
  for (const { kind, text } of changes) {
    const pieces = kind === "same" ? text.split("\n") : [text];
    pieces.forEach((piece, at) => {
      if (at > 0) lines.push([]);
      if (piece !== "") lines.at(-1)?.push({ kind, text: piece });
    });
  }
  return lines;
}

export const isSameLine = (line: readonly Change[]): boolean => line.every((each) => each.kind === "same");

/** Folds what lies more than `around` lines from any change, where that hides at least `least` lines. */
export function foldLines(lines: Change[][], around = 2, least = 4): Stretch[] {
  const shown = new Uint8Array(lines.length);
  lines.forEach((line, at) => {
    if (!isSameLine(line)) shown.fill(1, Math.max(0, at - around), at + around + 1);
  });
  if (!shown.includes(1)) shown.fill(1, 0, around); // nothing changed: it begins with what it is
  const stretches: Stretch[] = [];
  for (let at = 0; at < lines.length; ) {
    let end = at;
    while (end < lines.length && shown[end] === shown[at]) end++;
    const isFolded = shown[at] === 0 && end - at >= least;
    const last = stretches.at(-1);
    if (last && !isFolded && !last.isFolded) last.lines.push(...lines.slice(at, end));
    else stretches.push({ isFolded, lines: lines.slice(at, end) });
    at = end;
  }
  return stretches;
}

/** Runs of messages that are the same, folded where there are at least `least` of them. */
export function foldMessages(pairs: readonly MessagePair[], least = 3): { isFolded: boolean; pairs: MessagePair[] }[] {
  const groups: { isFolded: boolean; pairs: MessagePair[] }[] = [];
  for (const pair of pairs) {
    const last = groups.at(-1);
    const isFolded = pair.change === "same";
    if (last && last.isFolded === isFolded) last.pairs.push(pair);
    else groups.push({ isFolded, pairs: [pair] });
  }
  return groups.map((group) => ({ ...group, isFolded: group.isFolded && group.pairs.length >= least }));
}
