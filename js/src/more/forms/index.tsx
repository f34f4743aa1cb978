/** Forms for what a person says of a span: a score or comment, and what the output should have been. */

import type { ComponentChildren, JSX, TargetedKeyboardEvent } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { CORRECTED, giveScore, lastSaid, newClientId, THUMBS } from "../../core/acts.ts";
import type { Explorer } from "../../core/explorer.ts";
import type { FormProps } from "../../core/more.ts";
import { isLong, textOf, type Message, type Payload } from "../../core/types.ts";
import { Busy, useExplorer, useFetched } from "../../ui/kit.ts";
import { nameOf, newDraft, TYPES, valueOf, type Draft, type ValueType } from "./draft.ts";

interface Scoring {
  names: [string, ValueType][];
  readonly: string | null;
}

interface FrameProps {
  label: string;
  save(): Promise<void>;
  children: ComponentChildren;
  problem: string | null;
}

/** A form under the facts: Esc closes it, Ctrl+Enter saves it. */
function Frame({ label, save, children, problem }: FrameProps): JSX.Element {
  const x = useExplorer();
  const form = useRef<HTMLFormElement>(null);
  const close = (): void => {
    x.form.value = null;
  };
  useLayoutEffect(() => form.current?.querySelector<HTMLElement>("input:not([type=radio]), textarea")?.focus(), []);
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLFormElement>): void => {
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void save();
    else return;
    event.preventDefault();
  };
  return (
    <form
      class="sb-form"
      aria-label={label}
      ref={form}
      onKeyDown={onKeyDown}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      {children}
      <div class="sb-form-end">
        <button type="submit" class="sb-button" disabled={x.isActing.value}>Save</button>
        <button type="button" class="sb-small" onClick={close}>cancel</button>
        <span role="alert" class="sb-err">{problem}</span>
      </div>
    </form>
  );
}

/** The form, once it is known that something may be kept; else why not. */
function Gate({ children }: { children(known: Scoring): JSX.Element }): JSX.Element {
  const x = useExplorer();
  const { value, error } = useFetched("scoring", async () => (await x.host.rpc<Scoring>("scoring")).result);
  if (error !== undefined) return <div class="sb-form sb-err" role="alert">{error}</div>;
  if (!value) return <Busy text="Loading…" />;
  return value.readonly === null ? children(value) : <div class="sb-form" role="status">{value.readonly}</div>;
}

const allDrafts = new WeakMap<Explorer, Map<string, unknown>>();

function draftsOf(x: Explorer): Map<string, unknown> {
  const known = allDrafts.get(x) ?? new Map<string, unknown>();
  allDrafts.set(x, known);
  return known;
}

/** What is written, kept by row and form for as long as the explorer lives. */
function useDraft<T>(key: string, first: () => T): [T, (next: T) => void, () => void] {
  const x = useExplorer();
  const drafts = draftsOf(x);
  const [draft, setDraft] = useState<T>(() => (drafts.get(key) as T | undefined) ?? first());
  const keep = (next: T): void => {
    drafts.set(key, next);
    setDraft(next);
  };
  return [draft, keep, () => drafts.delete(key)];
}

export function ScoreForm({ row }: FormProps): JSX.Element {
  return <Gate>{(known) => <ScoreFields row={row} known={known} />}</Gate>;
}

function ScoreFields({ row, known }: { row: number; known: Scoring }): JSX.Element {
  const x = useExplorer();
  const id = useId();
  const [problem, setProblem] = useState<string | null>(null);
  const [draft, keep, forget] = useDraft<Draft>(`score ${row}`, () => {
    const last = known.names.find(([name]) => name !== THUMBS && name !== "comment");
    return last ? newDraft(last[1], last[0]) : newDraft();
  });
  const change = (part: Partial<Draft>): void => {
    setProblem(null);
    keep({ ...draft, ...part });
  };
  const rename = (name: string): void => {
    // A name that is known brings its type along.
    const type = known.names.find(([each]) => each === name)?.[1];
    change(type && type !== draft.type ? { name, type, value: "" } : { name });
  };
  const save = async (): Promise<void> => {
    const found = valueOf(draft);
    const name = nameOf(draft);
    if (name === "") return setProblem("Give the score a name, such as correct.");
    if ("problem" in found) return setProblem(found.problem);
    const comment = draft.comment.trim();
    if (!(await giveScore(x, row, { name, value: found.value, ...(comment && draft.type !== "text" ? { comment } : {}) }, draft.id))) return;
    forget();
    x.form.value = null;
  };
  return (
    <Frame label="Score this span" save={save} problem={problem}>
      <div class="sb-kinds" role="radiogroup" aria-label="Kind of value">
        {TYPES.map(({ type, label }) => (
          <label key={type}>
            <input type="radio" name={`${id}-type`} checked={draft.type === type} onChange={() => change({ type, value: "" })} />
            {label}
          </label>
        ))}
      </div>
      <div class="sb-fields">
        <label>
          <span>name</span>
          <input type="text" list={`${id}-names`} autocomplete="off" spellcheck={false} value={draft.name} placeholder={draft.type === "text" ? "comment" : "correct"} onInput={(event) => rename(event.currentTarget.value)} />
        </label>
        <datalist id={`${id}-names`}>
          {known.names.map(([name]) => <option key={name} value={name} />)}
        </datalist>
        <Value id={id} draft={draft} change={(value) => change({ value })} />
        {draft.type !== "text" && (
          <label>
            <span>why</span>
            <input type="text" value={draft.comment} placeholder="a comment, if you like" onInput={(event) => change({ comment: event.currentTarget.value })} />
          </label>
        )}
      </div>
    </Frame>
  );
}

