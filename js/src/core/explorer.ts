/** The state of one explorer as signals: rows, tree, selection, find, live text. No DOM. */

import { batch, computed, signal } from "@preact/signals";
import type { Token } from "marked";
import { loadModule } from "./assets.ts";
import { axisEnd } from "./axis.ts";
import { Blobs } from "./blobs.ts";
import { Clock } from "./clock.ts";
import { SpanTable } from "./columns.ts";
import { Details } from "./details.ts";
import { Find } from "./find.ts";
import type { More, MoreModule } from "./more.ts";
import type { FormName, Jump, Said } from "./acts.ts";
import { OnDemand } from "./ondemand.ts";
import { debounce, whenSlow, type Host } from "./rpc.ts";
import { ancestors, buildTree, flatten, isParent, keepMatches, MATCH, sumBelow } from "./tree.ts";
import { jsonText, type Detail, type Json, type Long, type PartialPush, type Push, type RowsPush, type ViewState } from "./types.ts";
import { wholeValue, type Slice } from "./whole.ts";

export const VIEWS = ["tree", "timeline", "conversation", "graph", "log"] as const;
export type View = (typeof VIEWS)[number];

export type Lex = (text: string) => Token[];

export class Explorer {
  readonly table = signal<SpanTable | null>(null);
  /** Bumped with every change to the table, which changes in place. */
  readonly revision = signal(0);
  readonly structure = signal(0);
  readonly problem = signal<string | null>(null);
  readonly closed = signal<string | null>(null);
  readonly loadIsSlow = signal(false);

  readonly selected = signal(-1);
  readonly collapsed = signal<ReadonlySet<number>>(new Set());
  readonly view = signal<View>("tree");
  readonly tab = signal<string | null>(null);
  readonly plain = signal(false);
  readonly height = signal(0);
  readonly split = signal(58);
  readonly showKeys = signal(false);

  readonly find: Find;
  /** Where the last jump by time or cost went. */
  readonly jumped = signal<Jump | null>(null);
  /** The form that is open in the detail, and what came of the last request of it. */
  readonly form = signal<FormName | null>(null);
  readonly said = signal<Said | null>(null);
  readonly isActing = signal(false);

  readonly partials = new Map<number, PartialPush>();
  readonly partialVersion = signal(0);
  readonly streaming = signal(-1);
  private readonly clock = new Clock();
  readonly now = this.clock.now;
  /** Styles of the parts that were loaded, and why they could not be. */
  readonly moreCss = signal("");
  readonly moreError = signal<string | null>(null);
  readonly details: Details;
  readonly blobs: Blobs;

  private readonly offs: (() => void)[] = [];
  private readonly saveView = debounce(() => this.host.setView(this.viewState()), 250);
  private readonly lex: OnDemand<Lex>;
  private readonly loadedParts: OnDemand<More>;
  private memory: Record<string, Json> = {};
  private backlog: [RowsPush, DataView[]][] | null = null;
  private lagging = 0;
  private picks = 0; // selections, the same row again included
  private isDisposed = false;

  readonly tree = computed(() => {
    this.structure.value;
    const table = this.table.value;
    return buildTree(table?.c ?? { parent: [], start: [] }, table?.n ?? 0);
  });

  readonly keep = computed(() => (this.find.found.value ? keepMatches(this.tree.value, this.find.found.value.rows) : undefined));

  readonly flat = computed(() => flatten(this.tree.value, this.collapsed.value, this.keep.value));

  /** Failed spans below each row. */
  readonly errorsBelow = computed(() => {
    this.revision.value;
    const tree = this.tree.value;
    const table = this.table.value;
    return sumBelow(tree, (row) => (table?.hasError(row) ? 1 : 0));
  });

  /** How many llm calls ended well without a known cost. */
  readonly unpriced = computed(() => {
    this.revision.value;
    return this.table.value?.unpriced() ?? 0;
  });

