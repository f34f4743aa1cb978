/** Two texts, word by word: removed words struck out, added ones strong; inline, or one beside the other. */

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { formatCount, plural } from "../core/format.ts";
import { foldLines, splitLines, type Stretch } from "../core/pairs.ts";
import { diffWords, type Change } from "../core/worddiff.ts";

/** Characters of an unchanged piece of one line that are drawn before and after what is cut out. */
const CONTEXT = 120;
const MOST_UNCUT = 4 * CONTEXT;

interface WordDiffProps {
  a: string;
  b: string;
  isBeside: boolean;
  /** Set in the fixed-width face, as JSON is. */
  isCode?: boolean;
}

export function WordDiff({ a, b, isBeside, isCode = false }: WordDiffProps): JSX.Element {
  const stretches = useMemo(() => foldLines(splitLines(diffWords(a, b))), [a, b]);
  const className = ["sb-diff", isCode ? "sb-mono" : "", isBeside ? "sb-beside" : ""].filter(Boolean).join(" ");
  return (
    <div class={className}>
      {stretches.map((stretch, at) => (
        <Lines key={at} stretch={stretch} isBeside={isBeside} />
      ))}
    </div>
  );
}

function Lines({ stretch, isBeside }: { stretch: Stretch; isBeside: boolean }): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  if (stretch.isFolded && !isOpen) {
    return <Unfold label={plural(stretch.lines.length, "unchanged line")} open={() => setOpen(true)} />;
  }
  return (
    <>
      {stretch.lines.map((line, at) => (
        <Line key={at} line={line} isBeside={isBeside} />
      ))}
    </>
  );
}

export function Unfold({ label, open }: { label: string; open: () => void }): JSX.Element {
  return (
    <button type="button" class="sb-old" title="Show them" onClick={open}>
      {label}
    </button>
  );
}

function Line({ line, isBeside }: { line: Change[]; isBeside: boolean }): JSX.Element {
  // Of a text that has nothing in common with the other, both stand one under the other.
  const isRewritten = line.length > 1 && line.every(({ kind }) => kind !== "same");
  if (!isBeside) return <div class={isRewritten ? "sb-dl1 sb-rewritten" : "sb-dl1"}>{line.length === 0 ? "\n" : <Words line={line} />}</div>;
  const side = (without: Change["kind"]): Change[] => line.filter((each) => each.kind !== without);
  return (
    <div class="sb-dl2">
      <div><Words line={side("added")} /></div>
      <div><Words line={side("removed")} /></div>
    </div>
  );
}

function Words({ line }: { line: Change[] }): JSX.Element {
  return (
    <>
      {line.map(({ kind, text }, at) =>
        kind === "removed" ? <del key={at}>{visible(text)}</del> : kind === "added" ? <ins key={at}>{visible(text)}</ins> : <Same key={at} text={text} isFirst={at === 0} isLast={at === line.length - 1} />,
      )}
    </>
  );
}

/** Line breaks that came or went are drawn, since nothing else of them can be seen. */
const visible = (text: string): string => (/^\n+$/.test(text) ? text.replaceAll("\n", "↵\n") : text);

/** An unchanged piece of a line, its middle cut out when it is long. */
function Same({ text, isFirst, isLast }: { text: string; isFirst: boolean; isLast: boolean }): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  if (isOpen || text.length <= MOST_UNCUT || (isFirst && isLast)) return <>{text}</>;
  const head = isFirst ? 0 : CONTEXT;
  const tail = isLast ? 0 : CONTEXT;
  return (
    <>
      {text.slice(0, head)}
      <button type="button" class="sb-cut" title="Show the unchanged text" onClick={() => setOpen(true)}>
        … {formatCount(text.length - head - tail)} unchanged characters …
      </button>
      {text.slice(text.length - tail)}
    </>
  );
}
