import { describe, expect, test } from "vitest";
import { lastSaid, newClientId } from "../src/core/acts.ts";
import { ordinal } from "../src/core/format.ts";
import { ownCost, ownTime, ranking, type Measured } from "../src/core/rank.ts";
import { buildTree } from "../src/core/tree.ts";
import type { Completion, Score } from "../src/core/types.ts";
import { nameOf, newDraft, valueOf, type ValueType } from "../src/more/forms/draft.ts";
import { accepted } from "../src/ui/FilterInput.tsx";

type Row = [parent: number, start: number, end: number, cost?: number];

function measured(rows: Row[]): [Measured, ReturnType<typeof buildTree>] {
  const of = { start: (row: number) => rows[row]![1], end: (row: number) => rows[row]![2], cost: (row: number) => rows[row]![3] ?? Number.NaN };
  return [of, buildTree({ parent: rows.map((row) => row[0]), start: rows.map((row) => row[1]) }, rows.length)];
}

describe("what a span has of its own", () => {
  const times: [string, Row[], number][] = [
    ["without children, all of it", [[-1, 0, 100]], 100],
    ["children one after another are taken off", [[-1, 0, 100], [0, 10, 30], [0, 50, 60]], 70],
    ["children side by side are taken off once", [[-1, 0, 100], [0, 10, 60], [0, 20, 50], [0, 40, 80]], 30],
    ["a child that outlives it", [[-1, 0, 100], [0, 90, 400]], 90],
    ["a child that starts after it", [[-1, 0, 100], [0, 150, 400]], 100],
    ["a child that began before it", [[-1, 10, 100], [0, 0, 20]], 80],
    ["grandchildren are their parent's", [[-1, 0, 100], [0, 10, 20], [1, 30, 90]], 90],
  ];
  test.each(times)("%s", (_, rows, own) => {
    expect(ownTime(...measured(rows), 0)).toBe(own);
  });

  test("costs of children are taken off, and never more than there is", () => {
    expect(ownCost(...measured([[-1, 0, 1, 5], [0, 0, 1, 2], [0, 0, 1]]), 0)).toBe(3);
    expect(ownCost(...measured([[-1, 0, 1, 1], [0, 0, 1, 2]]), 0)).toBe(0);
    expect(ownCost(...measured([[-1, 0, 1]]), 0)).toBe(0);
  });

  test("the largest come first, equal ones in order, nothing without any", () => {
    const ranked = ranking(...measured([[-1, 0, 100], [0, 0, 60], [0, 60, 100], [0, 0, 0]]), "time");
    expect(ranked).toEqual([{ row: 1, own: 60 }, { row: 2, own: 40 }]);
    expect(ranking(...measured([[-1, 0, 9], [-1, 0, 9], [-1, 0, 9]]), "time", 2).map(({ row }) => row)).toEqual([0, 1]);
    expect(ranking(...measured([[-1, 0, 9]]), "cost")).toEqual([]);
  });
});

describe("proposals", () => {
  const item = (text: string, start: number, end: number): Completion => ({ text, kind: "name", help: "", start, end });
  test.each([
    ["ki", item("kind", 0, 2), "kind |"],
    ['ki == "llm"', item("kind", 0, 2), 'kind| == "llm"'],
    ["kind ==", item('"llm"', 7, 7), 'kind =="llm" |'],
    ["na", item("name.startswith(", 0, 2), "name.startswith(|"],
    ["(ki)", item("kind", 1, 3), "(kind|)"],
  ])("into %s", (text, proposal, expected) => {
    const { text: after, at } = accepted(text, proposal);
    expect(`${after.slice(0, at)}|${after.slice(at)}`).toBe(expected);
  });
});

describe("the form for a score", () => {
  test.each<[ValueType, string, unknown]>([
    ["number", "0.8", 0.8],
    ["number", " -3 ", -3],
    ["number", "0,5", 0.5],
    ["number", "1e3", 1000],
    ["bool", "true", true],
    ["bool", "false", false],
    ["label", " polite ", "polite"],
    ["text", "two\nlines", "two\nlines"],
  ])("%s %j is %j", (type, value, expected) => {
    expect(valueOf({ ...newDraft(type), value })).toEqual({ value: expected });
  });

  test.each<[ValueType, string, string]>([
    ["number", "high", "“high” is no number; give one such as 0.8."],
    ["number", "", "Give a number, such as 0.8."],
    ["number", "Infinity", "“Infinity” is no number; give one such as 0.8."],
    ["bool", "", "Choose yes or no."],
    ["label", "x".repeat(65), "A label has at most 64 characters; this has 65. Make it a comment."],
    ["text", " \n", "Write a comment."],
  ])("%s %j is refused", (type, value, problem) => {
    expect(valueOf({ ...newDraft(type), value })).toEqual({ problem });
  });

  test("a comment needs no name, everything else does", () => {
    expect([nameOf(newDraft("text")), nameOf(newDraft("number")), nameOf(newDraft("text", " tone "))]).toEqual(["comment", "", "tone"]);
  });

  test("what a person said last of that name counts", () => {
    const score = (name: string, value: number, source = "human"): Score => ({ name, value, value_type: "number", source, comment: null });
    expect(lastSaid([score("a", 1), score("a", 2), score("a", 3, "code"), score("b", 4)], "a")?.value).toBe(2);
    expect(lastSaid(undefined, "a")).toBeUndefined();
  });

  test("ids are such as the kernel takes, and each another", () => {
    const ids = new Set(Array.from({ length: 200 }, newClientId));
    expect(ids.size).toBe(200);
    for (const id of ids) expect(id).toMatch(/^[0-9A-Za-z_-]{8,64}$/);
  });
});

test.each([[1, "1st"], [2, "2nd"], [3, "3rd"], [4, "4th"], [11, "11th"], [12, "12th"], [21, "21st"], [113, "113th"]])("%i is %s", (count, text) => {
  expect(ordinal(count)).toBe(text);
});