  readonly isLive = computed(() => {
    this.revision.value;
    return !this.host.isFile && this.closed.value === null && this.table.value?.summary.status === "open";
  });

  /** Last moment known, and where the axis ends, in ms from the trace's start. */
  readonly last = computed(() => {
    this.revision.value;
    return this.table.value?.lastKnown() ?? 0;
  });

  readonly end = computed(() => {
    const last = this.isLive.value ? Math.max(this.now.value, this.last.value) : this.last.value;
    return axisEnd(last, this.isLive.value);
  });

  constructor(
    readonly host: Host,
    /** Modules that the parts loaded on first use take from this bundle. */
    private readonly lends: Record<string, unknown> = {},
  ) {
    this.blobs = new Blobs(host);
    this.find = new Find(host.rpc, this.closed);
    this.details = new Details(host, (row, detail) => this.detailArrived(row, detail));
    this.lex = new OnDemand(
      async () => (await loadModule<{ lex: Lex }>(host.rpc, "markdown.js", MARKDOWN_SHA256)).lex,
      (error) => {
        console.warn(`spanbook shows text without markdown: ${error.message}`);
        return false;
      },
    );
    this.loadedParts = new OnDemand(
      () => this.loadParts(),
      (error) => {
        this.moreError.value = this.closed.peek() === null ? error.message : "No kernel: re-run this cell to see this view.";
        return true;
      },
    );
  }

  async start(): Promise<void> {
    const { host } = this;
    const view = host.getView() ?? {};
    batch(() => {
      this.view.value = VIEWS.find((each) => each === view.view) ?? "tree";
      this.memory = { ...view.memory };
      this.tab.value = view.tab ?? null;
      this.plain.value = view.plain ?? false;
      this.height.value = view.height ?? host.height ?? 0;
      this.split.value = view.split ?? 58;
      this.collapsed.value = new Set(view.collapsed ?? []);
    });
    this.offs.push(
      host.onPush((push, buffers) => this.receive(push, buffers)),
      host.onClose((reason) => this.close(reason)),
    );
    if (host.onReload) this.offs.push(host.onReload(() => void this.load()));
    await this.load();
    if (this.isDisposed || !this.table.peek()) return;
    const row = view.row ?? this.flat.peek().rows[0] ?? -1;
    if (row < this.tree.peek().n) this.show(row);
    if (host.onSelected) this.offs.push(host.onSelected((spanId) => void this.selectSpan(spanId)));
  }

  dispose(): void {
    this.isDisposed = true;
    this.saveView.flush();
    this.clock.stop();
    this.find.clear();
    for (const off of this.offs) off();
    this.blobs.dispose();
  }

  // ---- rows -------------------------------------------------------------------------------------------

  private async load(): Promise<void> {
    const loading = this.host.load();
    whenSlow(loading, () => (this.loadIsSlow.value = true));
    try {
      const { meta, cols } = await loading;
      if (!meta || typeof meta.n !== "number") {
        this.problem.value = "There is no trace to show. Re-run this cell.";
        return;
      }
      // Traits that arrive late say again what the pushes said already.
      if (this.table.peek()?.rev === meta.rev) return;
      this.adopt(await SpanTable.decode(meta, cols), meta.now_ms);
    } catch (error) {
      // A closed kernel says so itself; the rows there were before stay readable.
      if (this.closed.peek() === null && !this.table.peek()) this.problem.value = (error as Error).message;
    } finally {
      this.loadIsSlow.value = false;
    }
  }

  private adopt(table: SpanTable, nowMs: number | undefined): void {
    if (this.isDisposed) return;
    batch(() => {
      this.problem.value = null;
      this.table.value = table;
      this.structure.value++;
      this.revision.value++;
      this.setClock(nowMs);
    });
  }

