/** Which tool spans of the tree carried out the tool calls that a model asked for. */

import type { SpanTable } from "./columns.ts";
import { childrenOf, type Tree } from "./tree.ts";

/**
 * For each call, by position, the tool rows that did it: tool spans of the same name below the model's span,
 * else those beside it up to the next model call. With as many rows as calls they pair up in order; further
 * rows (retries) go to the last call of that name.
 */
export function rowsOfCalls(table: SpanTable, tree: Tree, row: number, names: readonly string[]): number[][] {
  const candidates = toolsBelow(table, tree, row);
  const pool = candidates.length > 0 ? candidates : toolsBeside(table, tree, row);
  const found: number[][] = names.map(() => []);
  for (const name of new Set(names)) {
    const calls = names.flatMap((each, index) => (each === name ? [index] : []));
    const rows = pool.filter((each) => table.name(each) === name);
    rows.forEach((each, index) => found[calls[Math.min(index, calls.length - 1)] as number]?.push(each));
  }
  return found;
}

function toolsBelow(table: SpanTable, tree: Tree, row: number): number[] {
  return [...childrenOf(tree, row)].filter((each) => table.kind(each) === "tool");
}

function toolsBeside(table: SpanTable, tree: Tree, row: number): number[] {
  const up = tree.parent[row] as number;
  const group = up < 0 ? tree.roots : childrenOf(tree, up);
  const rows: number[] = [];
  for (const each of group.subarray((tree.place[row] as number) + 1)) {
    if (table.kind(each) === "llm") break;
    if (table.kind(each) === "tool") rows.push(each);
    else rows.push(...toolsBelow(table, tree, each));
  }
  return rows;
}