function Value({ id, draft: { type, value }, change }: { id: string; draft: Draft; change(value: string): void }): JSX.Element {
  if (type === "bool") {
    return (
      <div class="sb-field" role="radiogroup" aria-label="Value">
        <span aria-hidden="true">value</span>
        {(["true", "false"] as const).map((each) => (
          <label key={each}>
            <input type="radio" name={`${id}-value`} checked={value === each} onChange={() => change(each)} />
            {each === "true" ? "yes" : "no"}
          </label>
        ))}
      </div>
    );
  }
  return (
    <label>
      <span>{type === "text" ? "text" : "value"}</span>
      {type === "text" ? (
        <textarea rows={3} value={value} onInput={(event) => change(event.currentTarget.value)} />
      ) : (
        <input type="text" inputMode={type === "number" ? "decimal" : "text"} autocomplete="off" value={value} onInput={(event) => change(event.currentTarget.value)} />
      )}
    </label>
  );
}

interface Correction {
  text: string;
  comment: string;
  id: string;
}

/** The text to begin a correction from: what was corrected last, else the output. */
export function outputText(output: Payload | null): unknown {
  if (!output) return "";
  if (output.kind !== "messages") return output.value;
  const texts = output.value.flatMap((message: Message) => message.parts.filter((part) => part.type === "text").map((part) => part.content));
  if (texts.length === 1) return texts[0];
  return texts.length > 0 && !texts.some(isLong) ? texts.map(textOf).join("\n\n") : output.value;
}

export function CorrectForm({ row, detail }: FormProps): JSX.Element {
  const x = useExplorer();
  const before = lastSaid(detail.scores, CORRECTED)?.value;
  const { value, error } = useFetched(row, () => (typeof before === "string" ? Promise.resolve(before) : x.fullText(row, outputText(detail.output))));
  if (error !== undefined) return <div class="sb-form sb-err" role="alert">{error}</div>;
  if (value === undefined) return <Busy text="Loading…" />;
  return <Gate>{() => <CorrectFields row={row} first={value} />}</Gate>;
}

function CorrectFields({ row, first }: { row: number; first: string }): JSX.Element {
  const x = useExplorer();
  const [problem, setProblem] = useState<string | null>(null);
  const [draft, keep, forget] = useDraft<Correction>(`correct ${row}`, () => ({ text: first, comment: "", id: newClientId() }));
  const change = (part: Partial<Correction>): void => {
    setProblem(null);
    keep({ ...draft, ...part });
  };
  const save = async (): Promise<void> => {
    if (draft.text.trim() === "") return setProblem("Write what the output should have been.");
    if (draft.text === first) return setProblem("Nothing is changed yet.");
    const comment = draft.comment.trim();
    if (!(await giveScore(x, row, { name: CORRECTED, value: draft.text, ...(comment ? { comment } : {}) }, draft.id))) return;
    forget();
    x.form.value = null;
  };
  return (
    <Frame label="Correct the output" save={save} problem={problem}>
      <div class="sb-fields">
        <label>
          <span>output</span>
          <textarea class="sb-mono" rows={7} value={draft.text} onInput={(event) => change({ text: event.currentTarget.value })} />
        </label>
        <label>
          <span>why</span>
          <input type="text" value={draft.comment} placeholder="a comment, if you like" onInput={(event) => change({ comment: event.currentTarget.value })} />
        </label>
      </div>
    </Frame>
  );
}
