/**
 * What changed between two texts, word by word. Myers' greedy algorithm (1986), with a bound on its work: two texts
 * that differ too much for it are compared line by line, and past that bound as one whole, so that the time
 * taken grows with the length of the texts alone.
 */

export interface Change {
  kind: "same" | "added" | "removed";
  text: string;
}

/** A line break, a run of other blanks, one sign of a script without blanks between words, a word, one other sign. */
const TOKEN =
  /\n|[^\S\n]+|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]|[\p{L}\p{M}\p{N}_]+|[^]/gu;
const LINE = /[^\n]*\n|[^\n]+$/g;

/** Beyond these, texts are compared by a coarser measure. The first is of memory, in its square; the second of time. */
const MOST_EDITS = 1000;
const MOST_STEPS = 3_000_000;
/** Texts whose differing part is longer than this are compared by lines from the start. */
const MOST_BY_WORD = 400_000;

/** The changes that make `b` of `a`, in reading order, what was removed before what was added; runs are joined. */
export function diffWords(a: string, b: string): Change[] {
  const start = commonStart(a, b);
  const end = commonEnd(a, b, start);
  const left = a.slice(start, a.length - end);
  const right = b.slice(start, b.length - end);
  const changes: Change[] = [{ kind: "same", text: a.slice(0, start) }];
  changes.push(...((left.length + right.length <= MOST_BY_WORD ? byToken(left, right, TOKEN) : null) ?? byLine(left, right)));
  changes.push({ kind: "same", text: a.slice(a.length - end) });
  return tidy(changes);
}

function byLine(a: string, b: string): Change[] {
  const lines = byToken(a, b, LINE);
  if (!lines) return whole(a, b);
  // A changed block that is small enough is compared by words once more.
  return grouped(lines).flatMap(({ removed, added, same }) => {
    if (same) return [{ kind: "same" as const, text: same }];
    const isSmall = removed && added && removed.length + added.length <= 20_000;
    return (isSmall ? byToken(removed, added, TOKEN) : null) ?? whole(removed, added);
  });
}

const whole = (removed: string, added: string): Change[] => [{ kind: "removed", text: removed }, { kind: "added", text: added }];

/** The changes of two texts cut by `pattern`; null when they differ too much for the bound. */
function byToken(a: string, b: string, pattern: RegExp): Change[] | null {
  const left = a.match(pattern) ?? [];
  const right = b.match(pattern) ?? [];
  const kept = alignSequences(left, right);
  if (!kept) return null;
  const changes: Change[] = [];
  let i = 0;
  let j = 0;
  for (const [x, y] of [...kept, [left.length, right.length] as const]) {
    if (i < x) changes.push({ kind: "removed", text: left.slice(i, x).join("") });
    if (j < y) changes.push({ kind: "added", text: right.slice(j, y).join("") });
    if (x < left.length) changes.push({ kind: "same", text: left[x] as string });
    [i, j] = [x + 1, y + 1];
  }
  return changes;
}

/**
 * The longest common subsequence of two lists as pairs of positions, in order; null when it takes more work
 * than the bound allows.
 */
export function alignSequences(a: readonly string[], b: readonly string[]): [number, number][] | null {
  const numbers = new Map<string, number>();
  const number = (text: string): number => {
    const known = numbers.get(text) ?? numbers.size;
    numbers.set(text, known);
    return known;
  };
  const left = Int32Array.from(a, number);
  const right = Int32Array.from(b, number);
  const rounds = search(left, right);
  if (!rounds) return null;
  const pairs: [number, number][] = [];
  let x = left.length;
  let y = right.length;
  for (let d = rounds.length - 1; d >= 0; d--) {
    // Each round holds how far every diagonal from -d to d had come before it.
    const reach = rounds[d] as Int32Array;
    const at = (k: number): number => (k < -d || k > d ? -1 : (reach[k + d] as number));
    const k = x - y;
    const isDown = k === -d || (k !== d && at(k - 1) < at(k + 1));
    const from = d === 0 ? 0 : isDown ? at(k + 1) : at(k - 1) + 1;
    while (x > from) pairs.push([--x, --y]);
    if (d === 0) break;
    if (isDown) y--;
    else x--;
  }
  return pairs.reverse();
}

/** The rounds of Myers' search until the end of both lists is reached; null past the bound. */
function search(a: Int32Array, b: Int32Array): Int32Array[] | null {
  const most = Math.min(a.length + b.length, MOST_EDITS);
  const reach = new Int32Array(2 * most + 3).fill(-1);
  const middle = most + 1;
  reach[middle + 1] = 0;
  const rounds: Int32Array[] = [];
  let steps = 0;
  for (let d = 0; d <= most; d++) {
    rounds.push(reach.slice(middle - d, middle + d + 1));
    for (let k = -d; k <= d; k += 2) {
      const below = reach[middle + k + 1] as number;
      const before = reach[middle + k - 1] as number;
      let x = k === -d || (k !== d && before < below) ? below : before + 1;
      const start = x;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      reach[middle + k] = x;
      steps += x - start + 1;
      if (x >= a.length && x - k >= b.length) return rounds;
    }
    if (steps > MOST_STEPS) return null;
  }
  return null;
}

interface Group {
  same: string;
  removed: string;
  added: string;
}

/** Runs of equal text, and between them what was removed and what was added there. */
function grouped(changes: readonly Change[]): Group[] {
  const groups: Group[] = [];
  for (const { kind, text } of changes) {
    const last = groups[groups.length - 1];
    if (text === "") continue;
    if (last && (last.same !== "") === (kind === "same")) last[kind] += text;
    else groups.push({ same: "", removed: "", added: "", [kind]: text });
  }
  return groups;
}

/** Joins runs, and takes blanks alone between two changes for changed too: "old two words" reads better than three bits. */
function tidy(changes: readonly Change[]): Change[] {
  const groups = grouped(changes);
  const isBridge = ({ same }: Group, i: number): boolean => i > 0 && i < groups.length - 1 && /^[^\S\n]+$/.test(same);
  const joined = groups.flatMap((group, i) => (isBridge(group, i) ? whole(group.same, group.same) : changesOf(group)));
  return grouped(joined).flatMap(changesOf);
}

function changesOf(group: Group): Change[] {
  return (["same", "removed", "added"] as const).filter((kind) => group[kind] !== "").map((kind) => ({ kind, text: group[kind] }));
}

/** How many characters both texts begin with, back to the end of a word so that no word is cut. */
function commonStart(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let n = 0;
  while (n < most && a.charCodeAt(n) === b.charCodeAt(n)) n++;
  if (n === a.length && n === b.length) return n;
  while (n > 0 && !isBlank(a, n - 1)) n--;
  return n;
}

function commonEnd(a: string, b: string, start: number): number {
  const most = Math.min(a.length, b.length) - start;
  let n = 0;
  while (n < most && a.charCodeAt(a.length - 1 - n) === b.charCodeAt(b.length - 1 - n)) n++;
  while (n > 0 && !isBlank(a, a.length - n)) n--;
  return n;
}

function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 32 || code === 10;
}
