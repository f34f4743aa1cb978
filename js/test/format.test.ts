import { expect, test } from "vitest";
import { formatBytes, formatCount, formatDuration, formatMoney, plural } from "../src/core/format.ts";
import table from "./format.json";

const FUNCTIONS: Record<string, (value: number | null) => string> = {
  duration_ms: formatDuration,
  cost_usd: formatMoney,
  count: formatCount,
  bytes: formatBytes,
};

test.each(table)("$fn $value reads as $text", ({ fn, value, text }) => {
  expect(FUNCTIONS[fn]?.(value)).toBe(text);
});

test("what is not a number reads as a dash", () => {
  expect([formatCount(NaN), formatMoney(undefined), formatDuration(Infinity)]).toEqual(["–", "–", "–"]);
});

test("nouns agree with their count", () => {
  expect([plural(1, "error"), plural(2, "error"), plural(0, "entry", "entries")]).toEqual(["1 error", "2 errors", "0 entries"]);
});
