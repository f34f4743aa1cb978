/** Two conversations side by side: which messages stayed, went, came or changed. */

import { messageText } from "./messages.ts";
import { isLong, isObject, type Json, type Message, type Part } from "./types.ts";
import { alignSequences, diffWords, type Change } from "./worddiff.ts";

export type Step =
  | { kind: "same" | "added" | "removed"; messages: Message[] }
  | { kind: "changed"; before: Message; after: Message; words: Change[] };

/** Below this share of equal characters two messages are told apart, not compared word by word. */
const LEAST_SHARED = 0.3;

/** What makes two messages the same: as in Python's `message_key`, without what a resent answer loses. */
export function messageKey(message: Message): string {
  const parts = (message.parts ?? []).filter((part) => part.type !== "reasoning" && !(part.type === "text" && part.content === ""));
  return canonical([message.role, parts.map(known)] as Json);
}

const known = (part: Part): Json => Object.fromEntries(Object.entries(part).filter(([, value]) => value !== null && value !== undefined)) as Json;

/** JSON text with sorted keys; where a long text came from does not matter. */
function canonical(value: Json): string {
  if (isLong(value)) return `long:${value.size}:${JSON.stringify(value.head)}`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? "null";
  return `{${Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key] as Json)}`)
    .join(",")}}`;
}

/** The steps from `before` to `after`, in reading order; neighbours of one kind are one step. */
export function diffMessages(before: readonly Message[], after: readonly Message[]): Step[] {
  const pairs = alignSequences(before.map(messageKey), after.map(messageKey)) ?? [];
  const steps: Step[] = [];
  let i = 0;
  let j = 0;
  for (const [x, y] of [...pairs, [before.length, after.length] as const]) {
    for (const step of gap(before.slice(i, x), after.slice(j, y))) push(steps, step);
    if (x < before.length) push(steps, { kind: "same", messages: [after[y] as Message] });
    [i, j] = [x + 1, y + 1];
  }
  return steps;
}

function push(steps: Step[], step: Step): void {
  const last = steps[steps.length - 1];
  if (last && step.kind !== "changed" && last.kind === step.kind) last.messages.push(...step.messages);
  else steps.push(step);
}

/** Between two equal messages: those of one role that share enough were changed, the others came or went. */
function gap(removed: readonly Message[], added: readonly Message[]): Step[] {
  const steps: Step[] = [];
  let next = 0;
  for (const after of added) {
    const at = removed.findIndex((before, index) => index >= next && before.role === after.role);
    const words = at < 0 ? null : compared(removed[at] as Message, after);
    if (!words) {
      steps.push({ kind: "added", messages: [after] });
      continue;
    }
    if (at > next) steps.push({ kind: "removed", messages: removed.slice(next, at) });
    steps.push({ kind: "changed", before: removed[at] as Message, after, words });
    next = at + 1;
  }
  // What went is said before what came in its place.
  if (next < removed.length) {
    let to = steps.length;
    while (to > 0 && steps[to - 1]?.kind === "added") to--;
    steps.splice(to, 0, { kind: "removed", messages: removed.slice(next) });
  }
  return steps;
}

function compared(before: Message, after: Message): Change[] | null {
  const words = diffWords(messageText(before), messageText(after));
  let same = 0;
  let all = 0;
  for (const { kind, text } of words) {
    const size = text.replace(/\s+/g, "").length;
    all += kind === "same" ? 2 * size : size;
    if (kind === "same") same += 2 * size;
  }
  return all === 0 || same / all >= LEAST_SHARED ? words : null;
}

/** How many messages a diff says came, went and changed. */
export function countSteps(steps: readonly Step[]): { added: number; removed: number; changed: number; same: number } {
  const counts = { added: 0, removed: 0, changed: 0, same: 0 };
  for (const step of steps) counts[step.kind] += step.kind === "changed" ? 1 : step.messages.length;
  return counts;
}
