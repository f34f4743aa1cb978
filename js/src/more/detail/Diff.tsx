/** What an llm call was told that the call before it was not. */

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { formatCount, plural } from "../../core/format.ts";
import { countSteps, diffMessages, type Step } from "../../core/messagediff.ts";
import { pairCalls } from "../../core/messages.ts";
import type { PaneProps } from "../../core/more.ts";
import { pieces } from "../../core/pieces.ts";
import { textOf, type Message, type Previous } from "../../core/types.ts";
import type { Change } from "../../core/worddiff.ts";
import { Busy, Messages, useExplorer, useFetched } from "../../ui/kit.ts";

/** Equal text beyond this between two changes is folded, but for so many characters at its ends. */
const LONG_SAME = 500;
const SHOWN_END = 140;
const LONG_CHANGE = 2000;

const REASONS: Record<NonNullable<Previous["reason"]>, string> = {
  continued: "the call that this one continues",
  beside: "the llm call before it, beside it in the tree",
  "same name": "the last call of the same name and model",
};

export function Diff({ row, detail }: PaneProps): JSX.Element {
  const x = useExplorer();
  const { value, error } = useFetched(`${row} ${detail?.span.status}`, async () => (await x.host.rpc<Previous>("diff", { row })).result);
  const steps = useMemo(() => (value?.before && value.after ? diffMessages(value.before, value.after) : null), [value]);
  if (error) return <div class="sb-err">{x.closed.value === null ? error : "No kernel: re-run this cell to compare its messages."}</div>;
  if (!value) return x.details.isSlow.value ? <Busy /> : <></>;
  const before = value.row;
  if (before === null || !steps) return <div class="sb-muted">No call before this one has the same conversation, place or name: there is nothing to compare it with.</div>;
  const counts = countSteps(steps);
  const said = (["added", "removed", "changed"] as const).filter((kind) => counts[kind] > 0).map((kind) => `${formatCount(counts[kind])} ${kind}`);
  return (
    <div class="sb-diff">
      <p class="sb-muted">
        Against <button type="button" class="sb-link" title="Go to this call" onClick={() => x.select(before)}>{x.table.value?.name(before)}</button>
        {value.reason ? `, ${REASONS[value.reason]}` : ""}: {said.join(", ") || "no difference"}.
      </p>
      {steps.map((step, i) => <StepView key={i} step={step} row={row} before={before} />)}
    </div>
  );
}

function StepView({ step, row, before }: { step: Step; row: number; before: number }): JSX.Element {
  if (step.kind === "changed") return <Changed step={step} />;
  if (step.kind === "same") return <Same messages={step.messages} row={row} />;
  const isAdded = step.kind === "added";
  return (
    <div class={isAdded ? "sb-came" : "sb-gone"} role="group" aria-label={`${plural(step.messages.length, "message")} ${step.kind}`}>
      <Messages shown={pairCalls(step.messages, [])} row={isAdded ? row : before} />
    </div>
  );
}

function Same({ messages, row }: { messages: Message[]; row: number }): JSX.Element {
  const [isOpen, open] = useState(false);
  const said = plural(messages.length, "unchanged message");
  return (
    <>
      <button type="button" class="sb-old" aria-expanded={isOpen} onClick={() => open(!isOpen)}>{isOpen ? `hide ${said}` : said}</button>
      {isOpen && <Messages shown={pairCalls(messages, [])} row={row} />}
    </>
  );
}

function Changed({ step }: { step: Extract<Step, { kind: "changed" }> }): JSX.Element {
  return (
    <div class="sb-edited" role="group" aria-label={`${step.after.role} message changed`}>
      <div class="sb-m">
        <div class="sb-who">{textOf(step.after.name) || textOf(step.after.role)}</div>
        <div class="sb-what"><Words words={step.words} /></div>
      </div>
    </div>
  );
}

/** Text with what was taken out struck through and what came in underlined. */
function Words({ words }: { words: readonly Change[] }): JSX.Element {
  return (
    <div class="sb-text">
      {words.map(({ kind, text }, i) => {
        if (kind === "added") return <ins key={i}><Whole text={text} /></ins>;
        if (kind === "removed") return <del key={i}><Whole text={text} /></del>;
        return <Unchanged key={i} text={text} isFirst={i === 0} isLast={i === words.length - 1} />;
      })}
    </div>
  );
}

/** Changed text, long ones by their beginning. */
function Whole({ text }: { text: string }): JSX.Element {
  const [isOpen, open] = useState(false);
  if (isOpen || text.length <= LONG_CHANGE) return <>{isOpen ? pieces(text).map((piece, i) => <span key={i} class="sb-piece">{piece}</span>) : text}</>;
  return (
    <>
      {text.slice(0, LONG_CHANGE)}
      <button type="button" class="sb-link" onClick={() => open(true)}>… {formatCount(text.length - LONG_CHANGE)} more characters</button>
    </>
  );
}

function Unchanged({ text, isFirst, isLast }: { text: string; isFirst: boolean; isLast: boolean }): JSX.Element {
  const [isOpen, open] = useState(false);
  if (text.length <= LONG_SAME) return <>{text}</>;
  if (isOpen) return <>{pieces(text).map((piece, i) => (i === 0 && text.length <= 4000 ? piece : <span key={i} class="sb-piece">{piece}</span>))}</>;
  const head = isFirst ? "" : text.slice(0, SHOWN_END);
  const tail = isLast ? "" : text.slice(-SHOWN_END);
  return (
    <>
      {head}
      <button type="button" class="sb-link" title="Show the text between" onClick={() => open(true)}>… {formatCount(text.length - head.length - tail.length)} unchanged characters …</button>
      {tail}
    </>
  );
}
