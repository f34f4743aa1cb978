/** The pair chosen: what differs in its numbers and settings, then its input and output, word by word. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { difference, SIDES, SIGNS, signed, type Compared, type PairDetail, type Side } from "../core/comparison.ts";
import { formatCount, formatDuration, formatMoney, plural } from "../core/format.ts";
import { foldMessages, longTexts, messageLines, pairMessages, payloadText, type MessagePair } from "../core/pairs.ts";
import { isObject, textOf, type Json, type Message, type Payload } from "../core/types.ts";
import { useComparing } from "./compare.ts";
import { Busy, Glyph, kindClass, Section } from "./Small.tsx";
import { Unfold, WordDiff } from "./WordDiff.tsx";

export function PairPane(): JSX.Element {
  const x = useComparing();
  const table = x.table.value;
  const row = x.selected.value;
  x.details.version.value;
  if (!table || row < 0) return <div class="sb-note">Choose a step to see what changed in it.</div>;
  const change = table.change(row);
  const pair = x.details.get(row);
  const fields = table.fields(row).map((field) => field.replaceAll("_", " "));
  return (
    <>
      <div class={`sb-dh ${kindClass(table.kind(row))}`}>
        <h3>
          <Glyph kind={table.kind(row)} />
          <span class={table.hasError(row) ? "sb-t sb-err" : "sb-t"} dir="auto" title={table.name(row)}>{table.name(row)}</span>
        </h3>
        <div class="sb-facts">
          <span>
            <b>{SIGNS[change]} {change === "same" ? "the same" : change}</b>{" "}
            {change === "changed" ? fields.join(", ") : change === "added" ? "only b has this step" : change === "removed" ? "only a has this step" : "in all that is compared"}
          </span>
        </div>
      </div>
      <div class="sb-panel">{pair ? <Pair key={row} row={row} found={pair} /> : <Waiting row={row} />}</div>
    </>
  );
}

function Waiting({ row }: { row: number }): JSX.Element | null {
  const x = useComparing();
  const failed = x.details.failed.value;
  if (x.closed.value !== null) return <div class="sb-note">No kernel: what this step read and wrote is not here. Re-run this cell.</div>;
  if (failed?.row === row) {
    return (
      <div class="sb-note">
        <span class="sb-err">{failed.message}</span> <button type="button" onClick={() => x.details.want(row)}>Try again</button>
      </div>
    );
  }
  return x.details.isSlow.value ? <Busy /> : null;
}

function Pair({ row, found }: { row: number; found: PairDetail }): JSX.Element {
  const x = useComparing();
  const [whole, setWhole] = useState<PairDetail | null>(null);
  const [state, setState] = useState<"idle" | "loading" | string>("idle");
  const pair = whole ?? found;
  const long = SIDES.flatMap((side) => (["input", "output"] as const).flatMap((name) => longTexts(pair[side]?.[name]?.value as Json | undefined)));
  const load = async (): Promise<void> => {
    setState("loading");
    try {
      const sides = await Promise.all(SIDES.map(async (side) => [side, found[side] && (await wholeOf(x, row, side, found[side]))] as const));
      setWhole(Object.fromEntries(sides) as PairDetail);
      setState("idle");
    } catch (error) {
      setState((error as Error).message);
    }
  };
  return (
    <>
      <Facts pair={pair} />
      <Errors pair={pair} />
      {long.length > 0 && (
        <div class="sb-note sb-long">
          Compared as far as the first {formatCount(Math.min(...long.map((each) => each.head.length)))} characters of {long.length === 1 ? "a text" : `${formatCount(long.length)} texts`}.{" "}
          <button type="button" disabled={state === "loading"} onClick={() => void load()}>{state === "loading" ? "loading…" : "Compare the whole"}</button>{" "}
          {state !== "idle" && state !== "loading" && <span class="sb-err">{state}</span>}
        </div>
      )}
      <PayloadPair title="Input" a={pair.a} b={pair.b} of={(side) => side?.input ?? null} />
      <PayloadPair title="Output" a={pair.a} b={pair.b} of={(side) => side?.output ?? null} />
    </>
  );
}

async function wholeOf(x: ReturnType<typeof useComparing>, row: number, side: Side, found: Compared): Promise<Compared> {
  const of = async (payload: Payload | null): Promise<Payload | null> =>
    payload && ({ ...payload, value: await x.whole(row, side, payload.value as unknown as Json) } as Payload);
  const [input, output] = await Promise.all([of(found.input), of(found.output)]);
  return { ...found, input, output };
}

// -- numbers and settings

interface Fact {
  label: string;
  a: string;
  b: string;
  delta?: string;
}

function Facts({ pair }: { pair: PairDetail }): JSX.Element | null {
  const facts = [...measures(pair), ...settings(pair)];
  const isPair = pair.a !== null && pair.b !== null;
  if (facts.length === 0) return null;
  return (
    <div class="sb-scroll">
      <table class="sb-table sb-facts2" aria-label="Numbers and settings">
        <thead>
          <tr>
            <th scope="col"><span class="sb-sr">What</span></th>
            {SIDES.filter((side) => pair[side]).map((side) => <th key={side} scope="col" class="sb-num">{side}</th>)}
            {isPair && <th scope="col" class="sb-num">b − a</th>}
          </tr>
        </thead>
        <tbody>
          {facts.map(({ label, a, b, delta }) => (
            <tr key={label} class={delta === undefined ? "sb-words" : undefined}>
              <th scope="row">{label}</th>
              {pair.a && <td class="sb-num">{a}</td>}
              {pair.b && <td class="sb-num">{b}</td>}
              {isPair && <td class="sb-num"><b>{delta ?? (a === b ? "" : "changed")}</b></td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function measures(pair: PairDetail): Fact[] {
  const measure = (label: string, value: (side: Compared) => number | null | undefined, format: (value: number) => string): Fact[] => {
    const [a, b] = SIDES.map((side) => (pair[side] ? (value(pair[side]) ?? null) : null)) as [number | null, number | null];
    if (a === null && b === null) return [];
    return [{ label, a: a === null ? "–" : format(a), b: b === null ? "–" : format(b), delta: signed(difference(a, b), format) }];
  };
  return [
    ...measure("time", ({ span }) => span.duration_ms, formatDuration),
    ...measure("first token", ({ span }) => span.time_to_first_token_ms, formatDuration),
    ...measure("tokens in", ({ span }) => span.usage?.input_tokens, formatCount),
    ...measure("of them cached", ({ span }) => span.usage?.cache_read_tokens, formatCount),
    ...measure("tokens out", ({ span }) => span.usage?.output_tokens, formatCount),
    ...measure("of them reasoning", ({ span }) => span.usage?.reasoning_tokens, formatCount),
    ...measure("cost", ({ span }) => span.cost_usd, formatMoney),
  ];
}

/** The model, and of all other settings those that differ. */
function settings(pair: PairDetail): Fact[] {
  const read = (label: string, value: (side: Compared) => unknown, isAlways = false): Fact[] => {
    const [a, b] = SIDES.map((side) => (pair[side] ? short(value(pair[side])) : "")) as [string, string];
    return (a === "" && b === "") || (!isAlways && pair.a && pair.b && a === b) ? [] : [{ label, a: a || "–", b: b || "–" }];
  };
  const parameters = new Set(SIDES.flatMap((side) => (isObject(pair[side]?.model_parameters) ? Object.keys(pair[side].model_parameters as object) : [])));
  return [
    ...read("name", ({ span }) => span.name),
    ...read("status", ({ span }) => span.status),
    ...read("model", ({ span }) => span.model, true),
    ...read("provider", ({ span }) => span.provider),
    ...read("prompt", ({ span }) => (span.prompt_name ? `${span.prompt_name}${span.prompt_version ? `:${span.prompt_version}` : ""}` : "")),
    ...[...parameters].sort().flatMap((name) => read(name, ({ model_parameters }) => (isObject(model_parameters) ? model_parameters[name] : ""))),
    ...read("tools", ({ tools }) => (Array.isArray(tools) ? tools.map(toolName).join(", ") : "")),
  ];
}

