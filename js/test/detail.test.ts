/** The pure parts of the detail: comparing messages, tracebacks, tables, searching JSON, Python, prices. */

import { describe, expect, it } from "vitest";
import { findInJson } from "../src/core/jsonfind.ts";
import { isLarge, sketch } from "../src/core/json.ts";
import { countSteps, diffMessages, messageKey } from "../src/core/messagediff.ts";
import { hasHugeLine, pieces } from "../src/core/pieces.ts";
import { costLines, costSource, formatCosts, formatRate } from "../src/core/pricing.ts";
import { toPython } from "../src/core/python.ts";
import { isNumeric, isTable, prefersTable, sortedRows, tableOf, toTsv, type TableData } from "../src/core/table.ts";
import { culprit, fileName, foldLibraries, packageOf, readTraceback, whereIs } from "../src/core/traceback.ts";
import { hasLong, headEnd, jsonText, numeral, parseJson, type Json, type Long, type Message, type Price, type SpanFacts } from "../src/core/types.ts";

const said = (content: Json, role = "user"): Message => ({ role, parts: [{ type: "text", content }] });

describe("diffMessages", () => {
  const kinds = (before: Message[], after: Message[]): string[] => diffMessages(before, after).map((step) => (step.kind === "changed" ? "changed" : `${step.kind} ${step.messages.length}`));

  it("folds what stayed and says what came", () => {
    const history = [said("be kind", "system"), said("hello"), said("hi", "assistant")];
    expect(kinds(history, [...history, said("more?"), said("no", "assistant")])).toEqual(["same 3", "added 2"]);
  });

  it("compares messages of one role that share enough by their words", () => {
    const steps = diffMessages([said("You help customers of Acme. Be brief.", "system"), said("q")], [said("You help customers of Acme. Be long.", "system"), said("q")]);
    expect(steps.map(({ kind }) => kind)).toEqual(["changed", "same"]);
    expect(steps[0]?.kind === "changed" && steps[0].words.filter(({ kind }) => kind !== "same")).toEqual([
      { kind: "removed", text: "brief" },
      { kind: "added", text: "long" },
    ]);
  });

  it("tells messages apart that share nothing, what went before what came", () => {
    expect(kinds([said("apples pears")], [said("entirely other words")])).toEqual(["removed 1", "added 1"]);
    expect(kinds([said("a b c", "user")], [said("a b c", "system")])).toEqual(["removed 1", "added 1"]);
  });

  it("sees a history that was cut", () => {
    const turns = ["one", "two", "three", "four"].map((text) => said(text));
    expect(kinds(turns, [turns[0] as Message, turns[3] as Message, said("five")])).toEqual(["same 1", "removed 2", "same 1", "added 1"]);
  });

  it("takes a resent answer for the same, without its reasoning, finish reason and empty text", () => {
    const answer: Message = { role: "assistant", finish_reason: "stop", parts: [{ type: "reasoning", content: "hm" }, { type: "text", content: "" }, { type: "text", content: "yes" }] };
    expect(messageKey(answer)).toBe(messageKey(said("yes", "assistant")));
    expect(countSteps(diffMessages([answer], [said("yes", "assistant")]))).toEqual({ same: 1, added: 0, removed: 0, changed: 0 });
  });

  it("does not mind where a long text came from, or how keys are ordered", () => {
    const long = (at: number): Json => ({ $long: true, size: 9000, head: "abc", path: [at], field: "input" });
    expect(messageKey(said(long(1)))).toBe(messageKey(said(long(2))));
    const call = (args: Json): Message => ({ role: "assistant", parts: [{ type: "tool_call", name: "f", arguments: args }] });
    expect(messageKey(call({ a: 1, b: 2 }))).toBe(messageKey(call({ b: 2, a: 1 })));
  });
});

const TRACEBACK = `Traceback (most recent call last):
  File "/tmp/ipykernel_1/1180.py", line 12, in lookup
    reply = ask(plan)
            ^^^^^^^^^
  File "/srv/project/prices.py", line 5, in ask
    return client.get(plan)
  File "/usr/lib/python3.12/site-packages/httpx/_client.py", line 88, in get
    raise TimeoutError(
        "no answer")
  File "/usr/lib/python3.12/asyncio/base.py", line 3, in run
    pass
TimeoutError: no answer
  in two lines

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "<frozen importlib>", line 1, in load
ValueError
`;

