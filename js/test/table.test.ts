import { expect, test } from "vitest";
import { moved, nextSort, type Row } from "../src/core/traces.ts";
import { sortedPlaces } from "../src/core/tablefile.ts";
import { cellText } from "../src/table/columns.ts";

test("a heading sorts numbers by the largest and texts by the first, and turns round", () => {
  expect(nextSort("-start", "cost_usd", true)).toBe("-cost_usd");
  expect(nextSort("-cost_usd", "cost_usd", true)).toBe("cost_usd");
  expect(nextSort("cost_usd", "cost_usd", true)).toBe("-cost_usd");
  expect(nextSort("-start", "name", false)).toBe("name");
});

test("a column moves by places and stays within the table", () => {
  expect(moved(["a", "b", "c"], "c", -1)).toEqual(["a", "c", "b"]);
  expect(moved(["a", "b", "c"], "a", 1)).toEqual(["b", "a", "c"]);
  expect(moved(["a", "b"], "a", -1)).toEqual(["a", "b"]);
  expect(moved(["a", "b"], "b", 5)).toEqual(["a", "b"]);
  expect(moved(["a"], "z", 1)).toEqual(["a"]);
});

test("cells say numbers as people read them, and nothing where nothing is known", () => {
  const row: Row = {
    trace_id: "t", name: "ask", status: "open", start: 0, tags: ["a", "b"],
    duration_ms: null, total_tokens: 2431, cost_usd: 0.0042, n_errors: 0, execution_count: 7, user_id: null,
  };
  const said = ["duration_ms", "total_tokens", "cost_usd", "n_errors", "execution_count", "user_id", "tags", "status"].map((name) => cellText(row, name));
  expect(said).toEqual(["running", "2,431", "$0.0042", "", "[7]", "", "a, b", "running"]);
});

test("rows in a file are sorted as Python sorts them: missing values last both ways", () => {
  const rows = [5, null, 30, 5].map((cost_usd, at) => ({ trace_id: `${at}`, name: "", status: "ok", start: 0, tags: [], cost_usd }) as Row);
  expect(sortedPlaces(rows, "cost_usd")).toEqual([0, 3, 2, 1]);
  expect(sortedPlaces(rows, "-cost_usd")).toEqual([2, 0, 3, 1]);
});
