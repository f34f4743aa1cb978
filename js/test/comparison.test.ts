import { expect, test } from "vitest";
import { Comparing, type CompareHost, type CompareView } from "../src/core/comparing.ts";
import { ComparisonTable, difference, signed, type ComparisonData, type PairDetail } from "../src/core/comparison.ts";
import { formatCount, formatDuration, formatMoney } from "../src/core/format.ts";
import { foldLines, foldMessages, messageLines, pairMessages, payloadText, splitLines } from "../src/core/pairs.ts";
import { diffWords } from "../src/core/worddiff.ts";
import type { Message, Summary } from "../src/core/types.ts";

const say = (role: string, content: string): Message => ({ role, parts: [{ type: "text", content }] });
const call = (id: string, city: string): Message => ({ role: "assistant", parts: [{ type: "tool_call", id, name: "weather", arguments: { city } }] });

/** agent › search, plan (changed), [extra (added) › inner (added)], gone (removed) */
const DATA: ComparisonData = {
  totals: { a: {} as Summary, b: {} as Summary },
  is_one_trace: false,
  parent: [-1, 0, 0, 0, 3, 0],
  name: [0, 1, 2, 3, 4, 5],
  kind: [1, 0, 2, 0, 0, 0],
  change: [0, 0, 1, 2, 2, 3],
  changed: [0, 0, 0b1010, 0, 0, 0],
  names: ["agent", "search", "plan", "extra", "inner", "gone"],
  models: ["", "small", "large"],
  kinds: ["span", "agent", "llm"],
  changes: ["same", "changed", "added", "removed"],
  fields: ["name", "model", "status", "input"],
  a: { status: [2, 2, 2, -1, -1, 3], duration_ms: [100, 5, 50, null, null, 7], tokens: [null, null, 100, null, null, 30], cost_usd: [null, null, 0.5, null, null, null], model: [0, 0, 1, 0, 0, 0] },
  b: { status: [2, 2, 2, 2, 2, -1], duration_ms: [90, 5, null, 9, 1, null], tokens: [null, null, 112, null, null, null], cost_usd: [null, null, 0.5, null, null, null], model: [0, 0, 2, 0, 0, 0] },
};

async function comparing(view: CompareView = {}): Promise<{ x: Comparing; asked: number[]; saved: CompareView[]; chosen: number[] }> {
  const asked: number[] = [];
  const saved: CompareView[] = [];
  const chosen: number[] = [];
  const bytes = new TextEncoder().encode(JSON.stringify(DATA));
  const host: CompareHost = {
    load: () => Promise.resolve({ meta: { v: 1, encoding: "raw" }, data: new DataView(bytes.buffer) }),
    rpc: <T>(_: string, params?: object) => {
      asked.push((params as { row: number }).row);
      return Promise.resolve({ result: { a: null, b: null } satisfies PairDetail as T, buffers: [] });
    },
    onClose: () => () => undefined,
    getView: () => view,
    setView: (next) => saved.push(next),
    setSelected: (row) => chosen.push(row),
  };
  const x = new Comparing(host);
  await x.start();
  return { x, asked, saved, chosen };
}

const drawn = (x: Comparing): string[] => [...x.flat.value.rows].map((row) => x.table.value?.name(row) ?? "");

test("a difference has a sign, and nothing to speak of is =", () => {
  expect(signed(difference(100, 140), formatDuration)).toBe("+40 ms");
  expect(signed(difference(140, 100), formatCount)).toBe("−40");
  expect(signed(difference(0.1, 0.1 + 1e-9), formatMoney)).toBe("=");
  expect(signed(difference(1, 1), formatCount)).toBe("=");
  expect(signed(difference(null, 1), formatCount)).toBe("–");
});

test("rows say what changed and by how much", () => {
  const table = new ComparisonTable(DATA);
  expect([0, 1, 2, 3, 4, 5].map((row) => table.about(row))).toEqual(["", "", "model small → large, input", "added", "added", "removed"]);
  expect([0, 1, 2, 3, 5].map((row) => table.delta(row, "duration_ms"))).toEqual(["−10 ms", "", "", "+9 ms", "−7 ms"]);
  expect([2, 3, 5].map((row) => table.delta(row, "tokens"))).toEqual(["+12", "", "−30"]);
  expect(table.counts()).toEqual({ same: 2, changed: 1, added: 2, removed: 1 });
  expect([table.hasError(2), table.hasError(5)]).toEqual([false, true]);
});

