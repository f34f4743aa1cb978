import { expect, test } from "vitest";
import { SpanTable, decodeColumns } from "../src/core/columns.ts";
import { loaded, rowsPush, type Line } from "./wire.ts";

const LINES: Line[] = [
  { name: "agent", kind: 6, start: 0, duration: 100.5 },
  { name: "plan", kind: 1, parent: 0, start: 2.25, duration: NaN, firstToken: 31, tokens: 70_000, cost: 0.5, sub: "gpt", status: 16 },
  { name: "agent", kind: 5, parent: 0, status: 3, sub: "TimeoutError" },
];

test.each([false, true])("columns come out as they went in (wide names: %s)", async (wide) => {
  const { meta, cols } = loaded(LINES, {}, wide);
  const table = await SpanTable.decode(meta, cols);
  expect([0, 1, 2].map((row) => [table.name(row), table.kind(row), table.sub(row)])).toEqual([
    ["agent", "agent", ""],
    ["plan", "llm", "gpt"],
    ["agent", "tool", "TimeoutError"],
  ]);
  expect([...table.c.start]).toEqual([0, 2.25, 2]);
  expect([...table.c.duration]).toEqual([100.5, NaN, 1]);
  expect([table.c.tokens[1], table.c.firstToken[1], table.c.cost[1]]).toEqual([70_000, 31, 0.5]);
  expect([table.status(1), table.seenTwice(1), table.hasError(2), table.seenTwice(2)]).toEqual(["open", true, true, false]);
});

test("a deflated trace is inflated", async () => {
  const { meta, cols } = loaded(LINES);
  const packed = new Blob([cols]).stream().pipeThrough(new CompressionStream("deflate"));
  const table = await SpanTable.decode({ ...meta, encoding: "deflate" }, new DataView(await new Response(packed).arrayBuffer()));
  expect(table.name(1)).toBe("plan");
});

test("columns that are too short are refused with what was expected", () => {
  expect(() => decodeColumns(new DataView(new ArrayBuffer(33)), 1, false)).toThrow("33 bytes where 1 rows need 34");
});

test("a push changes rows, adds rows and names, and says which changed", async () => {
  const { meta, cols } = loaded(LINES);
  const table = await SpanTable.decode(meta, cols);
  const { push, buffers } = rowsPush(1, 5, [1, 4], [{ ...(LINES[1] as Line), duration: 9, status: 2 }, { name: "late", parent: 1 }], meta);
  expect([...table.apply(push, buffers)]).toEqual([1, 4]);
  expect([table.n, table.rev, table.name(4), table.status(1), table.c.duration[1], table.structure]).toEqual([5, 1, "late", "ok", 9, 1]);
  expect([table.name(3), table.c.parent[3]]).toEqual(["…", -1]);
});

test("a push that only ends a span leaves the tree's structure alone", async () => {
  const { meta, cols } = loaded(LINES);
  const table = await SpanTable.decode(meta, cols);
  const { push, buffers } = rowsPush(1, 3, [1], [{ ...(LINES[1] as Line), duration: 40, status: 2 }], meta);
  table.apply(push, buffers);
  expect([table.structure, table.lastKnown()]).toEqual([0, 100.5]);
});
