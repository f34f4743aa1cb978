/** The critical path of a trace: what it was waiting for at each moment, walking back from its end. No DOM. */

import { slack } from "./lanes.ts";
import { childrenOf, flatten, type Tree } from "./tree.ts";

/** A stretch of time in which nothing but this span held the trace up; `row` itself, not what is below it. */
export interface Stretch {
  row: number;
  from: number;
  to: number;
}

interface Frame {
  row: number;
  /** Children by end, the last one first, cut off where the span itself begins and ends. */
  children: Stretch[];
  at: number;
  /** How far back we have come. */
  moment: number;
  begin: number;
}

/**
 * Stretches in order of time; together they last as long as the trace, but for gaps between roots.
 *
 * From the end of a span we go to the child that ended last, from its start to the one that had ended last by
 * then, and so on to the span's own start; what lies between them is the span's own time. Children that ran
 * beside one on the path could have taken longer without harm, so they are not on it. What outlives all that
 * it is below goes on from there as if it were a root.
 */
export function criticalPath(tree: Tree, start: ArrayLike<number>, end: (row: number) => number): Stretch[] {
  const path: Stretch[] = [];
  const enter = (row: number, group: Int32Array, begin: number, until: number, children: Stretch[] = []): Frame => {
    for (const child of group) {
      const from = Math.max(start[child] as number, begin);
      const to = Math.min(end(child), until);
      if (to > from) children.push({ row: child, from, to });
    }
    children.sort((a, b) => b.to - a.to || b.from - a.from || b.row - a.row);
    return { row, children, at: 0, moment: until, begin };
  };
  const own = (frame: Frame, from: number): void => {
    if (frame.row >= 0 && from < frame.moment) path.push({ row: frame.row, from, to: frame.moment });
    frame.moment = Math.min(frame.moment, from);
  };
  const stack = [enter(-1, tree.roots, -Infinity, Infinity, outliving(tree, start, end))];
  for (let frame = stack[0]; frame; frame = stack.at(-1)) {
    const child = frame.children[frame.at++];
    if (!child) {
      own(frame, frame.begin);
      stack.pop();
    } else if (child.to <= frame.moment + slack(child.from, child.to) && child.from < frame.moment) {
      const to = Math.min(child.to, frame.moment);
      own(frame, to);
      frame.moment = child.from;
      stack.push(enter(child.row, childrenOf(tree, child.row), child.from, to));
    }
  }
  return path.reverse();
}

/** What is left of spans when all that they are below has ended. */
function outliving(tree: Tree, start: ArrayLike<number>, end: (row: number) => number): Stretch[] {
  const found: Stretch[] = [];
  const reached = new Float64Array(tree.n); // the last end of a row and of those above it
  for (const row of flatten(tree, new Set()).rows) {
    const up = tree.parent[row] as number;
    const to = end(row);
    const before = up < 0 ? to : (reached[up] as number);
    if (to > before + slack(start[row] as number, to)) found.push({ row, from: Math.max(start[row] as number, before), to });
    reached[row] = Math.max(before, to);
  }
  return found;
}

export interface Share {
  /** The span of the group that is on the path for longest. */
  row: number;
  count: number;
  ms: number;
}

/** How long spans are on the path by themselves, put together by what `group` gives; the longest first. */
export function shares(path: readonly Stretch[], group: (row: number) => string | number): Share[] {
  const alone = new Map<number, number>();
  for (const { row, from, to } of path) alone.set(row, (alone.get(row) ?? 0) + to - from);
  const found = new Map<string | number, Share & { longest: number }>();
  for (const [row, ms] of alone) {
    const share = found.get(group(row)) ?? { row, count: 0, ms: 0, longest: 0 };
    found.set(group(row), { ...share, count: share.count + 1, ms: share.ms + ms, ...(ms > share.longest ? { row, longest: ms } : {}) });
  }
  return [...found.values()].map(({ row, count, ms }) => ({ row, count, ms })).sort((a, b) => b.ms - a.ms || a.row - b.row);
}
