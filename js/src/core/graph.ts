/**
 * The graph of a trace: its steps put together by name, kind and what called them, what calls what, and what follows
 * what. A step that calls itself again, however far below, is one node; so loops and recursion are cycles. No DOM.
 */

import { slack } from "./lanes.ts";
import { childrenOf, type Tree } from "./tree.ts";

export interface GraphNode {
  name: string;
  kind: string;
  /** Node of what called it first; -1 for a root. */
  parent: number;
  /** Its spans in order of start. */
  rows: number[];
  total_ms: number;
  median_ms: number;
  tokens: number;
  cost: number;
  errors: number;
  running: number;
}

export interface GraphEdge {
  from: number;
  to: number;
  /** Times that it happened. */
  count: number;
  /** "calls": `to` is the first thing that `from` did. "then": `to` started when `from`, beside it, had ended. */
  what: "calls" | "then";
  /** Whether it leads back to where the way came from. */
  isBack: boolean;
}

export interface Graph {
  nodes: GraphNode[];
  edges: GraphEdge[];
  /** Node of each row, -1 when it is not drawn. */
  nodeOf: Int32Array;
  /** Spans that are not drawn since there are too many different ones. */
  left: number;
}

/** The part of a span table that is needed. */
interface Spans {
  c: { start: ArrayLike<number>; name: ArrayLike<number>; tokens: ArrayLike<number>; cost: ArrayLike<number> };
  name(row: number): string;
  kind(row: number): string;
  hasError(row: number): boolean;
  isOpen(row: number): boolean;
  seenTwice(row: number): boolean;
}

/** More nodes are no picture; a trace that has more is read in the tree. */
export const MOST_NODES = 100;

export function graphOf(tree: Tree, spans: Spans, end: (row: number) => number): Graph {
  const nodes: GraphNode[] = [];
  const nodeOf = new Int32Array(tree.n).fill(-1);
  const known = new Map<string, number>();
  const find = (row: number, parent: number): number => {
    const [name, kind] = [spans.name(row), spans.kind(row)];
    const key = `${parent} ${kind} ${spans.c.name[row]}`;
    let found = known.get(key);
    if (found === undefined) {
      found = parent;
      while (found >= 0 && !(nodes[found]?.name === name && nodes[found]?.kind === kind)) found = (nodes[found] as GraphNode).parent;
      if (found < 0) {
        if (nodes.length >= MOST_NODES) return -1;
        found = nodes.push({ name, kind, parent, rows: [], total_ms: 0, median_ms: 0, tokens: 0, cost: Number.NaN, errors: 0, running: 0 }) - 1;
      }
      known.set(key, found);
    }
    return found;
  };
  // By levels, so that what is near the root is drawn first when there is too much.
  const queue = new Int32Array(tree.n);
  queue.set(tree.roots);
  let filled = tree.roots.length;
  for (let i = 0; i < filled; i++) {
    const row = queue[i] as number;
    const parent = tree.parent[row] as number;
    const children = childrenOf(tree, row);
    queue.set(children, filled);
    filled += children.length;
    const above = parent < 0 ? -1 : (nodeOf[parent] as number);
    if (parent >= 0 && above < 0) continue;
    const at = (nodeOf[row] = find(row, above));
    if (at >= 0) nodes[at]?.rows.push(row);
  }
  let drawn = 0;
  for (const node of nodes) {
    drawn += node.rows.length;
    sumUp(node, spans, end);
  }
  const edges = new Map<string, GraphEdge>();
  const add = (what: GraphEdge["what"], from: number, to: number): void => {
    const key = `${from} ${to} ${what}`;
    const edge = edges.get(key);
    if (edge) edge.count++;
    else edges.set(key, { from, to, count: 1, what, isBack: false });
  };
  order(tree.roots, -1, tree, spans, end, nodeOf, add);
  for (let i = 0; i < filled; i++) {
    const row = queue[i] as number;
    if ((nodeOf[row] as number) >= 0) order(childrenOf(tree, row), nodeOf[row] as number, tree, spans, end, nodeOf, add);
  }
  const graph = { nodes, edges: [...edges.values()], nodeOf, left: tree.n - drawn };
  markBack(graph);
  return graph;
}

function sumUp(node: GraphNode, spans: Spans, end: (row: number) => number): void {
  node.rows.sort((a, b) => (spans.c.start[a] as number) - (spans.c.start[b] as number) || a - b);
  const times = node.rows.map((row) => end(row) - (spans.c.start[row] as number)).sort((a, b) => a - b);
  node.total_ms = times.reduce((sum, each) => sum + each, 0);
  const middle = times.length >> 1;
  node.median_ms = times.length % 2 === 1 ? (times[middle] as number) : ((times[middle - 1] as number) + (times[middle] as number)) / 2;
  for (const row of node.rows) {
    if (spans.hasError(row)) node.errors++;
    if (spans.isOpen(row)) node.running++;
    if (spans.seenTwice(row)) continue;
    node.tokens += spans.c.tokens[row] as number;
    const cost = spans.c.cost[row] as number;
    if (cost >= 0) node.cost = (node.cost >= 0 ? node.cost : 0) + cost;
  }
}

/**
 * What follows what among siblings: each span comes after those that had ended when it started, but for those that
 * another of these came after already. What had nothing before it was called by the parent.
 */
function order(
  group: Int32Array,
  parent: number,
  tree: Tree,
  spans: Spans,
  end: (row: number) => number,
  nodeOf: Int32Array,
  add: (what: GraphEdge["what"], from: number, to: number) => void,
): void {
  const { start } = spans.c;
  const byEnd = [...group].sort((a, b) => end(a) - end(b) || (tree.place[a] as number) - (tree.place[b] as number));
  let ended = 0;
  let latest = -Infinity; // start of what started last, of those that have ended
  let before: number[] = [];
  for (const row of group) {
    const from = start[row] as number;
    const had = ended;
    for (let next = byEnd[ended]; next !== undefined && (tree.place[next] as number) < (tree.place[row] as number) && end(next) <= from + slack(start[next] as number, end(next)); next = byEnd[++ended]) {
      latest = Math.max(latest, start[next] as number);
    }
    if (ended > had) {
      const found = new Set<number>();
      for (let i = ended - 1; i >= 0; i--) {
        const each = byEnd[i] as number;
        if (end(each) <= latest + slack(0, end(each)) && start[each] !== latest) {
          if (end(each) < latest) break;
          continue;
        }
        found.add(nodeOf[each] as number);
      }
      found.delete(-1);
      before = [...found].sort((a, b) => a - b);
    }
    const to = nodeOf[row] as number;
    if (to < 0) continue;
    if (ended === 0 && parent >= 0) add("calls", parent, to);
    for (const each of before) add("then", each, to);
  }
}

/** Mark the edges that close a cycle, on walks from the first nodes on. */
function markBack({ nodes, edges }: Graph): void {
  const out = nodes.map((_, at) => edges.filter((edge) => edge.from === at));
  const state = new Uint8Array(nodes.length); // 1 on the way, 2 done
  const walk = (at: number): void => {
    state[at] = 1;
    for (const edge of out[at] as GraphEdge[]) {
      if (state[edge.to] === 1) edge.isBack = true;
      else if (state[edge.to] === 0) walk(edge.to);
    }
    state[at] = 2;
  };
  for (let at = 0; at < nodes.length; at++) if (state[at] === 0) walk(at);
}
