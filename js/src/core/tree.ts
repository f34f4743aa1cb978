/** Rows to tree to visible lines, without DOM. All passes are linear; only groups out of order are sorted. */

export interface Tree {
  n: number;
  roots: Int32Array;
  /** Children of row r: `children[offset[r]] .. children[offset[r + 1]]`, by start, then index. */
  offset: Int32Array;
  children: Int32Array;
  /** Parent of each row after cycles were cut and strangers made roots; -1 for a root. */
  parent: Int32Array;
  /** Place among its siblings, from 0. */
  place: Int32Array;
  /** Rows below each row. */
  below: Uint32Array;
}

interface TreeColumns {
  parent: ArrayLike<number>;
  start: ArrayLike<number>;
}

/** Cut each cycle at its first row, which becomes a root; whoever hangs off the cycle keeps its parent. */
function cutCycles(parent: Int32Array): void {
  const seen = new Int32Array(parent.length); // 0 = new, otherwise the walk that first came by, from 1
  for (let start = 0; start < parent.length; start++) {
    let row = start;
    while (row >= 0 && seen[row] === 0) {
      seen[row] = start + 1;
      row = parent[row] as number;
    }
    if (row < 0 || seen[row] !== start + 1) continue;
    let first = row;
    for (let on = parent[row] as number; on !== row; on = parent[on] as number) first = Math.min(first, on);
    parent[first] = -1;
  }
}

function sortGroup(group: Int32Array, start: ArrayLike<number>): void {
  for (let i = 1; i < group.length; i++) {
    if ((start[group[i] as number] as number) < (start[group[i - 1] as number] as number)) {
      group.sort((a, b) => (start[a] as number) - (start[b] as number) || a - b);
      return;
    }
  }
}

export function buildTree(columns: TreeColumns, n: number): Tree {
  const parent = new Int32Array(n);
  for (let row = 0; row < n; row++) {
    const up = columns.parent[row] as number;
    parent[row] = up >= 0 && up < n && up !== row ? up : -1;
  }
  cutCycles(parent);
  const offset = new Int32Array(n + 1);
  let nRoots = 0;
  for (let row = 0; row < n; row++) {
    const up = parent[row] as number;
    if (up < 0) nRoots++;
    else offset[up + 1] = (offset[up + 1] as number) + 1;
  }
  for (let row = 0; row < n; row++) offset[row + 1] = (offset[row + 1] as number) + (offset[row] as number);
  const roots = new Int32Array(nRoots);
  const children = new Int32Array(n - nRoots);
  const next = offset.slice();
  let root = 0;
  for (let row = 0; row < n; row++) {
    const up = parent[row] as number;
    if (up < 0) roots[root++] = row;
    else children[(next[up] = (next[up] as number) + 1) - 1] = row;
  }
  const place = new Int32Array(n);
  const settle = (group: Int32Array): void => {
    sortGroup(group, columns.start);
    for (let i = 0; i < group.length; i++) place[group[i] as number] = i;
  };
  settle(roots);
  for (let row = 0; row < n; row++) {
    if ((offset[row] as number) < (offset[row + 1] as number)) settle(children.subarray(offset[row], offset[row + 1]));
  }
  const tree: Tree = { n, roots, offset, children, parent, place, below: new Uint32Array(0) };
  tree.below = sumBelow(tree, () => 1);
  return tree;
}

/** For each row the sum of `value` over all rows below it. */
export function sumBelow(tree: Tree, value: (row: number) => number): Uint32Array {
  const { rows } = flatten(tree, new Set());
  const sums = new Uint32Array(tree.n);
  for (let i = rows.length - 1; i >= 0; i--) {
    const row = rows[i] as number;
    const up = tree.parent[row] as number;
    if (up >= 0) sums[up] = (sums[up] as number) + (sums[row] as number) + value(row);
  }
  return sums;
}

export function childrenOf(tree: Tree, row: number): Int32Array {
  return tree.children.subarray(tree.offset[row], tree.offset[row + 1]);
}

export function isParent(tree: Tree, row: number): boolean {
  return (tree.offset[row] as number) < (tree.offset[row + 1] as number);
}

/** How many siblings a row has, itself included. */
export function groupSize(tree: Tree, row: number): number {
  const up = tree.parent[row] as number;
  return up < 0 ? tree.roots.length : (tree.offset[up + 1] as number) - (tree.offset[up] as number);
}

export interface Flat {
  /** Rows in the order drawn. */
  rows: Int32Array;
  depth: Int32Array;
  /** Line of each row, -1 when it is not drawn. */
  line: Int32Array;
}

/** The lines to draw: depth first, skipping what is below `collapsed` rows, and rows that `keep` has at 0. */
export function flatten(tree: Tree, collapsed: ReadonlySet<number>, keep?: Uint8Array): Flat {
  const rows = new Int32Array(tree.n);
  const depth = new Int32Array(tree.n);
  const line = new Int32Array(tree.n).fill(-1);
  const stack = new Int32Array(tree.n);
  const level = new Int32Array(tree.n);
  let top = 0;
  let count = 0;
  const pushAll = (group: Int32Array, at: number): void => {
    for (let i = group.length - 1; i >= 0; i--) {
      const row = group[i] as number;
      if (keep && keep[row] === 0) continue;
      stack[top] = row;
      level[top++] = at;
    }
  };
  pushAll(tree.roots, 0);
  while (top > 0) {
    const row = stack[--top] as number;
    const at = level[top] as number;
    line[row] = count;
    rows[count] = row;
    depth[count++] = at;
    if (isParent(tree, row) && (keep || !collapsed.has(row))) pushAll(childrenOf(tree, row), at + 1);
  }
  return { rows: rows.subarray(0, count), depth: depth.subarray(0, count), line };
}

export const ANCESTOR = 1;
export const MATCH = 2;

/** Mark rows found and the way to them: MATCH, ANCESTOR, or 0 for the rest. */
export function keepMatches(tree: Tree, found: Iterable<number>): Uint8Array {
  const keep = new Uint8Array(tree.n);
  for (const row of found) {
    if (row < 0 || row >= tree.n) continue;
    keep[row] = MATCH;
    for (let up = tree.parent[row] as number; up >= 0 && keep[up] === 0; up = tree.parent[up] as number) keep[up] = ANCESTOR;
  }
  return keep;
}

/** Rows from the root down to, and without, `row`. */
export function ancestors(tree: Tree, row: number): number[] {
  const path: number[] = [];
  for (let up = tree.parent[row] ?? -1; up >= 0; up = tree.parent[up] as number) path.unshift(up);
  return path;
}

/** First and one-past-last line to draw for a scroll position, with some to spare above and below: each costs its share of a frame. */
export function visibleLines(scrollTop: number, height: number, rowHeight: number, count: number, [above, below] = [3, 3]): [number, number] {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - (above as number));
  return [Math.min(first, count), Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + (below as number))];
}
