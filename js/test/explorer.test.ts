import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Explorer } from "../src/core/explorer.ts";
import type { Host } from "../src/core/rpc.ts";
import type { Push } from "../src/core/types.ts";
import { loaded, rowsPush, summary, type Line } from "./wire.ts";

const LINES: Line[] = [
  { name: "agent", kind: 6, start: 0, duration: NaN, status: 0 },
  { name: "plan", kind: 1, parent: 0, start: 1, duration: 5 },
  { name: "look", kind: 5, parent: 1, start: 2, duration: 1, status: 3, sub: "KeyError" },
  { name: "answer", kind: 1, parent: 0, start: 7, duration: NaN, status: 0 },
];

interface Asked {
  method: string;
  params: Record<string, unknown>;
  answer(result: unknown, buffers?: DataView[]): Promise<void>;
}

/** An explorer over a host whose answers the test gives when it likes. */
async function setUp(lines = LINES, host: Partial<Host> = {}) {
  const data = loaded(lines, { summary: summary({ status: "open", n_spans: lines.length }), trace_start_ms: Date.now() });
  const asked: Asked[] = [];
  let push: (message: Push, buffers: DataView[]) => void = () => undefined;
  let close: (reason: string) => void = () => undefined;
  const selected: (string | null)[] = [];
  const x = new Explorer({
    load: () => Promise.resolve(data),
    rpc: (method, params = {}) =>
      new Promise((resolve) => {
        const answer = async (result: unknown, buffers: DataView[] = []) => {
          resolve({ result: result as never, buffers });
          await vi.advanceTimersByTimeAsync(0);
        };
        asked.push({ method, params: params as Record<string, unknown>, answer });
      }),
    onPush: (callback) => ((push = callback), () => undefined),
    onClose: (callback) => ((close = callback), () => undefined),
    getView: () => ({}),
    setView: () => undefined,
    setSelected: (id) => void selected.push(id),
    ...host,
  });
  await x.start();
  await vi.advanceTimersByTimeAsync(0);
  return { x, data, asked, selected, push: (message: Push, buffers: DataView[] = []) => push(message, buffers), close: (reason: string) => close(reason) };
}

const detail = (row: number, status = "ok") => ({ span: { span_id: `s${row}`, name: "n", kind: "llm", status } });
const drawn = (x: Explorer) => [...x.flat.value.rows];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("details", () => {
  test("only the row wanted last is asked for next", async () => {
    const { x, asked, selected } = await setUp();
    x.move(1);
    x.move(1);
    x.move(1);
    expect(asked.map((each) => each.params.row)).toEqual([0]);
    await asked[0]?.answer(detail(0));
    expect(asked.map((each) => each.params.row)).toEqual([0, 3]);
    await asked[1]?.answer(detail(3));
    expect(selected).toEqual(["s3"]);
  });

  test("the kernel is told at once what the user selects, and nothing that it knows", async () => {
    const told: number[] = [];
    const host = { selectRow: (row: number) => void told.push(row), onSelected: () => () => undefined };
    const { x, asked } = await setUp(LINES, host);
    x.move(1);
    x.select(3);
    x.select(3);
    const found = x.selectSpan("2f");
    await asked.find((each) => each.method === "find")?.answer({ rows: [2] });
    await found;
    expect([told, x.selected.value]).toEqual([[1, 3], 2]);
  });

  test("after 300 ms without an answer it is slow, until it comes", async () => {
    const { x, asked } = await setUp();
    expect(x.details.isSlow.value).toBe(false);
    await vi.advanceTimersByTimeAsync(301);
    expect(x.details.isSlow.value).toBe(true);
    await asked[0]?.answer(detail(0));
    expect([x.details.isSlow.value, x.detail()?.span.span_id]).toEqual([false, "s0"]);
  });

  test("a span that ended is asked for again", async () => {
    const { x, asked, push, data } = await setUp();
    x.select(3);
    await asked[0]?.answer(detail(0, "open"));
    await asked[1]?.answer(detail(3, "open"));
    const ended = rowsPush(1, 4, [3], [{ ...(LINES[3] as Line), duration: 4, status: 2 }], data.meta);
    push(ended.push, ended.buffers);
    expect(asked.map((each) => each.params.row)).toEqual([0, 3, 3]);
  });
});

