/** Chat messages made ready to read: tool results at their calls, long history folded. */

import { sketch } from "./json.ts";
import { isLong, isObject, numeral, parseJson, textOf, type Json, type Message, type Part, type Turn } from "./types.ts";

/** One message to draw; `results` holds, by call id, the responses that belong to its calls. */
export interface Shown {
  message: Message;
  isOutput: boolean;
  results: Map<string, Part>;
}

const callId = (part: Part): string | null => (typeof part.id === "string" && part.id !== "" ? part.id : null);

/** Puts each tool response with the call it answers, over as many messages as it is given. */
class Pairer {
  private readonly waiting = new Map<string, Shown>();

  /** The message as it is drawn; null when all it said went to its calls. */
  take(message: Message, isOutput: boolean): Shown | null {
    const all = message.parts ?? [];
    const parts = all.filter((part) => {
      const id = callId(part);
      const caller = part.type === "tool_call_response" && id !== null ? this.waiting.get(id) : undefined;
      if (!caller || id === null || caller.results.has(id)) return true;
      caller.results.set(id, part);
      return false;
    });
    if (parts.length === 0 && all.length > 0) return null;
    const shown: Shown = { message: { ...message, parts }, isOutput, results: new Map() };
    for (const part of parts) {
      const id = callId(part);
      if (part.type === "tool_call" && id !== null) this.waiting.set(id, shown);
    }
    return shown;
  }

  takeAll(input: readonly Message[], output: readonly Message[]): Shown[] {
    const shown = [...input.map((each) => this.take(each, false)), ...output.map((each) => this.take(each, true))];
    return shown.filter((each) => each !== null);
  }
}

/** One call's messages with tool results at their calls; results of unknown calls stay where they were. */
export function pairCalls(input: readonly Message[], output: readonly Message[]): Shown[] {
  return new Pairer().takeAll(input, output);
}

/** The same over the turns of a whole trace, where a result arrives with the turn after its call. */
export function pairTurns(turns: readonly Turn[]): Shown[][] {
  const pairer = new Pairer();
  return turns.map((turn) => pairer.takeAll(turn.new_input, turn.output));
}

/** Lines that are folded away: `[from, to)` of the shown messages, or null when all of them are short work. */
export function foldRange(shown: readonly Shown[], atMost = 8, keepLast = 3): [number, number] | null {
  const nInput = shown.findIndex((entry) => entry.isOutput);
  const end = nInput < 0 ? shown.length : nInput;
  if (end <= atMost) return null;
  let from = 0;
  while (from < end && ["system", "developer"].includes(shown[from]?.message.role ?? "")) from++;
  const to = end - keepLast;
  return to - from >= 3 ? [from, to] : null;
}

/** A few words for what a tool gave back: the value when short, else its size. */
export function preview(value: unknown, atMost = 48): string {
  if (isLong(value)) return `${value.size.toLocaleString("en-US")} characters`;
  if (Array.isArray(value)) return value.length === 1 ? "1 item" : `${value.length.toLocaleString("en-US")} items`;
  if (isObject(value)) {
    return sketch(value, atMost);
  }
  const text = textOf(value).trim().replace(/\s+/g, " ");
  return text.length <= atMost ? text : `${text.slice(0, atMost - 1)}…`;
}

/** The type name when a tool's answer is an error, by our own Error form or a leading `SomeError:`. */
export function errorIn(response: unknown): string | null {
  if (isObject(response)) {
    if (typeof response.type === "string" && typeof response.message === "string" && "traceback" in response) return response.type;
    if (typeof response.error === "string" && response.error !== "") return preview(response.error);
    if (isObject(response.error)) return textOf(response.error.type ?? response.error.message ?? "error");
  }
  if (typeof response !== "string") return null;
  return /^\s*(?:[Ee]rror:?\s+)?([A-Z]\w*(?:Error|Exception|Timeout|Warning))\b/.exec(response)?.[1] ?? null;
}

/** Text that is a JSON object or list, parsed; null for everything else. */
export function structured(text: string): Json | null {
  const trimmed = text.trim();
  if (!/^[{[]/.test(trimmed) || !/[}\]]$/.test(trimmed)) return null;
  try {
    const value = parseJson(trimmed);
    return typeof value === "object" ? value : null;
  } catch {
    return null; // looks like JSON and is not: shown as the text it is
  }
}

/** A small JSON value on one line, spaced for reading; null when it is longer or deep, found out early. */
export function oneLine(value: Json, atMost = 72): string | null {
  let left = atMost;
  const spend = (text: string): string => {
    left -= text.length;
    return text;
  };
  const write = (item: Json, depth: number): string => {
    if (left < 0 || depth > 6) return spend("…".repeat(atMost + 1));
    if (Array.isArray(item)) return `[${item.slice(0, atMost).map((inner) => write(inner, depth + 1) + spend(", ").slice(0, 0)).join(", ")}]`;
    const digits = numeral(item);
    if (digits !== null) return spend(digits);
    if (isObject(item)) {
      const entries = Object.entries(item).slice(0, atMost);
      return entries.length === 0
        ? "{}"
        : `{ ${entries.map(([key, inner]) => `${spend(JSON.stringify(key))}: ${write(inner, depth + 1)}`).join(", ")} }`;
    }
    return spend(typeof item === "string" && item.length > left ? "…".repeat(atMost + 1) : JSON.stringify(item));
  };
  const line = write(value, 0);
  return left < 0 ? null : line;
}

/** Everything a message says, as plain text for the clipboard. */
export function messageText(message: Message): string {
  return message.parts
    .map((part) => {
      if (part.type === "tool_call") return `${textOf(part.name)}(${textOf(part.arguments)})`;
      if (part.type === "tool_call_response") return textOf(part.response);
      return textOf(part.content ?? part.uri ?? `[${part.type}]`);
    })
    .join("\n");
}