test("it opens at the first change, and asks for it alone", async () => {
  const { x, asked, chosen } = await comparing();
  expect([x.selected.value, asked, chosen]).toEqual([2, [2], [2]]);
  expect((await comparing({ row: 4 })).x.selected.value).toBe(4);
  expect((await comparing({ row: 99 })).x.selected.value).toBe(2);
});

test("only changes keeps the way to them", async () => {
  const { x } = await comparing();
  x.setOnlyChanges(true);
  expect(drawn(x)).toEqual(["agent", "plan", "extra", "inner", "gone"]);
  x.selectLine(0);
  x.setOnlyChanges(false);
  x.select(1);
  x.setOnlyChanges(true);
  expect(x.table.value?.name(x.selected.value)).toBe("agent"); // what was chosen is not drawn any more
});

test("the next change is found behind closed rows, round and round", async () => {
  const { x } = await comparing();
  x.select(3);
  x.toggle(3);
  expect(drawn(x)).not.toContain("inner");
  x.nextChange(1);
  expect([x.selected.value, drawn(x).includes("inner")]).toEqual([4, true]);
  x.nextChange(1);
  x.nextChange(1);
  expect(x.selected.value).toBe(2);
  x.nextChange(-1);
  expect(x.selected.value).toBe(5);
});

test("how it was left is saved", async () => {
  const { x, saved } = await comparing();
  x.setBeside(true);
  x.toggle(3);
  x.dispose();
  expect(saved.at(-1)).toMatchObject({ row: 2, beside: true, changes: false, collapsed: [3] });
});

test("messages are paired by what they say, then by role", () => {
  const a = [say("system", "old"), say("user", "hi"), call("call_1", "Oslo"), say("assistant", "done")];
  const b = [say("system", "new"), say("user", "hi"), say("user", "more"), call("call_2", "Oslo"), say("tool", "x")];
  expect(pairMessages(a, b).map(({ change, a: one, b: other }) => [change, messageLines(one), messageLines(other)])).toEqual([
    ["changed", "old", "new"],
    ["same", "hi", "hi"],
    ["added", "", "more"],
    ["same", 'weather({\n  "city": "Oslo"\n})', 'weather({\n  "city": "Oslo"\n})'],
    ["removed", "done", ""],
    ["added", "", "x"],
  ]);
  expect(pairMessages([], [])).toEqual([]);
});

test("texts that were cut are marked, and a file is named", () => {
  const long = { $long: true as const, size: 9, head: "begin", path: [], field: "input" };
  expect(payloadText({ kind: "text", value: long as never })).toBe("begin…");
  expect(payloadText({ kind: "json", value: { a: [long as never], b: 1 } })).toBe('{\n  "a": [\n    "begin…"\n  ],\n  "b": 1\n}');
  expect(payloadText(null)).toBe("");
  expect(messageLines({ role: "user", parts: [{ type: "blob", modality: "image", mime_type: "image/png", digest: "ab" }] })).toBe("[image image/png ab]");
});

test("lines split where both texts break, and come to both texts again", () => {
  const [a, b] = ["one\ntwo old\nthree\nfour", "one\ntwo new\nand more\nthree\nfour"];
  const lines = splitLines(diffWords(a, b));
  const side = (without: string): string => lines.map((line) => line.filter(({ kind }) => kind !== without).map(({ text }) => text).join("")).join("\n");
  expect([side("added"), side("removed")]).toEqual([a, b]);
  expect(splitLines([])).toEqual([[]]);
});

test("far from any change lines are folded, unless there are few", () => {
  const text = Array.from({ length: 30 }, (_, at) => `line ${at}`);
  const changed = text.with(15, "other").join("\n");
  const folded = (stretches: ReturnType<typeof foldLines>): [boolean, number][] => stretches.map(({ isFolded, lines }) => [isFolded, lines.length]);
  expect(folded(foldLines(splitLines(diffWords(text.join("\n"), changed))))).toEqual([[true, 13], [false, 5], [true, 12]]);
  expect(folded(foldLines(splitLines(diffWords(text.join("\n"), text.join("\n")))))).toEqual([[false, 2], [true, 28]]);
  expect(folded(foldLines(splitLines(diffWords("a\nb\nc\nd\ne", "a\nb\nc\nd\nx"))))).toEqual([[false, 5]]);
});

test("runs of messages that are the same are folded", () => {
  const same = (text: string) => ({ change: "same" as const, a: say("user", text), b: say("user", text) });
  const groups = foldMessages([same("1"), same("2"), { change: "added", a: null, b: say("user", "3") }, same("4"), same("5"), same("6")]);
  expect(groups.map(({ isFolded, pairs }) => [isFolded, pairs.length])).toEqual([[false, 2], [false, 1], [true, 3]]);
});