function short(value: unknown): string {
  const text = textOf(value);
  return text.length <= 120 ? text : `${text.slice(0, 119)}…`;
}

function toolName(tool: Json): string {
  if (!isObject(tool)) return textOf(tool);
  return textOf(tool.name ?? (isObject(tool.function) ? tool.function.name : null) ?? tool.type ?? "tool");
}

function Errors({ pair }: { pair: PairDetail }): JSX.Element | null {
  if (!pair.a?.error && !pair.b?.error) return null;
  const said = (side: Compared | null): string => (side?.error ? `${side.error.type}: ${textOf(side.error.message)}` : "");
  return (
    <Section title="Error">
      {SIDES.filter((side) => pair[side]?.error).map((side) => (
        <div key={side} class="sb-errbox"><div class="sb-msg"><b>{side}</b> <span class="sb-err">{said(pair[side])}</span></div></div>
      ))}
    </Section>
  );
}

// -- payloads

interface PayloadPairProps {
  title: string;
  a: Compared | null;
  b: Compared | null;
  of: (side: Compared | null) => Payload | null;
}

const messagesOf = (payload: Payload | null): Message[] | null => (payload?.kind === "messages" ? payload.value : null);

function PayloadPair({ title, a, b, of }: PayloadPairProps): JSX.Element | null {
  const x = useComparing();
  const [one, other] = [of(a), of(b)];
  if (!one && !other) return null;
  if (!a || !b) {
    const only = (one ?? other) as Payload;
    const messages = messagesOf(only);
    return <Section title={title}>{messages ? <Chat pairs={messages.map((each) => ({ change: "same", a: each, b: each }))} isFoldable={false} /> : <Plain text={payloadText(only)} isCode={only.kind !== "text"} />}</Section>;
  }
  const [left, right] = [messagesOf(one), messagesOf(other)];
  if ((left || !one) && (right || !other)) {
    const pairs = pairMessages(left ?? [], right ?? []);
    const changes = pairs.filter((pair) => pair.change !== "same").length;
    return <Section title={title} side={<Said count={changes} noun="message" />}><Chat pairs={pairs} /></Section>;
  }
  const [before, after] = [payloadText(one), payloadText(other)];
  return (
    <Section title={title} side={<Said count={before === after ? 0 : 1} />}>
      <WordDiff a={before} b={after} isBeside={x.isBeside.value && before !== after} isCode={(one ?? other)?.kind !== "text"} />
    </Section>
  );
}

