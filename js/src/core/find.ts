/** What is looked for in a trace: the filter or words, the rows that match, and what is wrong with them. No DOM. */

import { batch, signal, type ReadonlySignal } from "@preact/signals";
import { debounce, whenSlow, type Host } from "./rpc.ts";
import type { Completion, FilterProblem } from "./types.ts";

export interface Found {
  query: string;
  rows: number[];
}

export class Find {
  readonly query = signal("");
  readonly found = signal<Found | null>(null);
  readonly problem = signal<FilterProblem | null>(null);
  readonly isSlow = signal(false);

  private readonly typed = debounce(() => void this.search(this.query.peek()), 160);
  private readonly later = debounce(() => void this.search(this.query.peek()), 1000);
  private searches = 0;

  constructor(
    private readonly rpc: Host["rpc"],
    private readonly closed: ReadonlySignal<string | null>,
  ) {}

  /** The text is being written: look for it when the writer pauses. */
  type(query: string): void {
    if (query.trim() === "") return this.clear();
    this.query.value = query;
    this.typed();
  }

  async search(query: string): Promise<void> {
    this.typed.cancel();
    this.query.value = query;
    const ticket = ++this.searches;
    if (query.trim() === "") return this.clear();
    const request = this.rpc<{ rows: number[]; error?: FilterProblem }>("find", { query });
    whenSlow(request, () => (this.isSlow.value = ticket === this.searches));
    try {
      const { result } = await request;
      if (ticket !== this.searches) return;
      batch(() => {
        this.problem.value = result.error ?? null;
        if (!result.error) this.found.value = { query, rows: result.rows };
        this.isSlow.value = false;
      });
    } catch (error) {
      if (ticket !== this.searches) return;
      this.isSlow.value = false;
      this.problem.value = { message: this.closed.peek() === null ? (error as Error).message : "No kernel. Re-run this cell to search." };
    }
  }

  /** Rows came or changed: look for the same again soon. */
  again(): void {
    if (this.query.peek().trim() !== "") this.later();
  }

  /** Show these rows as what was looked for. */
  show(query: string, rows: number[]): void {
    this.typed.cancel();
    this.query.value = query;
    this.found.value = { query, rows };
  }

  /** What may stand at a place of the filter being written; nothing where there is no kernel to say so. */
  async complete(query: string, at: number): Promise<Completion[]> {
    const { result } = await this.rpc<{ items: Completion[] }>("complete", { query, at });
    return result.items;
  }

  clear(): void {
    this.typed.cancel();
    this.searches++;
    batch(() => {
      this.query.value = "";
      this.found.value = null;
      this.problem.value = null;
      this.isSlow.value = false;
    });
  }
}
