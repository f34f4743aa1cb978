/** What a person does in an explorer beside reading: jump by time or cost, say something of a span, stop it. */

import { batch } from "@preact/signals";
import type { Explorer } from "./explorer.ts";
import { formatDuration, formatMoney, ordinal } from "./format.ts";
import { ranking, type Measure, type Ranked } from "./rank.ts";
import { ClosedError, whenSlow } from "./rpc.ts";
import type { Score } from "./types.ts";

export type FormName = "score" | "correct";

export interface NewScore {
  name: string;
  value: number | string | boolean;
  comment?: string;
}

/** What came of a request about a row. */
export interface Said {
  row: number;
  text: string;
  isError?: boolean;
}

export interface Jump {
  row: number;
  by: Measure;
  /** What the row has of its own, and its place. */
  own: string;
  place: string;
}

/** Name of the score that the thumbs give. */
export const THUMBS = "thumbs_up";
export const CORRECTED = "corrected_output";

/** An id of ours for something that is sent: the kernel keeps it once, however often it is sent. */
export const newClientId = (): string => Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");

/** What a person said last of a span under this name. */
export function lastSaid(scores: readonly Score[] | undefined, name: string): Score | undefined {
  return scores?.findLast((score) => score.name === name && score.source === "human");
}

/** Select the span with most time or cost of its own; again, the next one; `step` -1 goes back. */
export function nextBy(x: Explorer, by: Measure, step: 1 | -1 = 1): void {
  const table = x.table.peek();
  if (!table) return;
  const { start, cost } = table.c;
  const measured = { start: (row: number) => start[row] as number, end: (row: number) => x.rowEnd(table, row), cost: (row: number) => cost[row] as number };
  const ranked = ranking(measured, x.tree.peek(), by);
  if (ranked.length === 0) return;
  const last = x.jumped.peek();
  const goesOn = last !== null && last.by === by && last.row === x.selected.peek();
  const at = goesOn ? ranked.findIndex(({ row }) => row === last.row) : -1;
  const place = at >= 0 ? (at + step + ranked.length) % ranked.length : step > 0 ? 0 : ranked.length - 1;
  const to = ranked[place] as Ranked;
  x.select(to.row);
  const [own, most] = by === "time" ? [formatDuration(to.own), "slowest"] : [formatMoney(to.own), "dearest"];
  x.jumped.value = { row: to.row, by, own, place: place === 0 ? most : `${ordinal(place + 1)} ${most}` };
}

/** Keep a score of a row; resolves to whether it was kept. Sent again with the same id, it is kept once. */
export async function giveScore(x: Explorer, row: number, score: NewScore, clientId: string): Promise<boolean> {
  const reply = await ask<{ scores: Score[]; is_readable: boolean }>(x, row, "score", { ...score, client_id: clientId });
  if (!reply) return false;
  batch(() => {
    x.details.setScores(row, reply.scores);
    x.said.value = { row, text: reply.is_readable ? `saved ${score.name}` : "saved; it is shown when the store is free" };
  });
  return true;
}

export async function stop(x: Explorer, row: number): Promise<void> {
  const reply = await ask<{ task: string }>(x, row, "cancel", {});
  if (reply) x.said.value = { row, text: `told ${reply.task} to stop` };
}

/** One request at a time; what goes wrong is said beside the buttons. */
async function ask<T>(x: Explorer, row: number, method: string, params: object): Promise<T | null> {
  if (x.isActing.peek()) return null;
  batch(() => {
    x.isActing.value = true;
    x.said.value = null;
  });
  const request = x.host.rpc<T>(method, { row, ...params });
  whenSlow(request, () => (x.said.value = { row, text: "Kernel busy, will be done when it answers" }));
  try {
    return (await request).result;
  } catch (error) {
    const text = error instanceof ClosedError ? "No kernel: it was not done. Re-run this cell." : (error as Error).message;
    x.said.value = { row, text, isError: true };
    return null;
  } finally {
    x.isActing.value = false;
  }
}
