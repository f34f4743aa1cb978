import { expect, test } from "vitest";
import { problems } from "../lint.mjs";

test.each([
  "el.innerHTML = text;",
  "el.insertAdjacentHTML('beforeend', text);",
  "<div dangerouslySetInnerHTML={{ __html: text }} />",
  "eval(text);",
  "new Function(text);",
  "const x = value as any;",
  "function f(x: any) {}",
  "<a href={text}>",
  "img.src = text;",
  "<div {...props}>",
])("%s is refused", (line) => {
  expect(problems("src/ui/Other.tsx", line).length).toBeGreaterThan(0);
});

test.each(["// never innerHTML", 'const word = "eval(x)";', "const anything = 1;", "foo({ ...view })"])("%s is not", (line) => {
  expect(problems("src/ui/Other.tsx", line)).toEqual([]);
});