describe("tracebacks", () => {
  const blocks = readTraceback(TRACEBACK);
  const frames = blocks.flatMap((block) => ("frame" in block ? [block.frame] : []));

  it("are read into frames with their code", () => {
    expect(frames.map(({ where, line, name }) => [where, line, name])).toEqual([
      ["cell", 12, "lookup"],
      ["own", 5, "ask"],
      ["library", 88, "get"],
      ["library", 3, "run"],
      ["library", 1, "load"],
    ]);
    expect(frames[0]?.code).toBe("reply = ask(plan)\n        ^^^^^^^^^");
    expect(frames[2]?.code).toBe('raise TimeoutError(\n    "no answer")');
    expect(blocks.flatMap((block) => ("text" in block ? [block.text] : []))[1]).toContain("  in two lines");
  });

  it("point out the innermost frame in a cell, else in the user's code", () => {
    expect(culprit(blocks)?.name).toBe("lookup");
    expect(culprit(blocks.slice(2))?.name).toBe("ask");
    expect(culprit([])).toBeNull();
  });

  it("fold neighbouring frames of libraries", () => {
    expect(foldLibraries(blocks).flatMap((block) => ("library" in block ? [block.library.length] : []))).toEqual([2, 1]);
    expect(frames.slice(2).map(({ file }) => packageOf(file))).toEqual(["httpx", "Python", "Python"]);
    expect(frames.map(fileName)).toEqual(["your cell", "project/prices.py", "httpx/_client.py", "asyncio/base.py", "<frozen importlib>"]);
  });

  it.each([
    ["/tmp/ipykernel_4821/990021.py", "cell"],
    ["C:\\Users\\me\\AppData\\Local\\Temp\\ipykernel_9\\7.py", "cell"],
    ["<ipython-input-3-8f1>", "cell"],
    ["/tmp/marimo_1/__marimo__cell_Hbol_.py", "cell"],
    ["/srv/app.py", "own"],
    ["C:\\Python312\\Lib\\json\\decoder.py", "library"],
    ["/opt/venv/lib/python3.11/site-packages/acme/a.py", "library"],
    ["<frozen runpy>", "library"],
  ])("%s is %s", (file, where) => expect(whereIs(file)).toBe(where));

  it("of groups, which are drawn with bars, stay text", () => {
    const group = '  + Exception Group Traceback (most recent call last):\n  |   File "a.py", line 1, in f\n  | ExceptionGroup: x\n';
    expect(readTraceback(group)).toEqual([{ text: group.trimEnd() }]);
  });
});

describe("tables", () => {
  const frame: Json = { $type: "dataframe", shape: [5000, 2], columns: ["a", "b"], dtypes: { a: "int64" }, head: [{ a: 2, b: "x" }, { a: null, b: "y" }, { a: 1, b: null }] };

  it("are made of DataFrames, series, arrays and records", () => {
    expect(tableOf(frame)).toMatchObject({ columns: ["a", "b"], title: "DataFrame 5,000 × 2", total: 5000, rows: [[2, "x"], [null, "y"], [1, null]] });
    expect(tableOf({ $type: "series", name: "amount", dtype: "float64", size: 9, head: [1.5, 2] })).toMatchObject({ columns: ["amount"], total: 9, rows: [[1.5], [2]] });
    expect(tableOf({ $type: "array", shape: [3, 4], dtype: "float32", head: [1, 2] })).toMatchObject({ total: 12, title: "array 3 × 4" });
    expect(tableOf([{ id: 1, t: "a" }, { id: 2, u: "b" }, { id: 3, t: "c" }])).toMatchObject({ columns: ["id", "t", "u"], rows: [[1, "a", undefined], [2, undefined, "b"], [3, "c", undefined]] });
  });

  it.each([
    ["one record", [{ a: 1 }]],
    ["texts", ["a", "b"]],
    ["records that share nothing", [{ a: 1 }, { b: 2 }, { c: 3 }, { d: 4 }]],
    ["mixed", [{ a: 1 }, 2]],
    ["captured values", [{ $type: "blob" }, { $type: "blob" }]],
    ["empty records", [{}, {}]],
    ["a vector without values", { $type: "array", shape: [2, 9], head: [] }],
  ] as [string, Json][])("are not made of %s", (_, value) => expect(isTable(value)).toBe(false));

  it("are preferred for plain records, and as was chosen last", () => {
    const nested: Json = [{ a: { b: 1 }, c: [1] }, { a: { b: 2 }, c: [2] }];
    expect([prefersTable(frame, undefined), prefersTable([{ a: 1 }, { a: 2 }], undefined), prefersTable(nested, undefined)]).toEqual([true, true, false]);
    expect([prefersTable(frame, false), prefersTable(nested, true), prefersTable({ $type: "series", head: [1, 2] }, true)]).toEqual([false, true, false]);
  });

  it("sort numbers by size, texts by letters, what is missing last both ways", () => {
    const table = tableOf([{ n: 10 }, { n: 9 }, { n: null }, { n: 100 }]) as TableData;
    expect(sortedRows(table, { column: 0, isDown: false })).toEqual([1, 0, 3, 2]);
    expect(sortedRows(table, { column: 0, isDown: true })).toEqual([3, 0, 1, 2]);
    expect(sortedRows(table, null)).toEqual([0, 1, 2, 3]);
    expect(isNumeric(table, 0)).toBe(true);
  });

  it("are copied so that no spreadsheet runs a text, and none is torn", () => {
    expect(toTsv(["a", "b"], [[-1, '=HYPERLINK("x")'], [null, "two\nlines"], [true, "-5"], [undefined, "+cmd|x"]])).toBe(
      'a\tb\n-1\t"\'=HYPERLINK(""x"")"\n\t"two\nlines"\ntrue\t-5\n\t\'+cmd|x',
    );
  });
});