  /** A gap in the revisions, or `more` is wanted of a trace that was cut: take what came, and ask once for everything. */
  async reload(more = false): Promise<void> {
    if (this.backlog) return;
    this.backlog = [];
    try {
      const { result, buffers } = await this.host.rpc<Parameters<typeof SpanTable.decode>[0]>("reload", { more });
      const table = await SpanTable.decode(result, buffers[0] ?? new DataView(new ArrayBuffer(0)));
      for (const [push, columns] of this.backlog) if (push.rev > table.rev) table.apply(push, columns);
      this.adopt(table, result.now_ms);
      this.details.clear();
      this.details.want(this.selected.peek());
    } catch (error) {
      if (this.closed.peek() === null) this.problem.value = (error as Error).message;
    } finally {
      this.backlog = null;
    }
  }

  private receive(push: Push, buffers: DataView[]): void {
    const table = this.table.peek();
    if (push.kind === "closed") this.close(push.reason);
    else if (!table) return;
    else if (push.kind === "rows") this.receiveRows(table, push, buffers);
    else if (push.kind === "partial") this.receivePartial(table, push);
    else if (push.kind === "scores") {
      this.revision.value++;
      for (const row of push.rows) if (this.details.touch(row, false) && row === this.selected.peek()) this.details.want(row);
    } else if (push.kind === "summary") {
      table.summary = push.summary;
      this.revision.value++;
      this.setClock();
    }
  }

  private receiveRows(table: SpanTable, push: RowsPush, buffers: DataView[]): void {
    if (push.rev <= table.rev) return;
    this.backlog?.push([push, buffers]);
    const hasGap = push.rev > table.rev + 1;
    batch(() => {
      const changed = table.apply(push, buffers);
      if (table.structure !== 0) this.structure.value++;
      table.structure = 0;
      this.revision.value++;
      this.setClock(push.now_ms);
      for (const row of changed) this.rowChanged(table, row);
    });
    if (hasGap) void this.reload();
    this.find.again();
  }

  private rowChanged(table: SpanTable, row: number): void {
    if (!table.isOpen(row) && this.streaming.peek() === row) this.streaming.value = -1;
    if (this.details.touch(row, table.isOpen(row)) && row === this.selected.peek()) this.details.want(row);
  }

  private detailArrived(row: number, detail: Detail): void {
    const isOpen = this.table.peek()?.isOpen(row) ?? false;
    if (!isOpen && detail.span.status !== "open") this.partials.delete(row);
    if (row !== this.selected.peek()) return;
    this.host.setSelected(detail.span.span_id);
    // The span ended between the kernel's answer and its push: what came still says it runs.
    if (!isOpen && detail.span.status === "open" && this.lagging++ < 5) {
      setTimeout(() => {
        if (this.details.touch(row, false) && row === this.selected.peek() && !this.isDisposed) this.details.want(row);
      }, 400);
    }
  }

  private receivePartial(table: SpanTable, push: PartialPush): void {
    if (push.row < table.n && !table.isOpen(push.row)) return;
    this.partials.set(push.row, push);
    this.streaming.value = push.row;
    this.partialVersion.value++;
  }

  private close(reason: string): void {
    this.clock.stop();
    this.closed.value = reason;
    if (!this.table.peek()) this.problem.value = "This view has lost its kernel. Re-run this cell.";
  }

  private setClock(nowMs?: number): void {
    const table = this.table.peek();
    if (table) this.clock.set(table.startMs, () => this.last.peek(), this.isLive.peek(), nowMs);
  }

  /** Where a row's bar ends now, ms from the trace's start. */
  rowEnd(table: SpanTable, row: number): number {
    const start = table.c.start[row] as number;
    const duration = table.c.duration[row] as number;
    if (duration >= 0) return start + duration;
    return Math.max(start, table.isOpen(row) && this.isLive.value ? this.now.value : this.last.value);
  }

  // ---- selection and folding --------------------------------------------------------------------------

