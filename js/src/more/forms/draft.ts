/** What is written in the form for a score, and what it comes to. No DOM. */

import { newClientId } from "../../core/acts.ts";

export type ValueType = "bool" | "number" | "label" | "text";

/** `value` holds what was typed, for yes or no "true" and "false"; nothing while neither was chosen. */
export interface Draft {
  name: string;
  type: ValueType;
  value: string;
  comment: string;
  /** The same for as long as it is not kept, so that trying again keeps it once. */
  id: string;
}

export const TYPES: { type: ValueType; label: string }[] = [
  { type: "number", label: "number" },
  { type: "bool", label: "yes or no" },
  { type: "label", label: "label" },
  { type: "text", label: "comment" },
];

export const newDraft = (type: ValueType = "number", name = ""): Draft => ({ name, type, value: "", comment: "", id: newClientId() });

export const MAX_LABEL = 64;

/** The value to send, or what is wrong with what was typed. */
export function valueOf({ type, value }: Draft): { value: number | string | boolean } | { problem: string } {
  const text = value.trim();
  if (type === "bool") return text === "" ? { problem: "Choose yes or no." } : { value: text === "true" };
  if (text === "") return { problem: { number: "Give a number, such as 0.8.", label: "Give a label, such as polite.", text: "Write a comment." }[type] };
  if (type === "text") return { value };
  if (type === "label") return text.length > MAX_LABEL ? { problem: `A label has at most ${MAX_LABEL} characters; this has ${text.length}. Make it a comment.` } : { value: text };
  const number = Number(text.replace(/^([-+]?\d+),(\d+)$/, "$1.$2"));
  return Number.isFinite(number) ? { value: number } : { problem: `“${text}” is no number; give one such as 0.8.` };
}

/** The name a draft is kept under: a comment needs none of its own. */
export const nameOf = ({ name, type }: Draft): string => name.trim() || (type === "text" ? "comment" : "");