describe("findInJson", () => {
  const value: Json = { plans: [{ name: "Team", price: 29 }, { name: "Business", note: null }], team: { deep: ["a", "TEAM b"] } };

  it("finds keys and values in either case, in reading order", () => {
    expect(findInJson(value, "team")).toEqual({ paths: [["plans", 0, "name"], ["team"], ["team", "deep", 1]], at: 0, isCut: false });
    expect(findInJson(value, "29").paths).toEqual([["plans", 0, "price"]]);
    expect(findInJson(value, "null").paths).toEqual([["plans", 1, "note"]]);
    expect(findInJson(value, "nowhere")).toEqual({ paths: [], at: -1, isCut: false });
    expect(findInJson(value, "").paths).toEqual([]);
  });

  it("stops at a bound in values of any size", () => {
    const large: Json = Array.from({ length: 200_000 }, (_, i) => ({ word: `w${i}` }));
    expect(findInJson(large, "w").paths).toHaveLength(5000);
    expect(findInJson(large, "w").isCut).toBe(true);
    expect(findInJson(large, "w199999").paths).toEqual([[199_999, "word"]]);
  });
});

it("a value is large when its lines are more than a glance", () => {
  expect([isLarge({ a: 1 }), isLarge(Array.from({ length: 13 }, () => 1)), isLarge("text".repeat(1000))]).toEqual([false, true, false]);
});

describe("numbers that JavaScript would change", () => {
  const number = (text: string): Json => ({ $type: "number", text });
  const value: Json = { id: number("1234567890123456789"), f: number("1.0"), zero: number("-0.0"), note: 'a "1.0" {"$type":"number"' };

  it("are written digit by digit, as JSON and as Python", () => {
    const note = JSON.stringify('a "1.0" {"$type":"number"');
    expect(jsonText(value)).toBe(`{"id":1234567890123456789,"f":1.0,"zero":-0.0,"note":${note}}`);
    expect(jsonText(value, 2)).toContain('"id": 1234567890123456789,\n');
    expect(toPython(value)).toBe(`{"id": 1234567890123456789, "f": 1.0, "zero": -0.0, "note": ${note}}`);
    expect(sketch(value, 30)).toBe("{ id: 1234567890123456789, f: 1.0, zero: -0.0, … }");
  });

  it("are found by their digits", () => {
    expect(findInJson(value, "3456789").paths).toEqual([["id"]]);
    expect(findInJson({ a: number("1.0") }, "number").paths).toEqual([]);
  });

  it("are read from JSON text as they come from Python", () => {
    expect(parseJson('{"id": 1234567890123456789, "f": [1.0, 2.5, 7], "text": "1.0 \\" 12345678901234567890"}')).toEqual({
      id: number("1234567890123456789"), f: [number("1.0"), 2.5, 7], text: '1.0 " 12345678901234567890',
    });
    expect(() => parseJson("[01.0]")).toThrow();
  });

  it("stand in columns as numbers do", () => {
    const table = tableOf([{ v: number("10.0") }, { v: 9.5 }, { v: number("0.0") }, { v: { $type: "float", text: "nan" } }]) as TableData;
    expect([isNumeric(table, 0), sortedRows(table, { column: 0, isDown: false }), sortedRows(table, { column: 0, isDown: true })]).toEqual([true, [2, 1, 0, 3], [0, 1, 2, 3]]);
  });

  it("are nothing but numbers: what looks like their form stays an object", () => {
    for (const text of ["__import__('os')", "1.0, 2", "01", "1e", "", "0x10", "NaN"]) {
      expect(numeral(number(text))).toBeNull();
      expect(JSON.parse(jsonText(number(text)))).toEqual(number(text));
      expect(toPython(number(text))).toBe(`{"$type": "number", "text": ${JSON.stringify(text)}}`);
    }
  });
});

