import { describe, expect, test } from "vitest";
import { graphOf, MOST_NODES, type Graph } from "../src/core/graph.ts";
import { picture } from "../src/core/layers.ts";
import { SpanTable } from "../src/core/columns.ts";
import { buildTree } from "../src/core/tree.ts";
import { loaded, type Line } from "./wire.ts";

const LLM = 1;
const TOOL = 5;

async function graph(lines: Line[]): Promise<Graph> {
  const { meta, cols } = loaded(lines);
  const table = await SpanTable.decode(meta, cols);
  return graphOf(buildTree(table.c, table.n), table, (row) => (table.c.start[row] as number) + (table.c.duration[row] as number));
}

const span = (name: string, parent: number, start: number, duration: number, more: Partial<Line> = {}): Line => ({ name, parent, start, duration, ...more });
const edges = (found: Graph): string[] =>
  found.edges.map(({ from, to, what, count, isBack }) => `${found.nodes[from]?.name} ${what} ${found.nodes[to]?.name} ×${count}${isBack ? " back" : ""}`);

describe("graph", () => {
  test("an agent's loop is a cycle with its count", async () => {
    const found = await graph([
      span("agent", -1, 0, 100),
      span("llm", 0, 1, 9, { kind: LLM, tokens: 10, cost: 0.5 }), span("tool", 0, 11, 4, { kind: TOOL }),
      span("llm", 0, 16, 5, { kind: LLM, tokens: 20, cost: 0.25 }), span("tool", 0, 22, 8, { kind: TOOL, status: 3 }),
      span("llm", 0, 31, 7, { kind: LLM, tokens: 30 }),
    ]);
    expect(edges(found)).toEqual(["agent calls llm ×1", "llm then tool ×2", "tool then llm ×2 back"]);
    expect(found.nodes[1]).toMatchObject({ name: "llm", kind: "llm", rows: [1, 3, 5], total_ms: 21, median_ms: 7, tokens: 60, cost: 0.75, errors: 0 });
    expect(found.nodes[2]).toMatchObject({ rows: [2, 4], median_ms: 6, errors: 1 });
  });

  test("parallel steps come after the same one, and what joins them after all of them", async () => {
    const found = await graph([
      span("agent", -1, 0, 100), span("plan", 0, 0, 10), span("a", 0, 10, 5), span("b", 0, 11, 9), span("answer", 0, 25, 5),
    ]);
    expect(edges(found)).toEqual(["agent calls plan ×1", "plan then a ×1", "plan then b ×1", "a then answer ×1", "b then answer ×1"]);
  });

  test("the same name below another parent is another step", async () => {
    const found = await graph([span("root", -1, 0, 9), span("a", 0, 0, 4), span("b", 0, 5, 4), span("fetch", 1, 1, 1), span("fetch", 2, 6, 1)]);
    expect(found.nodes.map(({ name, parent }) => [name, parent])).toEqual([["root", -1], ["a", 0], ["b", 0], ["fetch", 1], ["fetch", 2]]);
  });

  test("what calls itself again, however far below, is one step and a cycle", async () => {
    const found = await graph([span("agent", -1, 0, 9), span("tool", 0, 1, 7), span("agent", 1, 2, 5), span("tool", 2, 3, 3)]);
    expect(found.nodes.map(({ name, rows }) => [name, rows])).toEqual([["agent", [0, 2]], ["tool", [1, 3]]]);
    expect(edges(found)).toEqual(["agent calls tool ×2", "tool calls agent ×1 back"]);
  });

  test("a retry follows itself", async () => {
    expect(edges(await graph([span("a", -1, 0, 9), span("t", 0, 1, 1), span("t", 0, 3, 1)]))).toEqual(["a calls t ×1", "t then t ×1 back"]);
  });

  test("tokens seen twice are not counted", async () => {
    const found = await graph([span("a", -1, 0, 9, { tokens: 5, cost: 1, status: 2 | 16 }), span("a", -1, 10, 9, { tokens: 7, cost: 2 })]);
    expect(found.nodes[0]).toMatchObject({ tokens: 7, cost: 2 });
  });

  test("more names than a picture can hold are left out and counted", async () => {
    const found = await graph([span("root", -1, 0, 999), ...Array.from({ length: 300 }, (_, i) => span(`step ${i}`, 0, i, 1))]);
    expect([found.nodes.length, found.left]).toEqual([MOST_NODES, 301 - MOST_NODES]);
    expect(found.nodeOf[300]).toBe(-1);
  });

  test("wide and long traces take no square of their time", async () => {
    const wide = [span("root", -1, 0, 1e6), ...Array.from({ length: 50_000 }, (_, i) => span(["a", "b", "c"][i % 3] as string, 0, i < 25_000 ? 0 : 200, 100))];
    const found = await graph(wide);
    expect(edges(found).filter((each) => each.startsWith("root"))).toEqual(["root calls a ×8334", "root calls b ×8333", "root calls c ×8333"]);
    expect(found.edges.find((edge) => edge.what === "then")?.count).toBeGreaterThan(8000);
  });
});

describe("picture", () => {
  const forward = (from: number, to: number) => ({ from, to, isBack: false });

  test("layers go down, nothing overlaps, all of it is within the width", () => {
    for (const width of [288, 420, 680, 1200]) {
      const heights = Array.from({ length: 12 }, (_, i) => 46 + (i % 2) * 16);
      const links = [forward(0, 1), forward(0, 2), forward(0, 3), forward(0, 4), forward(1, 5), forward(2, 5), forward(0, 6), forward(5, 7), forward(7, 8), forward(7, 9), forward(7, 10), forward(0, 11)];
      const { nodes, ways, height } = picture(heights, [...links, { from: 7, to: 0, isBack: true }, { from: 3, to: 3, isBack: true }], width);
      nodes.forEach((a, i) => {
        expect(a.x).toBeGreaterThanOrEqual(0);
        expect(a.x + a.width).toBeLessThanOrEqual(width);
        expect(a.y + a.height).toBeLessThanOrEqual(height);
        nodes.slice(i + 1).forEach((b) => expect(a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y).toBe(true));
      });
      for (const { from, to } of links) expect(nodes[to]?.y).toBeGreaterThan(nodes[from]?.y as number);
      expect(ways).toHaveLength(links.length + 2);
      for (const { line } of ways) expect(line).not.toContain("NaN");
    }
  });

  test("is the same each time, and of nothing nothing", () => {
    const links = [forward(0, 1), forward(1, 2), forward(0, 2)];
    expect(picture([46, 46, 46], links, 600)).toEqual(picture([46, 46, 46], links, 600));
    expect(picture([], [], 600)).toMatchObject({ nodes: [], ways: [] });
  });
});
