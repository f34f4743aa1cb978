/**
 * Spans packed into the lanes of a timeline, without DOM. What a span did stands below it; what ran one after the
 * other shares a lane, what ran in parallel has lanes of its own. So depth is nesting, and width is time, always.
 */

import { childrenOf, flatten, type Tree } from "./tree.ts";

export interface Lanes {
  /** Lane of each row, from 0. */
  lane: Int32Array;
  count: number;
  /** Rows of lane l by start, none of them overlapping: `rows[offset[l]] .. rows[offset[l + 1]]`. */
  offset: Int32Array;
  rows: Int32Array;
}

/** Lanes by the time they become free; gives the first free one, in log time however many there are. */
class FreeLanes {
  private readonly size: number;
  private readonly free: Float64Array;

  constructor(most: number) {
    this.size = 2 ** Math.ceil(Math.log2(Math.max(1, most)));
    this.free = new Float64Array(2 * this.size).fill(-Infinity);
  }

  take(from: number, until: number): number {
    const { free, size } = this;
    let at = 1;
    while (at < size) at = (free[2 * at] as number) <= from ? 2 * at : 2 * at + 1;
    free[at] = until;
    for (let up = at >> 1; up > 0; up >>= 1) free[up] = Math.min(free[2 * up] as number, free[2 * up + 1] as number);
    return at - size;
  }
}

/** Durations come as 32-bit floats, so what follows directly may seem to begin before the end. */
export const slack = (from: number, to: number): number => 1e-3 + (to === Infinity ? 0 : (to - from) * 2e-7);

/** `end` is Infinity for what still runs, so that nothing comes to stand behind it. */
export function packLanes(tree: Tree, start: ArrayLike<number>, end: (row: number) => number): Lanes {
  const { n } = tree;
  const { rows: order } = flatten(tree, new Set());
  const from = new Float64Array(n);
  const until = new Float64Array(n); // with all that is below
  const height = new Int32Array(n).fill(1);
  const below = new Int32Array(n); // lanes between a row and its parent
  const place = (group: Int32Array): number => {
    const lanes = new FreeLanes(group.length);
    const track = new Int32Array(group.length);
    const tall: number[] = [];
    for (let i = 0; i < group.length; i++) {
      const row = group[i] as number;
      const [a, b] = [from[row] as number, until[row] as number];
      const at = (track[i] = lanes.take(a, Math.max(b - slack(a, b), a + 1e-6)));
      tall[at] = Math.max(tall[at] ?? 0, height[row] as number);
    }
    const offset = [0];
    for (const each of tall) offset.push((offset.at(-1) as number) + each);
    for (let i = 0; i < group.length; i++) below[group[i] as number] = offset[track[i] as number] as number;
    return offset.at(-1) as number;
  };
  for (let i = order.length - 1; i >= 0; i--) {
    const row = order[i] as number;
    const children = childrenOf(tree, row);
    from[row] = start[row] as number;
    until[row] = Math.max(end(row), from[row] as number);
    for (const child of children) {
      from[row] = Math.min(from[row] as number, from[child] as number);
      until[row] = Math.max(until[row] as number, until[child] as number);
    }
    if (children.length > 0) height[row] = 1 + place(children);
  }
  const count = place(tree.roots);
  const lane = new Int32Array(n);
  for (const row of order) {
    const parent = tree.parent[row] as number;
    lane[row] = (parent < 0 ? 0 : (lane[parent] as number) + 1) + (below[row] as number);
  }
  return { lane, count, ...byLane(lane, count, start) };
}

function byLane(lane: Int32Array, count: number, start: ArrayLike<number>): Pick<Lanes, "offset" | "rows"> {
  const offset = new Int32Array(count + 1);
  for (const each of lane) offset[each + 1] = (offset[each + 1] as number) + 1;
  for (let i = 0; i < count; i++) offset[i + 1] = (offset[i + 1] as number) + (offset[i] as number);
  const next = offset.slice();
  const rows = new Int32Array(lane.length);
  for (let row = 0; row < lane.length; row++) {
    const at = lane[row] as number;
    rows[(next[at] = (next[at] as number) + 1) - 1] = row;
  }
  for (let i = 0; i < count; i++) rows.subarray(offset[i], offset[i + 1]).sort((a, b) => (start[a] as number) - (start[b] as number) || a - b);
  return { offset, rows };
}

/** Place in `rows` of the last span of a lane that starts at or before a moment; one before the lane's first if none. */
export function lastBefore(lanes: Lanes, lane: number, start: ArrayLike<number>, moment: number): number {
  let low = lanes.offset[lane] as number;
  let high = lanes.offset[lane + 1] as number;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((start[lanes.rows[middle] as number] as number) <= moment) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
