/** Headings, widths and texts of the table's columns; their names are Python's. */

import { formatCount, formatDuration, formatMoney } from "../core/format.ts";
import type { Row } from "../core/traces.ts";

interface Column {
  label: string;
  /** Least width in px. */
  width: number;
  isNumber?: boolean;
}

const COLUMNS: Record<string, Column> = {
  name: { label: "Name", width: 180 },
  start: { label: "Started", width: 134, isNumber: true },
  duration_ms: { label: "Time", width: 68, isNumber: true },
  total_tokens: { label: "Tokens", width: 68, isNumber: true },
  input_tokens: { label: "Input tokens", width: 92, isNumber: true },
  output_tokens: { label: "Output tokens", width: 100, isNumber: true },
  cost_usd: { label: "Cost", width: 82, isNumber: true },
  n_spans: { label: "Spans", width: 60, isNumber: true },
  n_llm: { label: "LLM calls", width: 76, isNumber: true },
  n_errors: { label: "Errors", width: 60, isNumber: true },
  status: { label: "Status", width: 84 },
  user_id: { label: "User", width: 96 },
  session_id: { label: "Session", width: 110 },
  tags: { label: "Tags", width: 110 },
  environment: { label: "Environment", width: 96 },
  release: { label: "Release", width: 80 },
  feature: { label: "Feature", width: 96 },
  region: { label: "Region", width: 80 },
  notebook: { label: "Notebook", width: 130 },
  execution_count: { label: "Cell", width: 56, isNumber: true },
  cell_id: { label: "Cell id", width: 100 },
  trace_id: { label: "Trace id", width: 130 },
};

export const column = (name: string): Column => COLUMNS[name] ?? { label: name, width: 96 };

const time = new Intl.DateTimeFormat("en", { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** What a cell says; nothing where nothing is known. */
export function cellText(row: Row, name: string): string {
  const value = row[name];
  if (value === null || value === undefined) return name === "duration_ms" && row.status === "open" ? "running" : "";
  if (Array.isArray(value)) return value.join(", ");
  if (name === "status") return value === "open" ? "running" : String(value);
  if (typeof value === "string") return value;
  if (name === "start") return time.format(value);
  if (name === "duration_ms") return formatDuration(value);
  if (name === "cost_usd") return formatMoney(value);
  if (name === "n_errors" && value === 0) return "";
  return name === "execution_count" ? `[${value}]` : formatCount(value);
}

/** The whole text of a cell that shows a shorter one. */
export function cellTitle(row: Row, name: string): string {
  return name === "start" ? new Date(row.start).toISOString() : cellText(row, name);
}
