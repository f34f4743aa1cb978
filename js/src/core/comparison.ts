/** Two compared traces as Python sends them (src/spanbook/widgets/_rpc_compare.py), and what is read out of them. */

import { inflate } from "./columns.ts";
import { NOTHING, formatCount, formatDuration, formatMoney } from "./format.ts";
import { FAILED, type Json, type Payload, type SpanError, type SpanFacts, type Summary } from "./types.ts";

export type ChangeKind = "same" | "changed" | "added" | "removed";
export type Side = "a" | "b";
export const SIDES: readonly Side[] = ["a", "b"];

/** What a change is marked with; the word is always said as well. */
export const SIGNS: Record<ChangeKind, string> = { same: "", changed: "~", added: "+", removed: "−" };

export interface ComparisonMeta {
  v: number;
  encoding: "raw" | "deflate";
  snap?: string;
}

/** One side of every row; null, and the status -1, where that trace has no such span. */
export interface SideColumns {
  status: number[];
  duration_ms: (number | null)[];
  tokens: (number | null)[];
  cost_usd: (number | null)[];
  model: number[];
}

/** Rows are in the order of the tree, depth first; `changed` is a bit for each of `fields`. */
export interface ComparisonData extends Record<Side, SideColumns> {
  totals: Record<Side, Summary>;
  is_one_trace: boolean;
  parent: number[];
  name: number[];
  kind: number[];
  change: number[];
  changed: number[];
  names: string[];
  models: string[];
  kinds: string[];
  changes: ChangeKind[];
  fields: string[];
}

/** What is shown of one span of a pair. */
export interface Compared {
  span: SpanFacts;
  input: Payload | null;
  output: Payload | null;
  error: SpanError | null;
  model_parameters: Json;
  tools: Json;
}

export type PairDetail = Record<Side, Compared | null>;

export class ComparisonTable {
  readonly n: number;

  constructor(readonly data: ComparisonData) {
    this.n = data.parent.length;
  }

  static async decode(meta: ComparisonMeta, bytes: DataView): Promise<ComparisonTable> {
    const view = await inflate(bytes, meta.encoding);
    return new ComparisonTable(JSON.parse(new TextDecoder().decode(view)) as ComparisonData);
  }

  name(row: number): string {
    return this.data.names[this.data.name[row] ?? -1] ?? "…";
  }

  kind(row: number): string {
    return this.data.kinds[this.data.kind[row] ?? 0] ?? "span";
  }

  change(row: number): ChangeKind {
    return this.data.changes[this.data.change[row] ?? 0] ?? "same";
  }

  fields(row: number): string[] {
    const bits = this.data.changed[row] ?? 0;
    return this.data.fields.filter((_, at) => (bits & (1 << at)) !== 0);
  }

  has(side: Side, row: number): boolean {
    return (this.data[side].status[row] ?? -1) >= 0;
  }

  /** Whether the step failed where it was last seen: in b, or in a when b has none. */
  hasError(row: number): boolean {
    return this.data[this.has("b", row) ? "b" : "a"].status[row] === FAILED;
  }

  model(side: Side, row: number): string {
    return this.data.models[this.data[side].model[row] ?? 0] ?? "";
  }

  /** What a row says beside its name: what changed, a model with both its values. */
  about(row: number): string {
    const change = this.change(row);
    if (change !== "changed") return change === "same" ? "" : change;
    return this.fields(row)
      .map((field) => (field === "model" ? `model ${this.model("a", row) || "none"} → ${this.model("b", row) || "none"}` : field.replaceAll("_", " ")))
      .join(", ");
  }

  changedRows(): number[] {
    return Array.from({ length: this.n }, (_, row) => row).filter((row) => this.change(row) !== "same");
  }

  counts(): Record<ChangeKind, number> {
    const counts = { same: 0, changed: 0, added: 0, removed: 0 };
    for (let row = 0; row < this.n; row++) counts[this.change(row)]++;
    return counts;
  }

  /** A measure of a row as text: b − a of a pair, of a step that only one trace has the whole value with its sign. */
  delta(row: number, measure: "duration_ms" | "tokens" | "cost_usd"): string {
    const [a, b] = [this.data.a[measure][row] ?? null, this.data.b[measure][row] ?? null];
    if (this.has("a", row) && this.has("b", row)) return quiet(signed(difference(a, b), FORMATS[measure]));
    return quiet(signed(this.has("b", row) ? b : a === null ? null : -a, FORMATS[measure]));
  }
}

const FORMATS = { duration_ms: formatDuration, tokens: formatCount, cost_usd: formatMoney };

export function difference(a: number | null | undefined, b: number | null | undefined): number | null {
  return typeof a === "number" && typeof b === "number" ? b - a : null;
}

/** A difference as `+0.40 s`, `−12`; `=` when it is none to speak of, `–` when it is not known. */
export function signed(value: number | null, format: (value: number) => string): string {
  if (value === null) return NOTHING;
  const text = format(Math.abs(value));
  if (text === format(0) || text.startsWith("<")) return "=";
  return `${value > 0 ? "+" : "−"}${text}`;
}

const quiet = (text: string): string => (text === "=" || text === NOTHING ? "" : text);
