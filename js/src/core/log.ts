/**
 * The log of a trace: everything that happened in order of time. A page at a time is asked for, and only for what is
 * in sight; while the trace runs, what is in sight is asked for again. No DOM.
 */

import { signal } from "@preact/signals";
import { formatCount, formatDuration, formatMoney } from "./format.ts";
import { whenSlow, type Host } from "./rpc.ts";
import type { SpanTable } from "./columns.ts";
import { textOf, type Detail, type Json } from "./types.ts";

/** In the order they happen to a span. */
export const ENTRY_KINDS = ["start", "first token", "event", "error", "end", "score"] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];
export type Counts = Record<EntryKind, number>;

export interface LogEntry {
  /** From the trace's start. */
  at_ms: number;
  what: EntryKind;
  /** -1: its span is not shown. */
  row: number;
  label?: string;
  text?: string;
}

export interface LogPage {
  total: number;
  counts: Counts;
  entries: LogEntry[];
}

export const PAGE = 200;
const KEEP = 50;

/** Seconds to the millisecond, so that the order can be read off; longer times as elsewhere. */
export function formatOffset(ms: number): string {
  return Math.abs(ms) < 3_600_000 ? `${(ms / 1000).toFixed(3)} s` : formatDuration(ms);
}

/** What an entry says beside the span's name: what Python wrote, or what the columns have. */
export function entryText(table: SpanTable, { what, row, label, text }: LogEntry): { label: string; text: string } {
  if (row < 0 || row >= table.n || label !== undefined || text !== undefined) return { label: label ?? "", text: text ?? "" };
  const { duration, firstToken, tokens, cost } = table.c;
  if (what === "start") return { label: "", text: table.hasError(row) ? "" : table.sub(row) };
  if (what === "first token") return { label: "", text: `after ${formatDuration(firstToken[row])}` };
  if (what === "error") return { label: table.sub(row), text: "" };
  return {
    label: "",
    text: [
      `after ${formatDuration(duration[row])}`,
      (tokens[row] as number) > 0 ? `${formatCount(tokens[row])} tok` : "",
      (cost[row] as number) >= 0 ? formatMoney(cost[row]) : "",
    ].filter(Boolean).join(" · "),
  };
}

export class LogPages {
  /** Bumped whenever what `get` returns may have changed. */
  readonly version = signal(0);
  readonly isSlow = signal(false);
  readonly problem = signal<string | null>(null);
  total = 0;
  counts: Counts | null = null;
  private kinds: readonly EntryKind[];
  private pages = new Map<number, { entries: LogEntry[]; isFresh: boolean }>();
  private range: [number, number] = [0, 0];
  private isAsking = false;
  private round = 0;
  /** When the last answer came, and how long it took: a log that takes long is asked for less often. */
  private answered = 0;
  private took = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly host: Host,
    kinds: readonly EntryKind[] = ENTRY_KINDS,
  ) {
    this.kinds = kinds;
  }

  get(at: number): LogEntry | null {
    return this.pages.get(Math.floor(at / PAGE))?.entries[at % PAGE] ?? null;
  }

  /** Make sure that these entries are there or on their way; whoever wanted others before does not any more. */
  want(from: number, to: number): void {
    this.range = [Math.floor(from / PAGE), Math.floor(Math.max(from, to - 1) / PAGE)];
    void this.work();
  }

  show(kinds: readonly EntryKind[]): void {
    this.kinds = kinds;
    this.round++;
    this.pages = new Map();
    this.total = this.counts ? kinds.reduce((sum, kind) => sum + (this.counts as Counts)[kind], 0) : 0;
    this.version.value++;
    void this.work();
  }

  /** Ask again for what is in sight; what is known stays until the answer is there. */
  refresh(): void {
    const wait = this.answered + 4 * this.took - Date.now();
    clearTimeout(this.timer);
    if (wait > 0) {
      this.timer = setTimeout(() => this.refresh(), wait);
      return;
    }
    for (const page of this.pages.values()) page.isFresh = false;
    void this.work();
  }

  /** Place of a span's first entry among those shown, -1 when it has none. */
  async placeOf(row: number): Promise<number> {
    const { result } = await this.host.rpc<{ place: number | null }>("log", { row, kinds: [...this.kinds] });
    return result.place ?? -1;
  }

  dispose(): void {
    clearTimeout(this.timer);
  }

  private next(): number {
    for (let page = this.range[0]; page <= this.range[1]; page++) {
      if (!this.pages.get(page)?.isFresh && (page === 0 || page * PAGE < this.total)) return page;
    }
    return -1;
  }

  private async work(): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    for (let page = this.next(); page >= 0; page = this.next()) {
      const { round } = this;
      const asked = Date.now();
      const request = this.host.rpc<LogPage>("log", { offset: page * PAGE, limit: PAGE, kinds: [...this.kinds] });
      whenSlow(request, () => (this.isSlow.value = true));
      try {
        const { result } = await request;
        if (round !== this.round) continue;
        this.problem.value = null;
        this.total = result.total;
        this.counts = result.counts;
        this.pages.delete(page);
        this.pages.set(page, { entries: result.entries, isFresh: true });
        for (const old of this.pages.keys()) if (this.pages.size > KEEP) this.pages.delete(old);
        this.version.value++;
      } catch (error) {
        this.problem.value = (error as Error).message;
        break;
      } finally {
        this.isSlow.value = false;
        this.answered = Date.now();
        this.took = this.answered - asked;
      }
    }
    this.isAsking = false;
  }
}