describe("pushes", () => {
  test("keep the selection and what is folded", async () => {
    const { x, push, data } = await setUp();
    x.select(3);
    x.toggle(1, false);
    const more = rowsPush(1, 6, [4, 5], [{ name: "new", parent: 1, start: 3 }, { name: "later", parent: 0, start: 9 }], data.meta);
    push(more.push, more.buffers);
    expect([drawn(x), x.selected.value]).toEqual([[0, 1, 3, 5], 3]);
  });

  test("a gap is applied and asks once for everything, later pushes are not lost", async () => {
    const { x, asked, push, data } = await setUp();
    rowsPush(2, 5, [4], [{ name: "fourth", parent: 0 }], data.meta); // lost on the way
    const third = rowsPush(3, 6, [5], [{ name: "fifth", parent: 0 }], data.meta);
    push(third.push, third.buffers);
    const fourth = rowsPush(4, 7, [6], [{ name: "sixth", parent: 0 }], data.meta);
    push(fourth.push, fourth.buffers);
    expect([asked.filter((each) => each.method === "reload").length, x.table.value?.n]).toEqual([1, 7]);
    const whole = loaded([...LINES, { name: "fourth", parent: 0 }, { name: "fifth", parent: 0 }], { rev: 3 });
    await asked.find((each) => each.method === "reload")?.answer(whole.meta, [whole.cols]);
    expect([4, 5, 6].map((row) => x.table.value?.name(row))).toEqual(["fourth", "fifth", "sixth"]);
    expect(x.table.value?.rev).toBe(4);
  });

  test("repeated and old revisions change nothing", async () => {
    const { x, push, data } = await setUp();
    const first = rowsPush(1, 5, [4], [{ name: "new", parent: 0 }], data.meta);
    push(first.push, first.buffers);
    push({ ...first.push, n: 9 }, first.buffers);
    expect(x.table.value?.n).toBe(5);
  });

  test("streamed text is kept while its span runs", async () => {
    const { x, push, data, asked } = await setUp();
    await asked[0]?.answer(detail(0, "open"));
    push({ kind: "partial", row: 3, text: "Hel", at_ms: 0 });
    push({ kind: "partial", row: 1, text: "ended already", at_ms: 0 });
    expect([x.partials.get(3)?.text, x.partials.has(1), x.streaming.value]).toEqual(["Hel", false, 3]);
    const ended = rowsPush(1, 4, [3], [{ ...(LINES[3] as Line), duration: 4, status: 2 }], data.meta);
    push(ended.push, ended.buffers);
    expect(x.streaming.value).toBe(-1);
  });

  test("running bars grow with the clock and stop with the kernel", async () => {
    const { x, close } = await setUp();
    const table = x.table.value;
    if (!table) throw new Error("not loaded");
    await vi.advanceTimersByTimeAsync(2000);
    expect(x.rowEnd(table, 3)).toBeGreaterThanOrEqual(1800);
    close("no kernel");
    expect([x.isLive.value, x.rowEnd(table, 3)]).toEqual([false, 7]);
  });
});

describe("keys", () => {
  test("right opens then goes in, left closes then goes out", async () => {
    const { x } = await setUp();
    const steps = [() => x.into(), () => x.outOf(), () => x.into(), () => x.into(), () => x.outOf(), () => x.outOf()];
    const seen = steps.map((step) => (step(), [x.selected.value, drawn(x).length]));
    expect(seen).toEqual([[1, 4], [1, 3], [1, 4], [2, 4], [1, 4], [1, 3]]);
  });

  test("e goes round the errors and opens what hides them", async () => {
    const { x } = await setUp();
    x.toggle(0, false);
    x.nextError();
    expect([x.selected.value, drawn(x)]).toEqual([2, [0, 1, 2, 3]]);
    x.nextError(-1);
    expect(x.selected.value).toBe(2);
  });

  test("closing all keeps the top level, and the selection visible", async () => {
    const { x } = await setUp();
    x.select(2);
    x.setAllOpen(false);
    expect([drawn(x), x.selected.value]).toEqual([[0, 1, 3], 1]);
  });
});

describe("find", () => {
  test("shows matches in their tree, drops answers that are overtaken", async () => {
    const { x, asked } = await setUp();
    void x.find.search("lo");
    void x.find.search("look");
    await asked.find((each) => each.params.query === "look")?.answer({ rows: [2] });
    await asked.find((each) => each.params.query === "lo")?.answer({ rows: [0, 1, 2, 3] });
    expect(drawn(x)).toEqual([0, 1, 2]);
    x.find.clear();
    expect(drawn(x).length).toBe(4);
  });

  test("what is typed is looked for once one pauses, unless it was cleared before", async () => {
    const { x, asked } = await setUp();
    const searches = () => asked.flatMap((each) => (each.method === "find" ? [each.params.query] : []));
    x.find.type("lo");
    x.find.type("look");
    await vi.advanceTimersByTimeAsync(500);
    expect(searches()).toEqual(["look"]);
    x.find.type("looked");
    x.find.clear();
    await vi.advanceTimersByTimeAsync(500);
    expect([searches(), x.find.query.value]).toEqual([["look"], ""]);
  });

  test("a refused filter says why and leaves the tree as it was", async () => {
    const { x, asked } = await setUp();
    void x.find.search("cots > 1");
    await asked.at(-1)?.answer({ rows: [], error: { message: "unknown name 'cots'", at: 0 } });
    expect([x.find.problem.value, drawn(x).length]).toEqual([{ message: "unknown name 'cots'", at: 0 }, 4]);
  });

  test("selecting a row outside the matches ends the search", async () => {
    const { x, asked } = await setUp();
    void x.find.search("look");
    await asked.at(-1)?.answer({ rows: [2] });
    x.select(3);
    expect([x.find.found.value, x.find.query.value]).toEqual([null, ""]);
  });
});

test("Python's selection is looked up by its span id and nothing else", async () => {
  let choose: (id: string | null) => void = () => undefined;
  const { x, asked } = await setUp(LINES, { onSelected: (callback) => ((choose = callback), () => undefined) });
  choose('" or 1 == 1');
  choose(null);
  expect(asked.filter((each) => each.method === "find")).toEqual([]);
  choose("00f067aa0ba902b7");
  const find = asked.find((each) => each.method === "find");
  expect(find?.params).toEqual({ query: 'span_id == "00f067aa0ba902b7"' });
  await find?.answer({ rows: [2] });
  expect(x.selected.value).toBe(2);
});

test("without data it says what to do", async () => {
  const { x } = await setUp(LINES, { load: () => Promise.resolve({ meta: {} as never, cols: new DataView(new ArrayBuffer(0)) }) });
  expect(x.problem.value).toContain("Re-run this cell");
});
