import { describe, expect, test } from "vitest";
import { axisEnd, axisTicks } from "../src/core/axis.ts";
import { rowsOfCalls } from "../src/core/calls.ts";
import { SpanTable } from "../src/core/columns.ts";
import { pathText, sketch, startsOpen } from "../src/core/json.ts";
import { linkTarget, safeHref } from "../src/core/links.ts";
import { errorIn, foldRange, oneLine, pairCalls, pairTurns, preview, structured } from "../src/core/messages.ts";
import { buildTree } from "../src/core/tree.ts";
import type { Json, Message, Part } from "../src/core/types.ts";
import { loaded } from "./wire.ts";

describe("time axis", () => {
  test.each([
    [3420, 5, ["0", "1", "2", "3 s"]],
    [42, 4, ["0", "20", "40 ms"]],
    [0.4, 5, ["0", "0.1", "0.2", "0.3", "0.4 ms"]],
    [600_000, 5, ["0", "2", "4", "6", "8", "10 m"]],
    [3420, 1, ["0", "3.4 s"]],
  ])("%d ms in at most %i steps", (end, most, labels) => {
    expect(axisTicks(end, most).map((tick) => tick.label)).toEqual(labels);
  });

  test("ticks stand where their time is", () => {
    expect(axisTicks(4000, 5).map((tick) => tick.at)).toEqual([0, 0.25, 0.5, 0.75, 1]);
  });

  test("a running axis ends at a round time ahead, a finished one at its end", () => {
    expect([axisEnd(3420, false), axisEnd(3420, true), axisEnd(3900, true), axisEnd(0, true)]).toEqual([3420, 4000, 5000, 1.25]);
  });
});

describe("links", () => {
  test.each(["https://a.example/x?y=1", "http://a.example/", "mailto:someone@a.example"])("%s may be followed", (address) => {
    expect(safeHref(address)).toBe(address);
  });

  test.each([
    "javascript:alert(1)",
    " JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "java\tscript:alert(1)",
    "\u0001javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://a.example/1",
    "//a.example/x",
    "/relative",
    "#anchor",
    "",
  ])("%j may not", (address) => {
    expect(safeHref(address)).toBeNull();
  });

  test("the target shown is the real host", () => {
    expect(linkTarget("https://good.example@evil.example/a")).toBe("evil.example/a");
    expect(linkTarget("https://a.example/" + "x".repeat(60))).toBe(`a.example/${"x".repeat(26)}…`);
  });
});

const say = (role: string, ...parts: Part[]): Message => ({ role, parts });
const said = (role: string, content: string): Message => say(role, { type: "text", content });
const call = (id: string): Part => ({ type: "tool_call", id, name: "f", arguments: {} });
const result = (id: string, response: Json): Part => ({ type: "tool_call_response", id, response });

