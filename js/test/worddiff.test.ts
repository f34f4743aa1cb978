import { describe, expect, it } from "vitest";
import { alignSequences, diffWords, type Change } from "../src/core/worddiff.ts";

const side = (changes: Change[], not: Change["kind"]): string => changes.filter(({ kind }) => kind !== not).map(({ text }) => text).join("");
const short = (changes: Change[]): string =>
  changes.map(({ kind, text }) => (kind === "same" ? text : kind === "added" ? `{+${text}+}` : `[-${text}-]`)).join("");

/** A fixed sequence of pseudo-random numbers below `n`. */
function dice(seed: number): (n: number) => number {
  let state = seed;
  return (n) => (state = (state * 48271) % 2147483647) % n;
}

describe("diffWords", () => {
  it("marks the words that changed", () => {
    expect(short(diffWords("the old plan costs 29 a month", "the new plan costs 31 a month"))).toBe("the [-old-]{+new+} plan costs [-29-]{+31+} a month");
  });

  it("joins neighbouring changed words over the blanks between them", () => {
    expect(short(diffWords("say one two now", "say three four now"))).toBe("say [-one two-]{+three four+} now");
  });

  it.each([
    ["", "", ""],
    ["", "all new", "{+all new+}"],
    ["all gone", "", "[-all gone-]"],
    ["same", "same", "same"],
    ["word", "words", "[-word-]{+words+}"],
    ["a, b", "a; b", "a[-,-]{+;+} b"],
    ["今日は雨です", "今日は晴です", "今日は[-雨-]{+晴+}です"],
    ["one\ntwo\n", "one\nand\ntwo\n", "one\n{+and\n+}two\n"],
    ["👍 yes", "👎 yes", "[-👍-]{+👎+} yes"],
  ])("%j to %j", (a, b, expected) => {
    expect(short(diffWords(a, b))).toBe(expected);
  });

  it("gives both texts back whole, whatever they are", () => {
    const roll = dice(7);
    const words = ["a", "b", " ", "\n", "über", "é", "𝒳", ".", "  ", "\ud800"];
    for (let i = 0; i < 2000; i++) {
      const [a, b] = [0, 0].map(() => Array.from({ length: roll(14) }, () => words[roll(words.length)]).join("")) as [string, string];
      const changes = diffWords(a, b);
      expect(side(changes, "added")).toBe(a);
      expect(side(changes, "removed")).toBe(b);
      for (const [at, change] of changes.entries()) expect(change.text !== "" && change.kind !== changes[at - 1]?.kind).toBe(true);
    }
  });

  it("falls back to lines and then to the whole for texts that share little, in linear work", () => {
    const roll = dice(11);
    const text = (n: number): string => Array.from({ length: n }, () => `w${roll(50_000)}${roll(9) === 0 ? "\n" : " "}`).join("");
    const a = text(200_000);
    const b = text(200_000);
    const changes = diffWords(a, b);
    expect(side(changes, "added")).toBe(a);
    expect(side(changes, "removed")).toBe(b);
  });

  it("finds one changed word in megabytes", () => {
    const body = "many words of a long report, line by line\n".repeat(100_000);
    expect(diffWords(`${body}old end\n${body}`, `${body}new end\n${body}`).slice(1, 3)).toEqual([
      { kind: "removed", text: "old" },
      { kind: "added", text: "new" },
    ]);
  });
});

describe("alignSequences", () => {
  it("finds the longest common subsequence", () => {
    const roll = dice(3);
    for (let i = 0; i < 300; i++) {
      const [a, b] = [0, 0].map(() => Array.from({ length: roll(12) }, () => "abcd"[roll(4)] as string)) as [string[], string[]];
      const pairs = alignSequences(a, b) as [number, number][];
      for (const [n, [x, y]] of pairs.entries()) {
        expect(a[x]).toBe(b[y]);
        const before = pairs[n - 1] ?? [-1, -1];
        expect(x > before[0] && y > before[1]).toBe(true);
      }
      expect(pairs.length).toBe(longest(a, b));
    }
  });
});

function longest(a: string[], b: string[]): number {
  let before = new Array<number>(b.length + 1).fill(0);
  for (const word of a) {
    const now = [0];
    for (let j = 0; j < b.length; j++) now.push(word === b[j] ? (before[j] as number) + 1 : Math.max(before[j + 1] as number, now[j] as number));
    before = now;
  }
  return before[b.length] as number;
}
