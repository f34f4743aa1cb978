/** Which spans took most time or money of their own: what is left when that of their children is taken off. */

import { childrenOf, type Tree } from "./tree.ts";

export type Measure = "time" | "cost";

/** The part of SpanTable that is measured; times in ms from the trace's start. */
export interface Measured {
  start(row: number): number;
  end(row: number): number;
  cost(row: number): number;
}

/** Time of a row in which none of its children ran: children that run in parallel are taken off once. */
export function ownTime(of: Measured, tree: Tree, row: number): number {
  const last = of.end(row);
  let at = of.start(row);
  let own = 0;
  for (const child of childrenOf(tree, row)) {
    const from = Math.min(of.start(child), last);
    if (from > at) own += from - at;
    at = Math.max(at, of.end(child));
  }
  return own + Math.max(0, last - at);
}

/** Cost of a row without what its children say they cost; never below 0. */
export function ownCost(of: Measured, tree: Tree, row: number): number {
  const own = of.cost(row);
  if (!(own > 0)) return 0;
  let below = 0;
  for (const child of childrenOf(tree, row)) below += Math.max(0, of.cost(child) || 0);
  return Math.max(0, own - below);
}

export interface Ranked {
  row: number;
  own: number;
}

/** Rows with something of their own, the largest first, at most `most`; equal ones in order of their rows. */
export function ranking(of: Measured, tree: Tree, measure: Measure, most = 200): Ranked[] {
  const own = measure === "time" ? ownTime : ownCost;
  const ranked: Ranked[] = [];
  for (let row = 0; row < tree.n; row++) {
    const value = own(of, tree, row);
    if (value > 0) ranked.push({ row, own: value });
  }
  return ranked.sort((a, b) => b.own - a.own || a.row - b.row).slice(0, most);
}
