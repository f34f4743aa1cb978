/**
 * What Python sends, as src/spanbook/widgets writes it. Names and units are those of the store's columns.
 *
 * Wire format of the tree: columns of `n` entries one after another, little endian, in this order:
 * start f64 (ms from `trace_start_ms`), duration f32 (ms, NaN while running), first_token f32 (ms from the
 * span's start, NaN = none), parent i32 (row index, -1 = root or orphan), tokens u32 (0 = none), cost f32
 * (NaN = none), name u16 (u32 with `wide_names`), sub u16, kind u8, status u8 (low 2 bits: STATUS; 16 = seen
 * twice, not counted). Row indices never change; a parent may come after its children.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export const OPEN = 0;
export const INTERRUPTED = 1;
export const FAILED = 3;
export const SEEN_TWICE = 16;

export type Status = "open" | "interrupted" | "ok" | "error";
export const STATUS: readonly Status[] = ["open", "interrupted", "ok", "error"];

export interface Cell {
  id?: string | null;
  execution_count?: number | null;
  notebook?: string | null;
  /** What became of it: run since with another source, or again with the same. */
  stale?: "changed" | "again" | null;
}

export interface Summary {
  trace_id: string;
  name: string;
  status: Status;
  start_ms: number;
  duration_ms: number | null;
  n_spans: number;
  n_open: number;
  n_llm: number;
  n_errors: number;
  input_tokens: number;
  output_tokens: number;
  cost_usd: number | null;
  cell: Cell | null;
  user_id: string | null;
  session_id: string | null;
  tags: string[];
  dropped: number;
}

export interface Meta {
  v: number;
  n: number;
  encoding: "raw" | "deflate";
  names: string[];
  subs: string[];
  wide_names: boolean;
  kinds: string[];
  rev: number;
  summary: Summary;
  trace_start_ms: number;
  /** Rows that were not sent because the trace is too large. */
  cut: number;
  /** The kernel's clock when this was made; without it the browser's clock is taken for the kernel's. */
  now_ms?: number;
  /** Names the static snapshot (`.sb-snap-<snap>`) that this widget stands in for. */
  snap?: string;
}

export interface RowsPush {
  kind: "rows";
  rev: number;
  n: number;
  count: number;
  names_from: number;
  names: string[];
  subs_from: number;
  subs: string[];
  wide_names: boolean;
  summary: Summary;
  now_ms?: number;
}

export interface PartialPush {
  kind: "partial";
  row: number;
  text: string;
  at_ms: number;
}

export type Push =
  | RowsPush
  | PartialPush
  | { kind: "summary"; summary: Summary }
  | { kind: "scores"; rows: number[] }
  | { kind: "closed"; reason: string };

/** A string too long to send whole; the rest comes by `more {row, field, path, offset}`. */
export interface Long {
  $long: true;
  size: number;
  head: string;
  path: (string | number)[];
  field: string;
}

export interface Part {
  type: string;
  [key: string]: Json | undefined;
}

export interface Message {
  role: string;
  parts: Part[];
  finish_reason?: string;
  name?: string;
}

export type Payload =
  | { kind: "messages"; value: Message[] }
  | { kind: "json"; value: Json }
  | { kind: "text"; value: Json };

export interface SpanError {
  type: string;
  module?: string | null;
  message: Json;
  traceback?: Json;
}

export interface Usage {
  input_tokens?: number | null;
  output_tokens?: number | null;
  cache_read_tokens?: number | null;
  cache_write_tokens?: number | null;
  reasoning_tokens?: number | null;
  audio_input_tokens?: number | null;
  audio_output_tokens?: number | null;
}

export interface SpanFacts {
  span_id: string;
  parent_id?: string | null;
  name: string;
  kind: string;
  status: Status;
  level?: string | null;
  start_ms?: number | null;
  duration_ms?: number | null;
  time_to_first_token_ms?: number | null;
  model?: string | null;
  provider?: string | null;
  finish_reason?: string | null;
  response_id?: string | null;
  usage?: Usage | null;
  cost_usd?: number | null;
  input_cost_usd?: number | null;
  output_cost_usd?: number | null;
  cost_source?: string | null;
  error_type?: string | null;
  user_id?: string | null;
  session_id?: string | null;
  tags?: string[] | null;
  environment?: string | null;
  release?: string | null;
  feature?: string | null;
  region?: string | null;
  prompt_name?: string | null;
  prompt_version?: string | null;
  notebook?: string | null;
  cell_id?: string | null;
  execution_count?: number | null;
  counted?: boolean | null;
}

