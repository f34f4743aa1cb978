/**
 * The state of a trace table, without DOM. Python holds the order of the traces; rows are fetched in blocks as they
 * come into view, and belong to one revision of that order.
 */

import { batch, computed, signal } from "@preact/signals";
import { Channel, ClosedError, whenSlow, type AnyModel } from "./rpc.ts";
import type { CompareView } from "./comparing.ts";
import type { Completion, FilterProblem, Status, ViewState } from "./types.ts";

/** A trace as `page_row` of src/spanbook/widgets/table.py sends it; its keys are the names of columns. */
export interface Row {
  trace_id: string;
  name: string;
  status: Status;
  start: number;
  tags: string[];
  [column: string]: string | number | null | string[];
}

export interface Head {
  rev: number;
  n: number;
  /** These are the first; Python puts the others in order next. */
  is_partial?: boolean;
  /** There are more than are kept in order. */
  is_cut: boolean;
  filter: string;
  sort: string;
  columns: string[];
  all_columns: string[];
  limit: number | null;
  n_new: number;
  snap?: string;
  /** This is a file without a kernel behind it: it is sorted, and nothing is asked for. */
  is_file?: boolean;
}

export interface Facet {
  name: string;
  heading: string;
  values: { value: string; count: number; is_on: boolean; term: string }[];
}

/** The ids of two traces, in the order they are compared in. */
export type Pair = readonly [string, string];

/** What is open beside the list, and how it was left. */
export interface TableView {
  trace?: string;
  selected?: string | null;
  view?: ViewState;
  pair?: Pair;
  comparison?: CompareView;
}

type Change = Partial<Pick<Head, "filter" | "sort" | "columns" | "limit">>;

export const BLOCK = 100;
/** What is seen first is asked for first; and whoever goes on typing or sorting does not wait for the rest. */
const REST_MS = 120;
const NO_HEAD: Head = { rev: 0, n: 0, is_cut: false, filter: "", sort: "-start", columns: [], all_columns: [], limit: null, n_new: 0 };

/** What a click on a heading sorts by: texts begin with the first, numbers and times with the largest. */
export function nextSort(sort: string, column: string, isNumber: boolean): string {
  if (sort === column) return `-${column}`;
  if (sort === `-${column}`) return column;
  return isNumber ? `-${column}` : column;
}

/** The columns with one of them moved by so many places. */
export function moved(columns: readonly string[], column: string, by: number): string[] {
  const from = columns.indexOf(column);
  const to = Math.min(columns.length - 1, Math.max(0, from + by));
  const rest = columns.filter((each) => each !== column);
  return from < 0 ? [...columns] : [...rest.slice(0, to), column, ...rest.slice(to)];
}

export class TraceTable {
  readonly head = signal<Head>(NO_HEAD);
  readonly selected = signal<ReadonlySet<string>>(new Set());
  /** Counts the changes of rows that are held outside of signals. */
  readonly revision = signal(0);
  /** The row with the keyboard's attention. */
  readonly at = signal(0);
  readonly open = signal<string | null>(null);
  /** The traces whose comparison is open. */
  readonly pair = signal<Pair | null>(null);
  readonly isOpened = computed(() => this.open.value !== null || this.pair.value !== null);
  readonly nNew = signal(0);
  /** What is wrong with the filter that is being written, and the text it is said of. */
  readonly hint = signal<{ text: string; problem: FilterProblem } | null>(null);
  readonly problem = signal<string | null>(null);
  readonly isBusy = signal(false);
  readonly closed = signal<string | null>(null);
  readonly facets = signal<{ n_counted: number; facets: Facet[] } | null>(null);
  readonly showsFacets = signal(false);
  readonly nSelected = computed(() => this.selected.value.size);

  readonly channel: Channel;
  view: TableView;
  readonly #model: AnyModel;
  readonly #offs: (() => void)[];
  #rows = new Map<number, Row>();
  #asked = new Set<number>();
  #anchor = 0;
  #rest: ReturnType<typeof setTimeout> | undefined;

  constructor(model: AnyModel) {
    this.#model = model;
    this.channel = new Channel(model);
    this.view = { ...((model.get("_view") as TableView | undefined) ?? {}) };
    this.open.value = this.view.trace ?? null;
    this.pair.value = this.view.pair ?? null;
    const onHead = (): void => this.#takeHead();
    const onSelected = (): void => this.#takeSelected();
    model.on("change:_head", onHead);
    model.on("change:_selected", onSelected);
    this.#offs = [
      () => model.off("change:_head", onHead),
      () => model.off("change:_selected", onSelected),
      this.channel.listen((message) => this.#take(message as { kind?: string; rows?: Row[]; n_new?: number })),
      this.channel.onClose((reason) => (this.closed.value = reason)),
    ];
    this.#takeHead();
    this.#takeSelected();
  }

