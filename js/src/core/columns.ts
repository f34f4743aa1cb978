/** The rows of one trace as typed arrays: decoding, growing, and applying pushes. */

import {
  FAILED,
  INTERRUPTED,
  OPEN,
  SEEN_TWICE,
  STATUS,
  type Meta,
  type RowsPush,
  type Status,
  type Summary,
} from "./types.ts";

export interface Columns {
  start: Float64Array;
  duration: Float32Array;
  firstToken: Float32Array;
  parent: Int32Array;
  tokens: Uint32Array;
  cost: Float32Array;
  name: Uint32Array;
  sub: Uint16Array;
  kind: Uint8Array;
  status: Uint8Array;
}

export function columnBytes(n: number, wide: boolean): number {
  return n * (wide ? 36 : 34);
}

/** Decode columns laid out as types.ts says; always copies, since buffers arrive at any byte offset. */
export function decodeColumns(view: DataView, n: number, wide: boolean): Columns {
  const need = columnBytes(n, wide);
  if (view.byteLength < need) {
    throw new Error(`The trace's columns hold ${view.byteLength} bytes where ${n} rows need ${need}; re-run this cell.`);
  }
  const bytes = view.buffer.slice(view.byteOffset, view.byteOffset + need) as ArrayBuffer;
  const name = wide ? new Uint32Array(bytes, 28 * n, n) : new Uint32Array(new Uint16Array(bytes, 28 * n, n));
  const afterName = 28 * n + (wide ? 4 : 2) * n;
  return {
    start: new Float64Array(bytes, 0, n),
    duration: new Float32Array(bytes, 8 * n, n),
    firstToken: new Float32Array(bytes, 12 * n, n),
    parent: new Int32Array(bytes, 16 * n, n),
    tokens: new Uint32Array(bytes, 20 * n, n),
    cost: new Float32Array(bytes, 24 * n, n),
    name,
    sub: new Uint16Array(bytes, afterName, n),
    kind: new Uint8Array(bytes, afterName + 2 * n, n),
    status: new Uint8Array(bytes, afterName + 3 * n, n),
  };
}

/** Undo the meta's `encoding`; deflate is a zlib stream. */
export async function inflate(view: DataView, encoding: Meta["encoding"]): Promise<DataView> {
  if (encoding === "raw") return view;
  const bytes = new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new DataView(await new Response(stream).arrayBuffer());
}

function empty(capacity: number): Columns {
  return {
    start: new Float64Array(capacity),
    duration: new Float32Array(capacity).fill(NaN),
    firstToken: new Float32Array(capacity).fill(NaN),
    parent: new Int32Array(capacity).fill(-1),
    tokens: new Uint32Array(capacity),
    cost: new Float32Array(capacity).fill(NaN),
    name: new Uint32Array(capacity).fill(0xffffffff),
    sub: new Uint16Array(capacity),
    kind: new Uint8Array(capacity),
    status: new Uint8Array(capacity),
  };
}

const FIELDS = Object.keys(empty(0)) as (keyof Columns)[];

function blend(names: string[], from: number, added: string[]): void {
  while (names.length < from) names.push("…");
  for (const [offset, name] of added.entries()) names[from + offset] = name;
}

export class SpanTable {
  n = 0;
  rev: number;
  summary: Summary;
  readonly kinds: readonly string[];
  readonly names: string[];
  readonly subs: string[];
  readonly startMs: number;
  /** Spans of the trace that are not among the rows. */
  cut: number;
  /** Bumped when rows were added or moved, so that the tree is rebuilt only then. */
  structure = 0;
  c: Columns;

  constructor(meta: Meta, columns: Columns) {
    this.n = meta.n;
    this.rev = meta.rev;
    this.summary = meta.summary;
    this.kinds = meta.kinds;
    this.names = [...meta.names];
    this.subs = [...meta.subs];
    this.startMs = meta.trace_start_ms;
    this.cut = meta.cut;
    this.c = columns;
  }

  static async decode(meta: Meta, cols: DataView): Promise<SpanTable> {
    return new SpanTable(meta, decodeColumns(await inflate(cols, meta.encoding), meta.n, meta.wide_names));
  }

  /** Take the rows of a push in; returns the indices that changed. Rows that were missed stay placeholders. */
  apply(push: RowsPush, buffers: DataView[]): Uint32Array {
    const [atView, columnView] = buffers;
    if (!atView || !columnView) throw new Error(`A push of rows came with ${buffers.length} buffers instead of 2.`);
    const at = new Uint32Array(atView.buffer.slice(atView.byteOffset, atView.byteOffset + 4 * push.count) as ArrayBuffer);
    const rows = decodeColumns(columnView, push.count, push.wide_names);
    blend(this.names, push.names_from, push.names);
    blend(this.subs, push.subs_from, push.subs);
    let moved = push.n > this.n;
    this.reserve(push.n);
    this.n = Math.max(this.n, push.n);
    for (let i = 0; i < push.count; i++) {
      const row = at[i] as number;
      if (row >= this.n) continue;
      moved ||= this.c.parent[row] !== rows.parent[i] || this.c.start[row] !== rows.start[i];
      for (const field of FIELDS) this.c[field][row] = rows[field][i] as number;
    }
    if (moved) this.structure++;
    this.rev = push.rev;
    this.summary = push.summary;
    this.cut = Math.max(0, push.summary.n_spans - this.n);
    return at;
  }

  private reserve(n: number): void {
    if (n <= this.c.start.length) return;
    const grown = empty(Math.max(64, n, Math.ceil(this.c.start.length * 1.5)));
    for (const field of FIELDS) grown[field].set(this.c[field].subarray(0, this.n));
    this.c = grown;
  }

  name(row: number): string {
    return this.names[this.c.name[row] ?? -1] ?? "…";
  }

  sub(row: number): string {
    return this.subs[this.c.sub[row] ?? -1] ?? "";
  }

  kind(row: number): string {
    return this.kinds[this.c.kind[row] ?? 0] ?? "span";
  }

  statusCode(row: number): number {
    return (this.c.status[row] ?? 0) & 3;
  }

  status(row: number): Status {
    return STATUS[this.statusCode(row)] as Status;
  }

  isOpen(row: number): boolean {
    return this.statusCode(row) === OPEN;
  }

  isInterrupted(row: number): boolean {
    return this.statusCode(row) === INTERRUPTED;
  }

  hasError(row: number): boolean {
    return this.statusCode(row) === FAILED;
  }

  seenTwice(row: number): boolean {
    return ((this.c.status[row] ?? 0) & SEEN_TWICE) !== 0;
  }

  /** How many llm calls ended well without a known cost. */
  unpriced(): number {
    let n = 0;
    for (let row = 0; row < this.n; row++) if (Number.isNaN(this.c.cost[row]) && this.kind(row) === "llm" && this.status(row) === "ok" && !this.seenTwice(row)) n++;
    return n;
  }

  /** Latest moment that any row knows of, ms from the trace's start. */
  lastKnown(): number {
    const { start, duration, firstToken } = this.c;
    let last = 0;
    for (let row = 0; row < this.n; row++) {
      const took = duration[row] as number;
      const waited = firstToken[row] as number;
      const end = (start[row] as number) + (took >= 0 ? took : waited >= 0 ? waited : 0);
      if (end > last) last = end;
    }
    return last;
  }
}