describe("messages", () => {
  test("results go to their calls, and messages left empty are dropped", () => {
    const shown = pairCalls([said("user", "hi"), say("assistant", call("1"), call("2")), say("tool", result("1", 7)), say("tool", result("9", 8))], [said("assistant", "done")]);
    expect(shown.map((each) => each.message.role)).toEqual(["user", "assistant", "tool", "assistant"]);
    expect(shown[1]?.results.get("1")?.response).toBe(7);
    expect(shown.map((each) => each.isOutput)).toEqual([false, false, false, true]);
  });

  test("an id used twice keeps both answers", () => {
    const shown = pairCalls([say("assistant", call("1")), say("tool", result("1", "a")), say("tool", result("1", "b"))], []);
    expect([shown.length, shown[0]?.results.get("1")?.response]).toEqual([2, "a"]);
  });

  test("over turns, a result is drawn with the call of the turn before", () => {
    const turns = pairTurns([
      { row: 1, new_input: [said("user", "q")], output: [say("assistant", call("1"))] },
      { row: 2, new_input: [say("tool", result("1", 5))], output: [said("assistant", "a")] },
    ]);
    expect(turns.map((shown) => shown.length)).toEqual([2, 1]);
    expect(turns[0]?.[1]?.results.get("1")?.response).toBe(5);
  });

  test("long history folds between the system message and the last few", () => {
    const history = [said("system", "s"), ...Array.from({ length: 15 }, (_, i) => said("user", String(i)))];
    expect(foldRange(pairCalls(history, [said("assistant", "x")]))).toEqual([1, 13]);
    expect(foldRange(pairCalls(history.slice(0, 8), []))).toBeNull();
  });

  test.each([
    ["29.00", null],
    ["TimeoutError: no answer", "TimeoutError"],
    ["Error: ValueError('x')", "ValueError"],
    [{ type: "KeyError", message: "x", traceback: "" }, "KeyError"],
    [{ error: "rate limited" }, "rate limited"],
    [{ error: { type: "overloaded" } }, "overloaded"],
    [{ error: null }, null],
    ["An error is a mistake", null],
  ])("the error in %j is %j", (response, expected) => {
    expect(errorIn(response)).toBe(expected);
  });

  test("previews say the value or its size", () => {
    expect([preview("29.00"), preview([1, 2]), preview({ a: 1 }), preview({ $long: true, size: 12_345, head: "", path: [], field: "output" })]).toEqual(["29.00", "2 items", "{ a: 1 }", "12,345 characters"]);
  });

  test("only text that is JSON is read as JSON", () => {
    expect([structured(' {"a": [1]} '), structured("[x]"), structured("{}}"), structured("12")]).toEqual([{ a: [1] }, null, null, null]);
  });

  test("one line, or none when it does not fit", () => {
    expect(oneLine({ plan: "Team", n: [1, null] })).toBe('{ "plan": "Team", "n": [1, null] }');
    expect(oneLine({ text: "x".repeat(80) })).toBeNull();
    let deep: Json = 1;
    for (let i = 0; i < 50_000; i++) deep = [deep];
    expect(oneLine(deep)).toBeNull();
  });
});

describe("JSON", () => {
  test("paths read as code", () => {
    expect(pathText(["messages", 0, "content type", "x"])).toBe('messages[0]["content type"].x');
  });

  test("a folded line starts as the value does", () => {
    expect(sketch({ name: "Seats", plans: ["Team"], note: "y".repeat(90) }, 60)).toBe(`{ name: "Seats", plans: ["Team"], note: "${"y".repeat(43)}…" }`);
    expect([sketch([]), sketch({}), sketch([1, 2, 3], 2)]).toEqual(["[]", "{}", "[1, 2, …]"]);
  });

  test("what one line tells stays folded, items of lists too", () => {
    expect([startsOpen({ a: 1 }, 0), startsOpen({ a: 1 }, 1), startsOpen({ a: "x".repeat(80) }, 1), startsOpen({ a: "x".repeat(80) }, 1, true), startsOpen("x", 0)]).toEqual([true, false, true, false, false]);
  });
});

describe("tool spans of a call", () => {
  const T = 5;
  const L = 1;
  const rows = async (lines: Parameters<typeof loaded>[0], row: number, names: string[]) => {
    const { meta, cols } = loaded(lines);
    const table = await SpanTable.decode(meta, cols);
    return rowsOfCalls(table, buildTree(table.c, table.n), row, names);
  };

  test("below the model's span, retries to the last call of the name", async () => {
    const lines = [{ name: "plan", kind: L }, { name: "f", kind: T, parent: 0 }, { name: "g", kind: T, parent: 0 }, { name: "f", kind: T, parent: 0 }];
    expect(await rows(lines, 0, ["f", "g"])).toEqual([[1, 3], [2]]);
    expect(await rows(lines, 0, ["f", "f"])).toEqual([[1], [3]]);
  });

  test("beside it up to the next model call", async () => {
    const lines = [{ name: "a", kind: 6 }, { name: "plan", kind: L, parent: 0 }, { name: "f", kind: T, parent: 0 }, { name: "plan", kind: L, parent: 0 }, { name: "f", kind: T, parent: 0 }];
    expect(await rows(lines, 1, ["f"])).toEqual([[2]]);
    expect(await rows(lines, 3, ["f", "h"])).toEqual([[4], []]);
  });
});