  /** Select what the user asks for. */
  select(row: number): void {
    if (row >= 0 && row !== this.selected.peek()) this.host.selectRow?.(row);
    this.show(row);
  }

  private show(row: number): void {
    if (row >= 0) this.picks++;
    if (row < 0 || row === this.selected.peek()) return;
    this.lagging = 0;
    batch(() => {
      this.selected.value = row;
      this.reveal(row);
    });
    this.details.want(row);
    const known = this.details.get(row);
    if (known) this.host.setSelected(known.span.span_id);
    this.saveView();
  }

  /** Select the row that Python names; span ids are not in the columns, so the kernel is asked. */
  async selectSpan(spanId: string | null): Promise<void> {
    const current = this.details.get(this.selected.peek());
    if (spanId === null || current?.span.span_id === spanId || !/^[0-9a-f]+$/i.test(spanId)) return;
    try {
      const { result } = await this.host.rpc<{ rows: number[] }>("find", { query: `span_id == "${spanId}"` });
      const row = result.rows[0];
      if (row !== undefined) this.show(row);
    } catch (error) {
      if (this.closed.peek() === null) this.find.problem.value = { message: (error as Error).message };
    }
  }

  /** Move the selection by lines of the tree as drawn. */
  move(by: number): void {
    const { rows, line } = this.flat.peek();
    const at = line[this.selected.peek()] ?? -1;
    const to = at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by));
    if (rows.length > 0) this.select(rows[to] as number);
  }

  selectLine(line: number): void {
    const { rows } = this.flat.peek();
    const row = rows[line < 0 ? rows.length + line : line];
    if (row !== undefined) this.select(row);
  }

  toggle(row: number, open = this.collapsed.peek().has(row)): void {
    const next = new Set(this.collapsed.peek());
    if (open) next.delete(row);
    else next.add(row);
    this.collapsed.value = next;
    this.saveView();
  }

  setAllOpen(open: boolean): void {
    const tree = this.tree.peek();
    const next = new Set<number>();
    if (!open) for (let row = 0; row < tree.n; row++) if (isParent(tree, row) && (tree.parent[row] as number) >= 0) next.add(row);
    const at = this.selected.peek();
    const top = open ? undefined : ancestors(tree, at).find((row) => next.has(row));
    batch(() => {
      this.collapsed.value = next;
      if (top !== undefined) this.select(top);
    });
    this.saveView();
  }

  /** Right arrow: open, then go in. */
  into(): void {
    const row = this.selected.peek();
    const tree = this.tree.peek();
    if (row < 0 || !isParent(tree, row)) return;
    if (this.collapsed.peek().has(row) && !this.find.found.peek()) this.toggle(row, true);
    else this.move(1);
  }

  /** Left arrow: close, then go to the parent. */
  outOf(): void {
    const row = this.selected.peek();
    const tree = this.tree.peek();
    if (row < 0) return;
    if (isParent(tree, row) && !this.collapsed.peek().has(row) && !this.find.found.peek()) this.toggle(row, false);
    else if ((tree.parent[row] as number) >= 0) this.select(tree.parent[row] as number);
  }

  nextError(by: 1 | -1 = 1): void {
    const table = this.table.peek();
    if (table) this.nextWhere((row) => table.hasError(row), by);
  }

  nextMatch(by: 1 | -1 = 1): void {
    const keep = this.keep.peek();
    if (keep) this.nextWhere((row) => keep[row] === MATCH, by);
  }

  /** Select the next row for which `holds`, in tree order with everything open, around the end. */
  private nextWhere(holds: (row: number) => boolean, by: 1 | -1): void {
    const { rows, line } = flatten(this.tree.peek(), new Set());
    const from = line[this.selected.peek()] ?? -1;
    const start = from < 0 ? (by > 0 ? -1 : 0) : from;
    for (let step = 1; step <= rows.length; step++) {
      const row = rows[(((start + by * step) % rows.length) + rows.length) % rows.length] as number;
      if (holds(row)) return this.select(row);
    }
  }

  private reveal(row: number): void {
    const hidden = ancestors(this.tree.peek(), row).filter((up) => this.collapsed.peek().has(up));
    if (hidden.length > 0) this.collapsed.value = new Set([...this.collapsed.peek()].filter((each) => !hidden.includes(each)));
    if (this.keep.peek() && this.keep.peek()?.[row] === 0) this.find.clear();
  }

  // ---- payloads and view state ------------------------------------------------------------------------

  /** The next slice of a long string, and where to go on, or null when that was the last. */
  async more(row: number, long: Long, offset: number): Promise<Slice> {
    const { result } = await this.host.rpc<Slice>("more", {
      row,
      field: long.field,
      path: long.path,
      offset,
    });
    return result;
  }

  /** A value as text with nothing cut: texts as they are, everything else as JSON. */
  async fullText(row: number, value: unknown): Promise<string> {
    const whole = await this.whole(row, value as Json);
    return typeof whole === "string" ? whole : jsonText(whole, 2);
  }

  /** A value with all slices of the long texts in it. */
  whole(row: number, value: Json): Promise<Json> {
    return wholeValue(value, (long, offset) => this.more(row, long, offset));
  }

  /** The markdown lexer; null, and asked for, as long as it is not here. Without it text stays plain. */
  lexer(): Lex | null {
    return this.host.lex ?? this.lex.get();
  }

  /** The parts that are loaded on first use; null, and asked for, as long as they are not here. */
  parts(): More | null {
    return this.host.more ?? this.loadedParts.get();
  }

  /** Do something with the parts that are loaded on first use, as soon as they are here. */
  withParts(run: (more: More) => void): void {
    if (this.host.more) run(this.host.more);
    else this.loadedParts.with(run);
  }

  private async loadParts(): Promise<More> {
    const module = await loadModule<MoreModule>(this.host.rpc, "more.js", MORE_SHA256);
    const { more, css } = module.default(this.lends);
    this.moreCss.value = css;
    return more;
  }

  /** Go to the next span by its own time or cost, unless another was selected while that was being loaded. */
  jump(measure: "time" | "cost", by: 1 | -1 = 1): void {
    const from = this.picks;
    this.withParts((more) => {
      if (this.picks === from) more.nextBy(this, measure, by);
    });
  }

  /** What a view or a pane remembers of how it was left; small, saved with the notebook's widget state. */
  remembered(name: string): Json | undefined {
    return this.memory[name];
  }

  remember(name: string, value: Json | undefined): void {
    if (value === undefined) delete this.memory[name];
    else this.memory[name] = value;
    this.saveView();
  }

  detail(): Detail | null {
    this.details.version.value;
    return this.details.get(this.selected.value);
  }

  setView(view: View): void {
    this.view.value = view;
    this.saveView();
  }

  setTab(tab: string): void {
    this.tab.value = tab;
    this.saveView();
  }

  setPlain(plain: boolean): void {
    this.plain.value = plain;
    this.saveView();
  }

  setHeight(px: number): void {
    this.height.value = Math.round(Math.min(1600, Math.max(160, px)));
    this.saveView();
  }

  setSplit(percent: number): void {
    this.split.value = Math.round(Math.min(80, Math.max(25, percent)) * 10) / 10;
    this.saveView();
  }

  private viewState(): ViewState {
    const state: ViewState = { row: this.selected.peek(), view: this.view.peek(), split: this.split.peek() };
    const tab = this.tab.peek();
    if (tab !== null) state.tab = tab;
    if (this.plain.peek()) state.plain = true;
    if (Object.keys(this.memory).length > 0) state.memory = { ...this.memory };
    if (this.height.peek() > 0) state.height = this.height.peek();
    if (this.collapsed.peek().size > 0) state.collapsed = [...this.collapsed.peek()].slice(0, 500);
    return state;
  }
}
