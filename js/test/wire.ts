/** Columns and metas as Python sends them, for tests. */

import type { Meta, RowsPush, Summary } from "../src/core/types.ts";

export interface Line {
  name: string;
  kind?: number;
  parent?: number;
  start?: number;
  duration?: number;
  firstToken?: number;
  tokens?: number;
  cost?: number;
  sub?: string;
  status?: number;
}

export const KINDS = ["span", "llm", "embedding", "retriever", "reranker", "tool", "agent", "chain", "guardrail", "evaluator", "event"];

export function summary(changes: Partial<Summary> = {}): Summary {
  return {
    trace_id: "t", name: "trace", status: "ok", start_ms: 0, duration_ms: 10, n_spans: 0, n_open: 0, n_llm: 0, n_errors: 0,
    input_tokens: 0, output_tokens: 0, cost_usd: null, cell: null, user_id: null, session_id: null, tags: [], dropped: 0, ...changes,
  };
}

export function encode(lines: Line[], names: string[], subs: string[], wide = false): DataView<ArrayBuffer> {
  const n = lines.length;
  const size = wide ? 36 : 34;
  // One byte in front, so that nothing is aligned.
  const view = new DataView(new ArrayBuffer(n * size + 1), 1);
  const index = (known: string[], value: string): number => (known.includes(value) ? known.indexOf(value) : known.push(value) - 1);
  const tail = 28 * n + (wide ? 4 : 2) * n;
  lines.forEach((line, i) => {
    view.setFloat64(8 * i, line.start ?? i, true);
    view.setFloat32(8 * n + 4 * i, line.duration ?? 1, true);
    view.setFloat32(12 * n + 4 * i, line.firstToken ?? NaN, true);
    view.setInt32(16 * n + 4 * i, line.parent ?? -1, true);
    view.setUint32(20 * n + 4 * i, line.tokens ?? 0, true);
    view.setFloat32(24 * n + 4 * i, line.cost ?? NaN, true);
    if (wide) view.setUint32(28 * n + 4 * i, index(names, line.name), true);
    else view.setUint16(28 * n + 2 * i, index(names, line.name), true);
    view.setUint16(tail + 2 * i, index(subs, line.sub ?? ""), true);
    view.setUint8(tail + 2 * n + i, line.kind ?? 0);
    view.setUint8(tail + 3 * n + i, line.status ?? 2);
  });
  return view;
}

export function loaded(lines: Line[], changes: Partial<Meta> = {}, wide = false): { meta: Meta; cols: DataView<ArrayBuffer> } {
  const names: string[] = [];
  const subs = [""];
  const cols = encode(lines, names, subs, wide);
  const meta: Meta = {
    v: 1, n: lines.length, encoding: "raw", names, subs, wide_names: wide, kinds: KINDS, rev: 0,
    summary: summary({ n_spans: lines.length }), trace_start_ms: 0, cut: 0, ...changes,
  };
  return { meta, cols };
}

export function rowsPush(rev: number, n: number, at: number[], lines: Line[], known: Meta, changes: Partial<RowsPush> = {}): { push: RowsPush; buffers: DataView[] } {
  const names_from = known.names.length;
  const subs_from = known.subs.length;
  const cols = encode(lines, known.names, known.subs);
  const push: RowsPush = {
    kind: "rows", rev, n, count: at.length, names_from, names: known.names.slice(names_from), subs_from, subs: known.subs.slice(subs_from),
    wide_names: false, summary: summary({ n_spans: n }), ...changes,
  };
  return { push, buffers: [new DataView(Uint32Array.from(at).buffer), cols] };
}
