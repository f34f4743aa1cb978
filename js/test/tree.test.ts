import { describe, expect, test } from "vitest";
import { ancestors, buildTree, flatten, groupSize, keepMatches, sumBelow, visibleLines } from "../src/core/tree.ts";

const tree = (parent: number[], start: number[] = parent.map((_, i) => i)) => buildTree({ parent, start }, parent.length);
const lines = (parent: number[], start?: number[]): [number, number][] => {
  const { rows, depth } = flatten(tree(parent, start), new Set());
  return [...rows].map((row, i) => [row, depth[i] as number]);
};

/** A small generator of repeatable random numbers. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed; ; ) yield (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
}

describe("buildTree", () => {
  test("orders children by start, then by index, parents may come later", () => {
    expect(lines([3, 3, 3, -1], [5, 1, 1, 0])).toEqual([[3, 0], [1, 1], [2, 1], [0, 1]]);
  });

  test("rows whose parent is unknown are roots", () => {
    expect(lines([-1, 99, -7, 0])).toEqual([[0, 0], [3, 1], [1, 0], [2, 0]]);
  });

  test.each([
    ["itself", [0], [[0, 0]]],
    ["a pair", [1, 0], [[0, 0], [1, 1]]],
    ["a ring with a tail", [2, 0, 1, 2], [[0, 0], [1, 1], [2, 2], [3, 3]]],
    ["a tail before the ring", [1, 2, 1], [[1, 0], [0, 1], [2, 1]]],
  ])("a cycle of %s is cut at its first row", (_, parent, expected) => {
    expect(lines(parent as number[])).toEqual(expected);
  });

  test("draws every row exactly once, whatever the parents are", () => {
    const random = numbers(7);
    const next = () => random.next().value as number;
    for (let round = 0; round < 200; round++) {
      const n = 1 + Math.floor(next() * 40);
      const parent = Array.from({ length: n }, () => Math.floor(next() * (n + 2)) - 1);
      const drawn = lines(parent, Array.from({ length: n }, next)).map(([row]) => row);
      expect(drawn.sort((a, b) => a - b)).toEqual(parent.map((_, i) => i));
    }
  });

  test("knows places and group sizes for screen readers", () => {
    const built = tree([-1, 0, 0, 1]);
    expect([...built.place]).toEqual([0, 0, 1, 0]);
    expect([0, 1, 2, 3].map((row) => groupSize(built, row))).toEqual([1, 2, 2, 1]);
  });

  test("counts what is below each row", () => {
    const built = tree([-1, 0, 1, 1, -1]);
    expect([...built.below]).toEqual([3, 2, 0, 0, 0]);
    expect([...sumBelow(built, (row) => (row === 3 ? 1 : 0))]).toEqual([1, 1, 0, 0, 0]);
  });
});

describe("flatten", () => {
  test("hides what is below a closed row", () => {
    expect([...flatten(tree([-1, 0, 1, 0]), new Set([1])).rows]).toEqual([0, 1, 3]);
  });

  test("keeps matches with the way to them, closed or not", () => {
    const built = tree([-1, 0, 1, 0, -1]);
    const keep = keepMatches(built, [2, 77]);
    expect([...keep]).toEqual([1, 1, 2, 0, 0]);
    const { rows, line } = flatten(built, new Set([0]), keep);
    expect([...rows]).toEqual([0, 1, 2]);
    expect([...line]).toEqual([0, 1, 2, -1, -1]);
  });

  test("survives a chain of 100,000", () => {
    const parent = Array.from({ length: 100_000 }, (_, i) => i - 1);
    const { rows, depth } = flatten(tree(parent), new Set());
    expect([rows.length, depth.at(-1)]).toEqual([100_000, 99_999]);
  });

  test("eight times the rows take no more than some eight times as long", () => {
    const random = numbers(3);
    const parent = Array.from({ length: 80_000 }, (_, i) => (i === 0 ? -1 : Math.floor((random.next().value as number) * i)));
    const columns = { parent: Int32Array.from(parent), start: Float64Array.from(parent, (_, i) => i) };
    const best = [10_000, 80_000].map(() => Number.POSITIVE_INFINITY);
    for (let round = 0; round < 7; round++)
      [10_000, 80_000].forEach((n, at) => {
        const some = { parent: columns.parent.subarray(0, n), start: columns.start.subarray(0, n) };
        const began = performance.now();
        flatten(buildTree(some, n), new Set());
        best[at] = Math.min(best[at] as number, performance.now() - began);
      });
    expect((best[1] as number) / (best[0] as number)).toBeLessThan(32); // 64 were it quadratic
  });
});

test("ancestors lead from the root down", () => {
  expect(ancestors(tree([-1, 0, 1]), 2)).toEqual([0, 1]);
});

test.each([
  [0, 260, 100, [0, 13]],
  [520, 260, 100, [17, 33]],
  [2600, 260, 100, [97, 100]],
  [0, 260, 3, [0, 3]],
])("scrolled to %i of height %i over %i rows", (top, height, count, expected) => {
  expect(visibleLines(top, height, 26, count)).toEqual(expected);
});
