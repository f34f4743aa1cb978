import { describe, expect, test } from "vitest";
import { windowTicks } from "../src/core/axis.ts";
import { criticalPath, shares } from "../src/core/critical.ts";
import { lastBefore, packLanes } from "../src/core/lanes.ts";
import { buildTree } from "../src/core/tree.ts";

/** Spans as [parent, start, end]. */
type Span = [number, number, number];

function made(spans: Span[]) {
  const parent = spans.map(([up]) => up);
  const start = spans.map(([, from]) => from);
  return { tree: buildTree({ parent, start }, spans.length), start, end: (row: number): number => (spans[row] as Span)[2] };
}

const lanes = (...spans: Span[]) => {
  const { tree, start, end } = made(spans);
  return packLanes(tree, start, end);
};
const path = (...spans: Span[]): [number, number, number][] => {
  const { tree, start, end } = made(spans);
  return criticalPath(tree, start, end).map(({ row, from, to }) => [row, from, to]);
};

function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) yield (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
}

describe("lanes", () => {
  test("what ran one after the other shares a lane below its parent", () => {
    expect([...lanes([-1, 0, 10], [0, 0, 3], [0, 3, 6], [0, 7, 9]).lane]).toEqual([0, 1, 1, 1]);
  });

  test("what ran in parallel has lanes of its own, the first free one", () => {
    expect([...lanes([-1, 0, 10], [0, 0, 5], [0, 1, 3], [0, 2, 4], [0, 3, 6]).lane]).toEqual([0, 1, 2, 3, 2]);
  });

  test("a parallel sibling stands below all that its neighbour called", () => {
    expect([...lanes([-1, 0, 10], [0, 0, 5], [0, 1, 6], [1, 1, 2], [3, 1, 2]).lane]).toEqual([0, 1, 4, 2, 3]);
  });

  test("nothing stands behind what still runs", () => {
    expect([...lanes([-1, 0, Infinity], [0, 0, Infinity], [0, 5, 6]).lane]).toEqual([0, 1, 2]);
  });

  test("a child that outlives its parent keeps the lane below what comes next", () => {
    expect([...lanes([-1, 0, 10], [0, 0, 2], [1, 1, 5], [0, 3, 4]).lane]).toEqual([0, 1, 2, 3]);
  });

  test("32-bit durations do not part neighbours", () => {
    const end = Math.fround(86_400_000.7);
    expect([...lanes([-1, 0, 2e8], [0, 0, end], [0, 86_400_000.7, 9e7]).lane]).toEqual([0, 1, 1]);
  });

  test("events of one moment stand apart, so that each can be chosen", () => {
    expect([...lanes([-1, 0, 10], [0, 5, 5], [0, 5, 5], [0, 6, 6]).lane]).toEqual([0, 1, 2, 1]);
  });

  test("no two spans of a lane overlap, whatever the trace", () => {
    const next = numbers(11);
    for (let round = 0; round < 60; round++) {
      const spans = Array.from({ length: 60 }, (_, i): Span => {
        const start = next.next().value * 50;
        return [Math.floor(next.next().value * (i + 1)) - 1, start, start + next.next().value * 20];
      });
      const { tree, start, end } = made(spans);
      const packed = packLanes(tree, start, end);
      for (let lane = 0; lane < packed.count; lane++) {
        const rows = packed.rows.subarray(packed.offset[lane], packed.offset[lane + 1]);
        expect(rows.length).toBeGreaterThan(0);
        rows.forEach((row, i) => i > 0 && expect(end(rows[i - 1] as number)).toBeLessThanOrEqual((start[row] as number) + 0.01));
      }
      spans.forEach(([up], row) => up >= 0 && expect(packed.lane[row]).toBeGreaterThan(packed.lane[up] as number));
    }
  });

  test("100,000 spans at once, and one below the other", () => {
    const wide = Array.from({ length: 100_000 }, (_, i): Span => [i === 0 ? -1 : 0, 0, 10]);
    expect(lanes(...wide.slice(0, 1)).count).toBe(1);
    const { tree, start, end } = made(wide);
    expect(packLanes(tree, start, end).count).toBe(100_000);
    const deep = made(Array.from({ length: 100_000 }, (_, i): Span => [i - 1, 0, 10]));
    expect(packLanes(deep.tree, deep.start, deep.end).count).toBe(100_000);
  });

  test("the span at a moment is found by halving", () => {
    const start = [0, 0, 3, 7];
    const packed = lanes([-1, 0, 10], [0, 0, 3], [0, 3, 6], [0, 7, 9]);
    expect([-1, 0, 2.9, 3, 6.5, 99].map((ms) => packed.rows[lastBefore(packed, 1, start, ms)])).toEqual([0, 1, 1, 2, 2, 3]);
  });
});

