/**
 * The details of spans, asked for one at a time: while a request is under way only the row wanted last is
 * remembered, so that holding an arrow key, or a kernel that is busy, never queues up requests.
 */

import { signal } from "@preact/signals";
import { ClosedError, whenSlow, type Host } from "./rpc.ts";
import type { Detail } from "./types.ts";

const KEEP = 60;

interface Entry<T> {
  detail: T;
  at: number;
  fresh: boolean;
}

export class Details<T = Detail> {
  /** Bumped whenever what `get` returns may have changed. */
  readonly version = signal(0);
  readonly isSlow = signal(false);
  readonly failed = signal<{ row: number; message: string } | null>(null);
  private readonly entries = new Map<number, Entry<T>>();
  private wanted = -1;
  private asking = -1;

  constructor(
    private readonly host: Pick<Host, "rpc">,
    private readonly arrived: (row: number, detail: T) => void,
  ) {}

  get(row: number): T | null {
    return this.entries.get(row)?.detail ?? null;
  }

  /** Make sure the detail of `row` is there or on its way. */
  want(row: number): void {
    this.wanted = row;
    this.failed.value = null;
    void this.work();
  }

  /** Say that a row changed; while it is open, what was asked for a moment ago is good enough. */
  touch(row: number, isOpen: boolean): boolean {
    const entry = this.entries.get(row);
    if (!entry || (isOpen && Date.now() - entry.at < 2000)) return false;
    entry.fresh = false;
    return true;
  }

  /** Put in what was said of a row just now. */
  setScores(row: number, scores: Detail["scores"]): void {
    const entry = this.entries.get(row);
    if (entry) entry.detail = { ...entry.detail, scores };
    this.version.value++;
  }

  clear(): void {
    this.entries.clear();
    this.version.value++;
  }

  private async work(): Promise<void> {
    while (this.asking < 0 && this.wanted >= 0 && !this.entries.get(this.wanted)?.fresh) {
      const row = this.wanted;
      this.asking = row;
      const request = this.host.rpc<T>("detail", { row });
      whenSlow(request, () => (this.isSlow.value = true));
      try {
        const { result } = await request;
        this.keep(row, result);
        this.arrived(row, result);
      } catch (error) {
        if (row === this.wanted) {
          this.wanted = -1;
          if (!(error instanceof ClosedError)) this.failed.value = { row, message: (error as Error).message };
        }
      } finally {
        this.asking = -1;
        this.isSlow.value = false;
      }
    }
  }

  private keep(row: number, detail: T): void {
    this.entries.delete(row);
    this.entries.set(row, { detail, at: Date.now(), fresh: true });
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= KEEP) break;
      if (oldest !== this.wanted) this.entries.delete(oldest);
    }
    this.version.value++;
  }
}
