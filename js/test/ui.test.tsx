// @vitest-environment happy-dom
import { render, type ComponentChild } from "preact";
import { afterEach, expect, test } from "vitest";
import { Explorer } from "../src/core/explorer.ts";
import type { Json as Value } from "../src/core/types.ts";
import { more } from "../src/more/index.tsx";
import { ExplorerContext } from "../src/ui/context.ts";
import { Json } from "../src/ui/Json.tsx";
import { Markdown } from "../src/ui/Markdown.tsx";
import { lex } from "../src/widgets/markdown.ts";

function draw(child: ComponentChild): HTMLElement {
  const el = document.body.appendChild(document.createElement("div"));
  const x = new Explorer({
    lex,
    more,
    load: () => Promise.reject(new Error("nothing to load")),
    rpc: () => Promise.reject(new Error("nobody to ask")),
    onPush: () => () => undefined,
    onClose: () => () => undefined,
    getView: () => ({}),
    setView: () => undefined,
    setSelected: () => undefined,
  });
  render(<ExplorerContext.Provider value={x}>{child}</ExplorerContext.Provider>, el);
  return el;
}

const markdown = (text: string): HTMLElement => draw(<Markdown text={text} />);
const tags = (el: HTMLElement): string[] => [...el.querySelectorAll("*")].map((each) => each.tagName.toLowerCase());

afterEach(() => document.body.replaceChildren());

test("markdown becomes elements of our own", () => {
  const el = markdown("# Title\n\n**bold** *em* ~~no~~ `x < y`\n\n- [x] done\n- two\n\n> quote\n\n```js\nalert(1)\n```\n\n|a|b|\n|-|-:|\n|1|2|\n\n---");
  for (const tag of ["b", "em", "s", "code", "ul", "li", "blockquote", "pre", "table", "th", "td", "hr"]) expect(tags(el)).toContain(tag);
  expect(el.querySelector(".sb-h1")?.textContent).toBe("Title");
  expect(el.querySelector("code")?.textContent).toBe("x < y");
  expect(el.querySelector("li")?.textContent).toBe("☑ done");
});

test.each([
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "a <b onclick=alert(1)>bold</b>",
  "<div><svg onload=alert(1)></div>",
  "<style>*{color:red}</style>",
  "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
])("raw HTML %j is text", (text) => {
  const el = markdown(text);
  expect(el.textContent?.trim()).toContain(text);
  for (const tag of ["script", "img", "svg", "style", "iframe"]) expect(tags(el)).not.toContain(tag);
  expect(el.querySelectorAll("[onclick],[onerror],[onload]").length).toBe(0);
});

test("links show where they lead and open apart; unsafe ones are text", () => {
  const el = markdown("[click](https://evil.example/x) [no](javascript:alert(1)) ![pic](https://evil.example/p.png) <https://a.example>");
  const links = [...el.querySelectorAll("a")];
  expect(links.map((each) => each.href)).toEqual(["https://evil.example/x", "https://evil.example/p.png", "https://a.example/"]);
  expect(links.map((each) => [each.target, each.rel])).toEqual(Array(3).fill(["_blank", "noopener noreferrer"]));
  expect(el.textContent).toContain("click evil.example/x");
  expect(el.textContent).toContain("no (javascript:alert(1))");
  expect(tags(el)).not.toContain("img");
});

test("deep nesting ends instead of overflowing", () => {
  expect(markdown(`${">".repeat(3000)} deep`).textContent).toContain("deep");
});

const json = (value: Value): HTMLElement => draw(<Json value={value} row={0} label="Value" />);

test("a JSON tree says its levels and folds", () => {
  const el = json({ list: [{ a: "x".repeat(90) }, 2], text: "two\nlines" });
  const items = [...el.querySelectorAll('[role="treeitem"]')];
  expect(items.map((each) => each.getAttribute("aria-level"))).toEqual(["1", "2", "2", "1"]);
  expect(items.map((each) => each.getAttribute("aria-expanded"))).toEqual(["true", "false", null, null]);
  expect(el.querySelector("pre")?.textContent).toBe("two\nlines");
});

test("keys that mean something to objects are only keys", () => {
  const el = json(JSON.parse('{"__proto__": {"x": 1}, "constructor": "c", "$type": 3}') as Value);
  expect(el.textContent).toContain("__proto__");
  expect(({} as { x?: number }).x).toBeUndefined();
});

test.each<[Value, string]>([
  [{ $type: "dataframe", shape: [1200, 2], columns: ["a", "b"], dtypes: { a: "int64", b: "object" }, head: [{ a: 1, b: "x" }] }, "tableJSONDataFrame 1,200 × 2, the first 1 were keptcopy TSVpythonrowab01x"],
  [{ $type: "array", shape: [3, 4], dtype: "float32", head: [0.5, 1], min: 0, max: 1 }, "tableJSONarray [3 × 4] float32 · 0 to 1 · first 2 of 12 values[0.5, 1]"],
  [{ $type: "array", shape: [2], dtype: "int64", head: [1, 2], min: 1, max: 2 }, "tableJSONarray [2] int64 · 1 to 2[1, 2]"],
  [{ $type: "series", name: "v", dtype: "float64", size: 50, head: [{ $type: "number", text: "1.0" }, { $type: "float", text: "nan" }] }, "tableJSONSeries v float64 · first 2 of 50 values[1.0, nan]"],
  [{ $type: "number", text: "12345678901234567890" }, "12345678901234567890"],
  [{ $type: "cut", size: 2_000_000, head: "abc" }, "abc… cut here: 2.0 M in all, the rest was not kept"],
  [{ $type: "repr", class: "app.Thing", text: "<Thing>" }, "app.Thing <Thing>"],
  [{ $type: "cycle", class: "dict" }, "↺ dict refers back to itself"],
  [{ $type: "not_captured", class: "socket", reason: "open file" }, "socket not captured: open file"],
  [{ $type: "bytes", size: 2048, head: "00ff" }, "bytes 2.0 kB00ff"],
  [{ $type: "float", text: "nan" }, "nan"],
])("a captured value reads as what it is: %j", (value, text) => {
  expect(json(value).textContent).toBe(text);
});