function Said({ count, noun }: { count: number; noun?: string }): JSX.Element {
  return <span class="sb-small">{count === 0 ? "the same" : noun ? `${plural(count, noun)} changed` : "changed"}</span>;
}

function Plain({ text, isCode }: { text: string; isCode: boolean }): JSX.Element {
  return <div class={isCode ? "sb-text sb-mono" : "sb-text"}>{text}</div>;
}

function Chat({ pairs, isFoldable = true }: { pairs: MessagePair[]; isFoldable?: boolean }): JSX.Element {
  return (
    <div class="sb-msgs">
      {(isFoldable ? foldMessages(pairs) : [{ isFolded: false, pairs }]).map((group, at) => (
        <Group key={at} isFolded={group.isFolded} pairs={group.pairs} />
      ))}
    </div>
  );
}

function Group({ isFolded, pairs }: { isFolded: boolean; pairs: MessagePair[] }): JSX.Element {
  const [isOpen, setOpen] = useState(!isFolded);
  if (!isOpen) return <Unfold label={plural(pairs.length, "unchanged message")} open={() => setOpen(true)} />;
  return <>{pairs.map((pair, at) => <MessageDiff key={at} pair={pair} />)}</>;
}

function MessageDiff({ pair }: { pair: MessagePair }): JSX.Element {
  const x = useComparing();
  const { change, a, b } = pair;
  const role = (b ?? a)?.role ?? "";
  const said: ComponentChildren = change === "changed" || change === "same" ? null : <span class="sb-small">{change}</span>;
  return (
    <div class={`sb-m sb-${role === "assistant" || role === "tool" ? role : "other"} sb-is-${change}`}>
      <div class="sb-who" title={role}><span class="sb-sign" aria-hidden="true">{SIGNS[change]}</span> {role}</div>
      <div class="sb-what">
        {said}
        {change === "same" ? (
          <Same text={messageLines(a)} />
        ) : change === "changed" ? (
          <WordDiff a={messageLines(a)} b={messageLines(b)} isBeside={x.isBeside.value} />
        ) : (
          <WordDiff a={messageLines(a)} b={messageLines(b)} isBeside={false} />
        )}
      </div>
    </div>
  );
}

/** A message that did not change: short, or folded to its first lines. */
function Same({ text }: { text: string }): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => setOpen(false), [text]);
  const lines = text.split("\n");
  const isLong = lines.length > 6 || text.length > 600;
  if (!isLong || isOpen) return <div class="sb-text">{text}</div>;
  return (
    <>
      <div class="sb-text">{lines.slice(0, 3).join("\n").slice(0, 300)}…</div>
      <Unfold label={`${formatCount(text.length)} unchanged characters`} open={() => setOpen(true)} />
    </>
  );
}
