import { expect, test } from "vitest";
import { SpanTable } from "../src/core/columns.ts";
import { ENTRY_KINDS, entryText, formatOffset, logOf, LogPages, PAGE, type LogEntry, type LogPage } from "../src/core/log.ts";
import type { Host } from "../src/core/rpc.ts";
import type { Detail } from "../src/core/types.ts";
import { loaded } from "./wire.ts";

const COUNTS = { start: 450, "first token": 0, event: 0, error: 0, end: 0, score: 0 };

/** A host that answers when it is told to. */
function host() {
  const calls: { params: Record<string, unknown>; answer(page: LogPage | { place: number | null }): void; fail(message: string): void }[] = [];
  const rpc = (_: string, params: object = {}) =>
    new Promise((resolve, reject) => {
      calls.push({
        params: params as Record<string, unknown>,
        answer: (result) => resolve({ result, buffers: [] }),
        fail: (message) => reject(new Error(message)),
      });
    });
  return { calls, host: { rpc } as unknown as Host };
}

const page = (offset: number, total = 450): LogPage => ({
  total,
  counts: { ...COUNTS, start: total },
  entries: Array.from({ length: Math.min(PAGE, total - offset) }, (_, i): LogEntry => ({ at_ms: offset + i, what: "start", row: offset + i })),
});

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

const later = () => new Promise((resolve) => setTimeout(resolve, 80));

test("only what is in sight is asked for, one page at a time", async () => {
  const { calls, host: asked } = host();
  const pages = new LogPages(asked);
  pages.want(0, 20);
  pages.want(0, 22);
  expect(calls.map((call) => call.params)).toEqual([{ offset: 0, limit: PAGE, kinds: [...ENTRY_KINDS] }]);
  calls[0]?.answer(page(0));
  await settle();
  expect([pages.total, pages.get(3)?.row, pages.get(PAGE)]).toEqual([450, 3, null]);
  pages.want(190, 215);
  pages.want(390, 410);
  calls[1]?.answer(page(200));
  await settle();
  calls[2]?.answer(page(400));
  await settle();
  expect(calls.map((call) => call.params.offset)).toEqual([0, 200, 400]);
  expect(pages.get(401)?.row).toBe(401);
});

test("what is known stays until it is answered anew, and only what is in sight is", async () => {
  const { calls, host: asked } = host();
  const pages = new LogPages(asked);
  pages.want(0, 20);
  calls[0]?.answer(page(0));
  await settle();
  pages.refresh();
  expect(pages.get(3)?.row).toBe(3);
  await later();
  calls[1]?.answer(page(0, 451));
  await settle();
  expect([pages.total, calls.length]).toEqual([451, 2]);
});

test("an answer for kinds that are no longer shown is dropped", async () => {
  const { calls, host: asked } = host();
  const pages = new LogPages(asked);
  pages.want(0, 20);
  pages.show(["end"]);
  calls[0]?.answer(page(0));
  await settle();
  expect(pages.get(0)).toBeNull();
  expect(calls[1]?.params.kinds).toEqual(["end"]);
});

test("a failure is said, and asking again is possible", async () => {
  const { calls, host: asked } = host();
  const pages = new LogPages(asked);
  pages.want(0, 20);
  calls[0]?.fail("no kernel");
  await settle();
  expect(pages.problem.peek()).toBe("no kernel");
  pages.refresh();
  await later();
  calls[1]?.answer(page(0));
  await settle();
  expect([pages.problem.peek(), pages.total]).toEqual([null, 450]);
});

function detail(changes: { [K in keyof Detail]?: Partial<Detail[K]> }): Detail {
  const empty = { input: null, output: null, error: null, metadata: null, model_parameters: null, tools: null, attributes: null, events: [], scores: [] };
  return { ...empty, ...changes, span: { span_id: "1", name: "a", kind: "span", status: "ok", ...changes.span } } as Detail;
}

test("a page without kernel makes the log from details, in order of time, children's ends first", () => {
  const score = { name: "good", value: 1, value_type: "number", source: "human", comment: "well done", created_ms: 2_000 };
  const log = logOf(
    {
      0: detail({ span: { start_ms: 1_000, duration_ms: 50 }, events: [{ time_ms: 1_020, name: "retry", data: { n: 2 } }], scores: [score] }),
      1: detail({ span: { start_ms: 1_010, duration_ms: 40, status: "error", time_to_first_token_ms: 5 }, error: { type: "ValueError", message: "no" } }),
    },
    1_000,
  );
  const { total, counts, entries } = log({}) as LogPage;
  expect(entries.map(({ at_ms, what, row }) => [at_ms, what, row])).toEqual([
    [0, "start", 0], [10, "start", 1], [15, "first token", 1], [20, "event", 0], [50, "error", 1], [50, "end", 0], [1000, "score", 0],
  ]);
  expect([total, counts.start, counts.error]).toEqual([7, 2, 1]);
  expect(entries[3]).toMatchObject({ label: "retry", text: '{"n":2}' });
  expect(entries[4]).toMatchObject({ label: "ValueError", text: "no" });
  expect(entries[6]).toMatchObject({ label: "good", text: "1 · human · well done" });
  expect((log({ kinds: ["start"], offset: 1, limit: 5 }) as LogPage).entries.map((entry) => entry.row)).toEqual([1]);
  expect([log({ row: 1, kinds: ["error", "end"] }), log({ row: 0, kinds: ["error"] })]).toEqual([{ place: 0 }, { place: null }]);
});

test("entries say what the columns have", async () => {
  const { meta, cols } = loaded([{ name: "plan", kind: 1, duration: 1180, firstToken: 310, tokens: 1102, cost: 0.0019, sub: "gpt-4o" }]);
  const table = await SpanTable.decode(meta, cols);
  const said = (what: LogEntry["what"], row = 0) => entryText(table, { at_ms: 0, what, row }).text;
  expect([said("start"), said("first token"), said("end"), said("end", 7)]).toEqual(["gpt-4o", "after 0.31 s", "after 1.18 s · 1,102 tok · $0.0019", ""]);
});

test.each([[0, "0.000 s"], [820.4, "0.820 s"], [-5, "-0.005 s"], [125_000, "125.000 s"], [7_300_000, "2 h 02 m"]])("%d ms in a log", (ms, text) => {
  expect(formatOffset(ms)).toBe(text);
});