  dispose(): void {
    clearTimeout(this.#rest);
    for (const off of this.#offs) off();
    this.channel.dispose();
  }

  #takeHead(): void {
    const head = { ...NO_HEAD, ...(this.#model.get("_head") as Head | undefined) };
    const isNew = head.rev !== this.head.peek().rev;
    this.head.value = head;
    this.nNew.value = head.n_new;
    clearTimeout(this.#rest);
    if (head.is_partial) this.#rest = setTimeout(() => void this.#call("rest"), REST_MS);
    if (!isNew) return;
    this.#rows = new Map();
    this.#asked = new Set();
    this.at.value = this.#anchor = 0;
    this.hint.value = this.problem.value = null;
    this.revision.value++;
    if (this.showsFacets.peek()) this.#loadFacets();
  }

  #takeSelected(): void {
    this.selected.value = new Set(this.#model.get("_selected") as string[] | undefined);
  }

  #take(message: { kind?: string; rows?: Row[]; n_new?: number }): void {
    if (message.kind !== "traces") return;
    this.nNew.value = message.n_new ?? 0;
    const fresh = new Map((message.rows ?? []).map((row) => [row.trace_id, row]));
    for (const [index, row] of this.#rows) {
      const now = fresh.get(row.trace_id);
      if (now) this.#rows.set(index, now);
    }
    this.revision.value++;
  }

  row(index: number): Row | undefined {
    return this.#rows.get(index);
  }

  /** Ask for the blocks that cover these rows, once each. */
  need(from: number, to: number): void {
    const { rev, n } = this.head.peek();
    for (let block = Math.floor(from / BLOCK); block * BLOCK < Math.min(to, n); block++) {
      if (this.#asked.has(block)) continue;
      this.#asked.add(block);
      const asked = this.#asked;
      void this.#call<{ rev: number; offset: number; rows: Row[] }>("window", { offset: block * BLOCK, limit: BLOCK }).then((found) => {
        if (!found) asked.delete(block);
        if (found?.rev !== rev || this.head.peek().rev !== rev) return;
        for (const [i, row] of found.rows.entries()) this.#rows.set(found.offset + i, row);
        this.revision.value++;
      });
    }
  }

  /** What Python answers; null when it refuses, which is shown. */
  async #call<T>(method: string, params: object = {}, refuse = (why: string): void => void (this.problem.value = why)): Promise<T | null> {
    const asked = this.channel.call<T>(method, params);
    whenSlow(asked, () => (this.isBusy.value = true));
    try {
      return (await asked).result;
    } catch (error) {
      if (!(error instanceof ClosedError)) refuse((error as Error).message);
      return null;
    } finally {
      this.isBusy.value = false;
    }
  }

  setFilter(filter: string): void {
    this.#filter("set", { filter }, filter);
  }

  /** Narrow the filter by a facet's term, or widen it again. */
  toggle(term: string): void {
    this.#filter("toggle", { term }, term);
  }

  #filter(method: string, params: object, text: string): void {
    this.hint.value = null;
    const refuse = (problem: FilterProblem): void => void (this.hint.value = { text, problem });
    void this.#call<{ error?: FilterProblem }>(method, params, (message) => refuse({ message })).then((found) => {
      if (found?.error) refuse(found.error);
    });
  }

  /** What may stand at a place of a filter; what is wrong with it so far is said in `hint`. */
  async complete(query: string, at: number): Promise<Completion[]> {
    const { result } = await this.channel.call<{ items: Completion[]; error?: FilterProblem }>("complete", { query, at });
    const { error } = result;
    this.hint.value = error && !error.unfinished ? { text: query, problem: error } : null; // what may still become right is left alone
    return result.items;
  }

  set(change: Change): void {
    this.problem.value = null;
    void this.#call("set", change);
  }

  refresh(): void {
    void this.#call("refresh");
  }

  showSession(traceId: string): void {
    void this.#call("session", { of: traceId });
  }

  toggleFacets(): void {
    this.showsFacets.value = !this.showsFacets.value;
    if (this.showsFacets.value) this.#loadFacets();
  }

  /** Count the values of all traces, however long it takes. */
  countAll(): void {
    this.#loadFacets(true);
  }

  #loadFacets(all = false): void {
    const { rev } = this.head.peek();
    void this.#call<{ n_counted: number; facets: Facet[] }>("facets", { all }).then((found) => {
      if (found && this.head.peek().rev === rev) this.facets.value = found;
    });
  }

  // -- rows

  move(to: number): void {
    this.at.value = Math.max(0, Math.min(this.head.peek().n - 1, to));
  }

  /** Select a row or leave it; with `range`, all from the one before to it. */
  pick(index: number, range = false): void {
    const row = this.row(index);
    if (!row) return;
    const on = range || !this.selected.peek().has(row.trace_id);
    this.#pick(range ? this.#anchor : index, index, on);
    this.#anchor = index;
  }

  pickAll(on: boolean): void {
    this.#pick(0, null, on);
  }

  #pick(from: number, to: number | null, on: boolean): void {
    this.problem.value = null;
    void this.#call("pick", { from, to, on, rev: this.head.peek().rev });
  }

  clearSelection(): void {
    void this.#call("clear");
  }

  openRow(index: number): void {
    const row = this.row(index);
    if (!row) return;
    this.at.value = index;
    if (row.trace_id !== this.open.peek()) this.#show({ trace: row.trace_id });
  }

  compareSelected(): void {
    this.problem.value = null;
    void this.#call<{ pair: Pair }>("pair").then((found) => found && this.compare(found.pair));
  }

  compare(pair: Pair): void {
    this.#show({ pair });
  }

  close(): void {
    this.#show({});
  }

  #show(view: TableView): void {
    this.keep(view);
    batch(() => {
      this.open.value = view.trace ?? null;
      this.pair.value = view.pair ?? null;
    });
  }

  /** What of the explorer is remembered, for a page that is loaded again. */
  keep(view: TableView): void {
    this.view = view;
    this.#model.set("_view", view);
    this.#model.save_changes();
  }
}