it("JSON is written as Python", () => {
  expect(toPython({ a: [true, false, null, 1.5, "it's \"x\"\n"], nan: { $type: "float", text: "nan" } })).toBe('{"a": [True, False, None, 1.5, "it\'s \\"x\\"\\n"], "nan": float("nan")}');
  expect(toPython([["x".repeat(60)], ["y".repeat(60)]])).toBe(`[\n    ["${"x".repeat(60)}"],\n    ["${"y".repeat(60)}"],\n]`);
});

it("the rest of a long text begins where Python counts it", () => {
  const long: Long = { $long: true, size: 9, head: "a😀b", path: [], field: "input" };
  expect(headEnd(long)).toBe(3);
  expect([hasLong({ a: [long] } as unknown as Json), hasLong({ a: ["x"] })]).toEqual([true, false]);
});

describe("costs", () => {
  const price: Price = { input: 2.5, output: 10, cache_read: 1.25, cache_write: null, audio_input: null, audio_output: null, source: "genai-prices" };
  const usage = { input_tokens: 1130, output_tokens: 185, cache_read_tokens: 1000, reasoning_tokens: 64 };
  const span = { kind: "llm", usage, cost_usd: 0.003425, input_cost_usd: 0.001575, output_cost_usd: 0.00185, cost_source: "genai-prices", model: "gpt-4o" } as SpanFacts;

  it("add up from their parts", () => {
    const lines = costLines(span, price);
    expect(lines.map(({ id, tokens, rate }) => [id, tokens, rate])).toEqual([
      ["input", 1130, null],
      ["new", 130, 2.5],
      ["read", 1000, 1.25],
      ["output", 185, null],
      ["text", 121, 10],
      ["reasoning", 64, 10],
    ]);
    const sum = (ids: string[]): number => lines.filter(({ id }) => ids.includes(id)).reduce((all, { cost }) => all + (cost ?? 0), 0);
    expect(sum(["new", "read"])).toBeCloseTo(0.001575, 9);
    expect(sum(["text", "reasoning"])).toBeCloseTo(0.00185, 9);
    expect(lines.find(({ id }) => id === "read")?.share).toBeCloseTo(1000 / 1130);
  });

  it("are shown with as many digits as they need to add up", () => {
    expect([0.000077, 0.00000004, 0].map(formatCosts(0.000163))).toEqual(["$0.000077", "<$0.000001", "$0.000000"]);
    expect([formatCosts(0.2)(0.12), formatCosts(12)(3)]).toEqual(["$0.1200", "$3.00"]);
    expect([0.15, 0.075, 10, 2.5, 0.0125].map(formatRate)).toEqual(["$0.15", "$0.075", "$10.00", "$2.50", "$0.0125"]);
  });

  it("say where they come from", () => {
    expect(costSource(span, price)).toContain("genai-prices");
    expect(costSource(span, null)).toContain("depends on the size of the call");
    expect(costSource({ ...span, cost_source: "client" }, null)).toContain("reported by the client");
    expect(costSource({ ...span, cost_source: "own" }, null)).toContain("your own price");
    expect(costSource({ ...span, cost_usd: null }, null)).toContain("The price of gpt-4o is not known");
    expect(costSource({ ...span, cost_usd: null, counted: false }, null)).toContain("Seen twice");
  });
});

describe("pieces", () => {
  it.each([
    ["lines", "a line of text\n".repeat(2000)],
    ["words", "lorem ipsum 😀 ".repeat(3000)],
    ["one word", "😀".repeat(5000)],
    ["short", "short"],
  ])("of %s make the text, and none is long or tears a letter", (_, text) => {
    const made = pieces(text);
    expect(made.join("")).toBe(text);
    for (const piece of made) expect(piece.length <= 4000 && !/[\ud800-\udbff]$/.test(piece)).toBe(true);
  });

  it("a line that would stall the page is seen", () => {
    expect([hasHugeLine("x".repeat(9000)), hasHugeLine("x\n".repeat(9000))]).toEqual([true, false]);
  });
});