export interface SpanEvent {
  time_ms: number;
  name: string;
  data: Json;
}

export interface Score {
  name: string;
  value: number | string | boolean | null;
  value_type: string;
  source: string;
  comment: string | null;
  /** In an exported file only. */
  created_ms?: number;
}

/** US dollars per million tokens; null where the plain input or output price holds. */
export interface Price {
  input: number;
  output: number;
  cache_read: number | null;
  cache_write: number | null;
  audio_input: number | null;
  audio_output: number | null;
  source: string;
}

export interface Detail {
  span: SpanFacts;
  input: Payload | null;
  output: Payload | null;
  error: SpanError | null;
  metadata: Json;
  model_parameters: Json;
  tools: Json;
  attributes: Json;
  links?: Json;
  events: SpanEvent[];
  /** How many there are, where `events` are only the first of them. */
  n_events?: number;
  scores: Score[];
  /** What the cost was computed with; null where that is not known. */
  price?: Price | null;
}

/** The call before an llm call, and the messages of both with their answers. */
export interface Previous {
  row: number | null;
  reason?: "continued" | "beside" | "same name";
  before?: Message[];
  after?: Message[];
}

/** A call as Python that makes it again, or why there is none. */
export interface RequestCode {
  code: string | null;
  messages: string | null;
  reason: string | null;
}

/** A proposal for a filter that is being written: `text` in place of the characters from `start` to `end`. */
export interface Completion {
  text: string;
  kind: string;
  help: string;
  start: number;
  end: number;
}

/** Why a filter is refused, and where; `unfinished` when more text may mend it. */
export interface FilterProblem {
  message: string;
  at?: number | null;
  length?: number;
  unfinished?: boolean;
}

export interface Turn {
  row: number;
  new_input: Message[];
  output: Message[];
}

/** What the widget remembers of how it was left; small, saved with the notebook's widget state. */
export interface ViewState {
  row?: number;
  view?: string;
  tab?: string;
  collapsed?: number[];
  plain?: boolean;
  height?: number;
  split?: number;
  memory?: Record<string, Json>;
}

export function isLong(value: unknown): value is Long {
  return typeof value === "object" && value !== null && (value as { $long?: unknown }).$long === true;
}

/** Where the rest of a long text begins: Python counts code points, JavaScript halves of some. */
export const headEnd = (long: Long): number => Array.from(long.head).length;

/** Whether a long text is anywhere in a value. */
export function hasLong(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return isLong(value) || (Array.isArray(value) ? value : Object.values(value)).some(hasLong);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A number as both JSON and Python write it. */
const DIGITS = String.raw`-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?`;
/**
 * The form of a number that JavaScript would read as another one, `{"$type": "number", "text": "1.0"}`, in JSON text.
 * It cannot begin inside of a string, where quotes are escaped, and holds nothing but a number.
 */
const FORM = new RegExp(String.raw`\{\s*"\$type":\s*"number",\s*"text":\s*"(${DIGITS})"\s*\}`, "g");
const TOKEN = new RegExp(String.raw`"(?:[^"\\]|\\.)*"|${DIGITS}`, "g");

/** A value as JSON text, each number as Python wrote it. */
export const jsonText = (value: unknown, indent?: number): string => (JSON.stringify(value, null, indent) ?? "").replace(FORM, "$1");

/** The value of a JSON text; what JavaScript would read as another number is a form, as it comes from Python. */
export function parseJson(text: string): Json {
  const value = JSON.parse(text) as Json; // first of all: of a text that is no JSON nothing is replaced
  const isSame = (token: string): boolean => !Number.isInteger(+token) || String(+token) === token;
  if (!/\d{16}|\d[.eE]/.test(text)) return value;
  return JSON.parse(text.replace(TOKEN, (token) => (isSame(token) ? token : `{"$type":"number","text":"${token}"}`))) as Json;
}

/** What a number reads that came as a form, or that JSON has no word for, such as `nan`; null for any other value. */
export const numeral = (value: unknown): string | null =>
  isObject(value) && typeof value.text === "string" && (value.$type === "float" || (value.$type === "number" && jsonText(value) === value.text)) ? value.text : null;

/** The text of a JSON value: strings as they are, everything else as JSON. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  if (isLong(value)) return value.head;
  return jsonText(value);
}