describe("critical path", () => {
  test("goes back to the child that ended last, and to the one that had ended last by then", () => {
    expect(path([-1, 0, 10], [0, 1, 4], [0, 4, 9], [0, 2, 3])).toEqual([[0, 0, 1], [1, 1, 4], [2, 4, 9], [0, 9, 10]]);
  });

  test("of parallel children only the one that was waited for is on it", () => {
    expect(path([-1, 0, 10], [0, 1, 8], [0, 1, 3])).toEqual([[0, 0, 1], [1, 1, 8], [0, 8, 10]]);
  });

  test("goes into what a child called", () => {
    expect(path([-1, 0, 10], [0, 2, 9], [1, 3, 6])).toEqual([[0, 0, 2], [1, 2, 3], [2, 3, 6], [1, 6, 9], [0, 9, 10]]);
  });

  test("what outlives its parent counts up to the parent's end", () => {
    expect(path([-1, 0, 30], [0, 1, 5], [1, 4, 20])).toEqual([[0, 0, 1], [1, 1, 4], [2, 4, 5], [0, 5, 30]]);
  });

  test("ends with what outlives the root", () => {
    expect(path([-1, 0, 10], [0, 1, 5], [1, 4, 20])).toEqual([[0, 0, 1], [1, 1, 4], [2, 4, 5], [0, 5, 10], [2, 10, 20]]);
    expect(path([-1, 0, 10], [0, 12, 20])).toEqual([[0, 0, 10], [1, 12, 20]]);
  });

  test("several roots one after the other, with a gap between", () => {
    expect(path([-1, 0, 2], [-1, 5, 8])).toEqual([[0, 0, 2], [1, 5, 8]]);
  });

  test("moments are not on it, and nothing comes of nothing", () => {
    expect(path([-1, 0, 4], [0, 2, 2])).toEqual([[0, 0, 4]]);
    expect(path()).toEqual([]);
  });

  test("lasts as long as the trace and never goes back, whatever the trace", () => {
    const next = numbers(5);
    for (let round = 0; round < 60; round++) {
      const spans: Span[] = [[-1, 0, 100]];
      for (let i = 1; i < 50; i++) {
        const start = next.next().value * 90;
        spans.push([Math.floor(next.next().value * i), start, start + next.next().value * 40]);
      }
      const found = path(...spans);
      expect(found.at(-1)?.[2]).toBeCloseTo(Math.max(...spans.map(([, , end]) => end)), 6);
      found.forEach(([, from, to], i) => {
        expect(to).toBeGreaterThan(from);
        const before = found[i - 1]?.[2] ?? 0;
        if (before < 99.999) expect(from).toBeCloseTo(before, 6);
        else expect(from).toBeGreaterThan(before - 1e-6);
      });
    }
  });

  test("100,000 spans, one below the other or in a row", () => {
    const deep = made(Array.from({ length: 100_000 }, (_, i): Span => [i - 1, 0, 10]));
    expect(criticalPath(deep.tree, deep.start, deep.end)).toEqual([{ row: 99_999, from: 0, to: 10 }]);
    const row = made([[-1, 0, 1e5], ...Array.from({ length: 99_999 }, (_, i): Span => [0, i, i + 1])]);
    expect(criticalPath(row.tree, row.start, row.end)).toHaveLength(100_000);
  });

  test("shares put together what has one name, and lead to the longest", () => {
    const stretches = [{ row: 1, from: 0, to: 2 }, { row: 2, from: 2, to: 7 }, { row: 3, from: 7, to: 9 }, { row: 1, from: 9, to: 10 }];
    expect(shares(stretches, (row) => (row < 3 ? "a" : "b"))).toEqual([{ row: 2, count: 2, ms: 8 }, { row: 3, count: 1, ms: 2 }]);
  });
});

test.each([
  [0, 3420, 5, ["0", "1", "2", "3 s"]],
  [1200, 1900, 4, ["1.2", "1.4", "1.6", "1.8 s"]],
  [50, 60, 5, ["50", "52", "54", "56", "58", "60 ms"]],
  [99_000.001, 99_000.003, 4, ["99.0000010", "99.0000015", "99.0000020", "99.0000025", "99.0000030 s"]],
  [0, 7_200_000, 4, ["0", "0.5", "1.0", "1.5", "2.0 h"]],
])("ticks of %d to %d ms", (from, to, most, labels) => {
  const ticks = windowTicks(from, to, most);
  expect(ticks.map((tick) => tick.label)).toEqual(labels);
  for (const { at } of ticks) expect(at >= 0 && at <= 1).toBe(true);
});