/** The same answers from details, for a page that has no kernel; twin of src/spanbook/widgets/_rpc_log.py. */
export function logOf(details: Record<string, Detail>, startMs: number): (params: Record<string, Json>) => LogPage | { place: number | null } {
  let all: LogEntry[] | null = null;
  return (params) => {
    all ??= entriesOf(details, startMs);
    const kinds = (params.kinds ?? ENTRY_KINDS) as EntryKind[];
    const shown = all.filter((entry) => kinds.includes(entry.what));
    if ("row" in params) {
      const place = shown.findIndex((entry) => entry.row === params.row);
      return { place: place < 0 ? null : place };
    }
    const counts = Object.fromEntries(ENTRY_KINDS.map((kind) => [kind, 0])) as Counts;
    for (const { what } of all) counts[what]++;
    const offset = Number(params.offset ?? 0);
    return { total: shown.length, counts, entries: shown.slice(offset, offset + Number(params.limit ?? PAGE)) };
  };
}

const MOST_TEXT = 300;

function shortened(text: string): string {
  return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT - 1)}…` : text;
}

function entriesOf(details: Record<string, Detail>, startMs: number): LogEntry[] {
  const found: (LogEntry & { order: number[] })[] = [];
  for (const [key, { span, error, events, scores }] of Object.entries(details)) {
    const row = Number(key);
    const start = (span.start_ms ?? startMs) - startMs;
    const end = span.duration_ms === null || span.duration_ms === undefined ? null : start + span.duration_ms;
    const add = (what: EntryKind, at_ms: number, tie = row, texts: { label?: string; text?: string } = {}): void => {
      const turn = what === "end" || what === "error" ? 3 : { start: 0, "first token": 1, event: 2, score: 4 }[what];
      found.push({ at_ms, what, row, ...texts, order: [at_ms, turn, tie] });
    };
    add("start", start);
    if (typeof span.time_to_first_token_ms === "number") add("first token", start + span.time_to_first_token_ms);
    for (const each of events) add("event", each.time_ms - startMs, row, { label: shortened(each.name), text: shortened(textOf(each.data)) });
    if (span.status === "error") {
      add("error", end ?? start, -row, { label: shortened(error?.type ?? span.error_type ?? ""), text: shortened(textOf(error?.message)) });
    } else if (end !== null) add("end", end, -row);
    for (const each of scores) {
      const text = [textOf(each.value), each.source, each.comment].filter(Boolean).join(" · ");
      add("score", each.created_ms ? each.created_ms - startMs : (end ?? start), row, { label: shortened(each.name), text: shortened(text) });
    }
  }
  found.sort((a, b) => {
    for (let i = 0; i < 3; i++) {
      const by = (a.order[i] as number) - (b.order[i] as number);
      if (by !== 0) return by;
    }
    return 0;
  });
  return found.map(({ order: _, ...entry }) => entry);
}
