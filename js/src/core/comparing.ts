/** The state of a view of two compared traces, without DOM: what is chosen, folded, fetched, and how it was left. */

import { computed, signal } from "@preact/signals";
import { ComparisonTable, type ComparisonMeta, type PairDetail, type Side } from "./comparison.ts";
import { Details } from "./details.ts";
import { debounce, type Host, type Reply } from "./rpc.ts";
import { ancestors, buildTree, flatten, isParent, keepMatches, type Flat, type Tree } from "./tree.ts";
import type { Json } from "./types.ts";
import { wholeValue, type Slice } from "./whole.ts";

/** How a view was left; saved with the notebook's widget state. */
export interface CompareView {
  row?: number;
  changes?: boolean;
  beside?: boolean;
  collapsed?: number[];
  height?: number;
  split?: number;
}

/** Where the view gets its data from and leaves its state. */
export interface CompareHost {
  load(): Promise<{ meta: ComparisonMeta; data: DataView }>;
  rpc<T>(method: string, params?: object): Promise<Reply<T>>;
  onClose: Host["onClose"];
  getView(): CompareView;
  setView(view: CompareView): void;
  setSelected(row: number): void;
  /** Python chose a row, or had chosen one before. */
  onSelected?(callback: (row: number) => void): () => void;
  height?: number;
}

const MOST_COLLAPSED = 2000;
const NO_TREE = buildTree({ parent: [], start: [] }, 0);

export class Comparing {
  readonly table = signal<ComparisonTable | null>(null);
  readonly problem = signal<string | null>(null);
  readonly closed = signal<string | null>(null);
  readonly selected = signal(-1);
  readonly collapsed = signal<ReadonlySet<number>>(new Set());
  readonly onlyChanges = signal(false);
  readonly isBeside = signal(false);
  readonly showKeys = signal(false);
  readonly split = signal(54);
  readonly height = signal(0);
  readonly changed = computed<number[]>(() => this.table.value?.changedRows() ?? []);
  readonly tree = computed<Tree>(() => {
    const table = this.table.value;
    return table ? buildTree({ parent: table.data.parent, start: table.data.parent.map((_, row) => row) }, table.n) : NO_TREE;
  });
  readonly flat = computed<Flat>(() => {
    const tree = this.tree.value;
    return flatten(tree, this.collapsed.value, this.onlyChanges.value ? keepMatches(tree, this.changed.value) : undefined);
  });
  readonly details: Details<PairDetail>;
  private readonly stops: (() => void)[] = [];
  private readonly save = debounce(() => this.host.setView(this.view()), 400);

  constructor(private readonly host: CompareHost) {
    this.details = new Details<PairDetail>(host, () => undefined);
    const { row, changes, beside, collapsed, height, split } = host.getView();
    this.selected.value = row ?? -1;
    this.onlyChanges.value = changes === true;
    this.isBeside.value = beside === true;
    this.collapsed.value = new Set(collapsed);
    this.split.value = split ?? 54;
    this.height.value = height ?? host.height ?? 0;
    this.stops.push(host.onClose((reason) => (this.closed.value = reason)));
  }

  async start(): Promise<void> {
    try {
      const { meta, data } = await this.host.load();
      this.table.value = await ComparisonTable.decode(meta, data);
    } catch (error) {
      this.problem.value = (error as Error).message;
      return;
    }
    const table = this.table.value;
    const known = this.selected.peek();
    if (table.n > 0) this.select(known >= 0 && known < table.n ? known : (this.changed.peek()[0] ?? 0));
    const stop = this.host.onSelected?.((row) => row !== this.selected.peek() && this.reveal(row));
    if (stop) this.stops.push(stop);
  }

  dispose(): void {
    this.save.flush();
    for (const stop of this.stops) stop();
  }

  select(row: number): void {
    if (row < 0 || row >= (this.table.peek()?.n ?? 0)) return;
    this.selected.value = row;
    this.details.want(row);
    this.host.setSelected(row);
    this.save();
  }

  /** Choose a row and open what is above it. */
  reveal(row: number): void {
    const closed = new Set(this.collapsed.peek());
    for (const above of ancestors(this.tree.peek(), row)) closed.delete(above);
    this.collapsed.value = closed;
    if ((this.flat.peek().line[row] ?? -1) < 0) this.setOnlyChanges(false);
    this.select(row);
  }

  selectLine(line: number): void {
    this.select(this.flat.peek().rows.at(line) ?? -1);
  }

  move(by: number): void {
    const { rows, line } = this.flat.peek();
    const at = line[this.selected.peek()] ?? -1;
    this.selectLine(Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + by)));
  }

  nextChange(by: 1 | -1): void {
    const rows = this.changed.peek();
    const from = this.selected.peek();
    const next = by > 0 ? (rows.find((row) => row > from) ?? rows[0]) : (rows.findLast((row) => row < from) ?? rows.at(-1));
    if (next !== undefined) this.reveal(next);
  }

  isOpen(row: number): boolean {
    return this.onlyChanges.value || !this.collapsed.value.has(row);
  }

  toggle(row: number): void {
    if (this.onlyChanges.peek() || !isParent(this.tree.peek(), row)) return;
    const closed = new Set(this.collapsed.peek());
    if (!closed.delete(row)) closed.add(row);
    this.collapsed.value = closed;
    if ((this.flat.peek().line[this.selected.peek()] ?? -1) < 0) this.select(row);
    this.save();
  }

  into(): void {
    const row = this.selected.peek();
    if (!isParent(this.tree.peek(), row)) return;
    if (this.isOpen(row)) this.move(1);
    else this.toggle(row);
  }

  outOf(): void {
    const row = this.selected.peek();
    if (isParent(this.tree.peek(), row) && !this.onlyChanges.peek() && this.isOpen(row)) this.toggle(row);
    else this.select(this.tree.peek().parent[row] ?? -1);
  }

  setAllOpen(isOpen: boolean): void {
    const tree = this.tree.peek();
    const parents = Array.from({ length: tree.n }, (_, row) => row).filter((row) => isParent(tree, row) && (tree.parent[row] as number) >= 0);
    this.collapsed.value = new Set(isOpen ? [] : parents);
    if ((this.flat.peek().line[this.selected.peek()] ?? -1) < 0) this.selectLine(0);
    this.save();
  }

  setOnlyChanges(on: boolean): void {
    this.onlyChanges.value = on;
    if ((this.flat.peek().line[this.selected.peek()] ?? -1) < 0) this.selectLine(0);
    this.save();
  }

  setBeside(on: boolean): void {
    this.isBeside.value = on;
    this.save();
  }

  setSplit(percent: number): void {
    this.split.value = Math.max(25, Math.min(75, percent));
    this.save();
  }

  setHeight(px: number): void {
    this.height.value = Math.max(160, Math.min(1600, px));
    this.save();
  }

  /** A value with every text that was cut fetched whole. */
  whole(row: number, side: Side, value: Json): Promise<Json> {
    return wholeValue(value, async ({ field, path }, offset) => (await this.host.rpc<Slice>("more", { row, side, field, path, offset })).result);
  }

  private view(): CompareView {
    return {
      row: this.selected.peek(),
      changes: this.onlyChanges.peek(),
      beside: this.isBeside.peek(),
      collapsed: [...this.collapsed.peek()].slice(0, MOST_COLLAPSED),
      height: this.height.peek(),
      split: this.split.peek(),
    };
  }
}
