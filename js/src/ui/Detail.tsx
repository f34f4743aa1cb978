/** The right-hand pane: what one span was, what went in and came out, and everything else known of it. */

import type { ComponentChildren, JSX } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { chatIn } from "../core/chat.ts";
import type { SpanTable } from "../core/columns.ts";
import { formatCount, formatDuration, formatMoney } from "../core/format.ts";
import { pairCalls } from "../core/messages.ts";
import type { Detail as DetailData, Json as Value, Message, Payload, SpanFacts } from "../core/types.ts";
import { Act } from "./Act.tsx";
import { useExplorer, usePrefix } from "./context.ts";
import { CopyBoth } from "./CopyBoth.tsx";
import { ErrorBox, ErrorLine } from "./ErrorBox.tsx";
import { Metadata } from "./Facts.tsx";
import { Json } from "./Json.tsx";
import { CopyMessages, Messages } from "./Messages.tsx";
import { Pane } from "./Pane.tsx";
import { Busy, Copy, Glyph, Section, Tabs, kindClass, type TabSpec } from "./Small.tsx";
import { Text } from "./Text.tsx";

/** Of what had not ended, in a file: nothing changes there. */
const WAS_RUNNING = "It was running when this was written.";

export function Detail(): JSX.Element {
  const x = useExplorer();
  const prefix = usePrefix();
  const row = x.selected.value;
  const table = x.table.value;
  x.revision.value;
  const known = useRef<TabSpec[]>([]);
  const detail = x.detail();
  if (!table || row < 0) return <div class="sb-note">Choose a span to see what went in and came out.</div>;
  const tabs = detail ? tabsOf(detail, x.partialVersion.value >= 0 && x.partials.has(row), isLater(table, row)) : known.current;
  // While the next span loads, which takes a moment, the tabs of the last one stay: nothing jumps.
  known.current = tabs;
  const wanted = x.tab.value;
  const active = tabs.find((tab) => tab.id === wanted) ?? tabs.find((tab) => tab.id === (wanted === "messages" ? "io" : wanted === "io" ? "messages" : "")) ?? tabs[0];
  return (
    <>
      <div class={`sb-dh ${kindClass(table.kind(row))}`}>
        <h3>
          <Glyph kind={table.kind(row)} />
          <span class={table.hasError(row) ? "sb-t sb-err" : "sb-t"} dir="auto" title={table.name(row)}>{table.name(row)}</span>
          {detail && <Actions detail={detail} tab={active?.id ?? ""} />}
        </h3>
        <Facts row={row} detail={detail} />
        <Act row={row} detail={detail} />
      </div>
      {active && <Tabs label="Parts of the span" class="sb-sub" name="part" tabs={tabs} active={active.id} choose={(id) => x.setTab(id)} />}
      <div class="sb-panel" role="tabpanel" id={`${prefix}-part-panel`} aria-label={active?.label ?? "Loading"}>
        {/* The key starts each span afresh: what was folded or fetched belongs to the one before. */}
        {detail ? <Panel key={row} id={active?.id ?? ""} row={row} detail={detail} /> : <Waiting row={row} />}
      </div>
    </>
  );
}

/** What can be done with the span as a whole, quietly at the right of its name. */
function Actions({ detail, tab }: { detail: DetailData; tab: string }): JSX.Element {
  const x = useExplorer();
  const isText = tab === "messages" || tab === "io";
  return (
    <span class="sb-acts">
      {tab === "messages" && <CopyMessages row={x.selected.value} input={messagesOf(detail.input) ?? []} output={messagesOf(detail.output) ?? []} />}
      {isText && (
        <button type="button" class="sb-small" aria-pressed={x.plain.value} title="Show text as it was written, without markdown" onClick={() => x.setPlain(!x.plain.value)}>
          {x.plain.value ? "markdown" : "plain"}
        </button>
      )}
      <Copy title="Copy span id" label="copy id" text={() => detail.span.span_id} />
    </span>
  );
}

/** Whether an llm call comes before this one. */
function isLater(table: SpanTable, row: number): boolean {
  const start = table.c.start[row] as number;
  for (let each = 0; each < table.n; each++) if (each !== row && (table.c.start[each] as number) <= start && table.kind(each) === "llm") return true;
  return false;
}

function tabsOf(detail: DetailData | null, isStreaming: boolean, isLater: boolean): TabSpec[] {
  if (!detail) return [];
  const tabs: TabSpec[] = [];
  const { input, output, span } = detail;
  if (detail.error) tabs.push({ id: "error", label: "Error", isError: true });
  if (input?.kind === "messages" || output?.kind === "messages" || (isStreaming && !output)) tabs.push({ id: "messages", label: "Messages" });
  else if (input || output) tabs.push({ id: "io", label: input && output ? "Input / output" : input ? "Input" : "Output" });
  if (span.kind === "llm" && input?.kind === "messages" && isLater) tabs.push({ id: "diff", label: "Diff" });
  if (Object.values(span.usage ?? {}).some((count) => typeof count === "number") || typeof span.cost_usd === "number") tabs.push({ id: "usage", label: "Usage" });
  const tools = Array.isArray(detail.tools) ? detail.tools.length : 0;
  if (tools > 0) tabs.push({ id: "tools", label: `Tools ${tools}` });
  const events = detail.n_events ?? (detail.events ?? []).length;
  if (events > 0) tabs.push({ id: "events", label: `Events ${formatCount(events)}` });
  if ((detail.scores ?? []).length > 0) tabs.push({ id: "scores", label: `Scores ${detail.scores.length}` });
  tabs.push({ id: "metadata", label: "Metadata" });
  if (input && (span.kind === "llm" || span.kind === "embedding")) tabs.push({ id: "code", label: "Code" });
  tabs.push({ id: "raw", label: "Raw" });
  return tabs;
}

function Waiting({ row }: { row: number }): JSX.Element {
  const x = useExplorer();
  const failed = x.details.failed.value;
  const partial = x.partialVersion.value >= 0 ? x.partials.get(row) : undefined;
  return (
    <>
      {partial && <Messages shown={[]} row={row} live={partial.text} />}
      {x.closed.value !== null ? (
        <div class="sb-note">No kernel: what this span read and wrote is not here. Re-run this cell.</div>
      ) : failed?.row === row ? (
        <div class="sb-note">
          <span class="sb-err">{failed.message}</span> <button type="button" onClick={() => x.details.want(row)}>Try again</button>
        </div>
      ) : (
        x.details.isSlow.value && <Busy />
      )}
    </>
  );
}

function Panel({ id, row, detail }: { id: string; row: number; detail: DetailData }): JSX.Element {
  switch (id) {
    case "error":
      return <Pane id="error" row={row} detail={detail} fallback={<ErrorBox error={detail.error} row={row} />} />;
    case "messages":
      return <Chat row={row} detail={detail} />;
    case "io":
      return <InputOutput row={row} detail={detail} />;
    case "usage":
    case "tools":
    case "diff":
    case "code":
    case "events":
    case "scores":
      return <Pane key={id} id={id} row={row} detail={detail} />;
    case "metadata":
      return <Metadata detail={detail} row={row} />;
    default:
      return <Pane id="raw" row={row} detail={detail} fallback={<Json value={detail as unknown as Value} row={row} label="Span" />} />;
  }
}

function messagesOf(payload: Payload | null): Message[] | null {
  return payload?.kind === "messages" ? payload.value : null;
}

function Chat({ row, detail }: { row: number; detail: DetailData }): JSX.Element {
  const x = useExplorer();
  const shown = pairCalls(messagesOf(detail.input) ?? [], messagesOf(detail.output) ?? []);
  const partial = x.partialVersion.value >= 0 && !detail.output ? x.partials.get(row) : undefined;
  const isWaiting = detail.span.status === "open" && !partial && !detail.output;
  return (
    <>
      {detail.error && <ErrorLine error={detail.error} />}
      {detail.input && detail.input.kind !== "messages" && (
        <Section title="Input"><PayloadView payload={detail.input} row={row} label="Input" /></Section>
      )}
      <Messages shown={shown} row={row} fold live={partial ? partial.text : null} />
      {detail.output && detail.output.kind !== "messages" && (
        <Section title="Output"><PayloadView payload={detail.output} row={row} label="Output" /></Section>
      )}
      {isWaiting && <div class="sb-note" role="status">{x.isLive.value ? "Waiting for the first token…" : x.host.isFile ? WAS_RUNNING : "It never answered."}</div>}
    </>
  );
}

function InputOutput({ row, detail }: { row: number; detail: DetailData }): JSX.Element {
  const x = useExplorer();
  const { input, output } = detail;
  return (
    <>
      {detail.error && <ErrorLine error={detail.error} />}
      {input && <Section title="Input" side={<CopyBoth value={input.value as Value} row={row} what="input" />}><PayloadView payload={input} row={row} label="Input" /></Section>}
      {output && <Section title="Output" side={<CopyBoth value={output.value as Value} row={row} what="output" />}><PayloadView payload={output} row={row} label="Output" /></Section>}
      {!output && detail.span.status === "open" && <div class="sb-note">{x.host.isFile ? WAS_RUNNING : "Still running."}</div>}
    </>
  );
}

function PayloadView({ payload, row, label }: { payload: Payload; row: number; label: string }): JSX.Element {
  if (payload.kind === "messages") return <Messages shown={pairCalls(payload.value, [])} row={row} fold />;
  if (payload.value === "") return <div class="sb-muted">empty text</div>;
  if (payload.kind === "text" || typeof payload.value === "string") return <Text value={payload.value} row={row} markdown />;
  return <ValueView value={payload.value} row={row} label={label} />;
}

/** A value that is a chat as such, what stands beside it below; everything else as a tree. */
function ValueView({ value, row, label }: { value: Value; row: number; label: string }): JSX.Element {
  const chat = useMemo(() => chatIn(value), [value]);
  if (chat === null) return <Json value={value} row={row} label={label} />;
  const hasMore = Object.keys(chat.rest).length > 0;
  return (
    <>
      <Messages shown={pairCalls(chat.messages, [])} row={row} fold />
      {hasMore && <Json value={chat.rest} row={row} label={`${label} beside the messages`} />}
    </>
  );
}

/** The facts line; each fact a strong number with a quiet unit, left out when not known. */
function Facts({ row, detail }: { row: number; detail: DetailData | null }): JSX.Element {
  const x = useExplorer();
  const table = x.table.value;
  const span: Partial<SpanFacts> = detail?.span ?? {};
  const duration = table ? (table.c.duration[row] as number) : NaN;
  const running = table?.isOpen(row) === true && x.isLive.value;
  const elapsed = table && running ? x.rowEnd(table, row) - (table.c.start[row] as number) : duration;
  const firstToken = span.time_to_first_token_ms ?? null;
  const speed = tokensPerSecond(span);
  const usage = span.usage ?? {};
  const facts: [string, ComponentChildren][] = [];
  const add = (key: string, known: unknown, fact: ComponentChildren): void => {
    if (known !== null && known !== undefined && known !== "" && known !== false) facts.push([key, fact]);
  };
  const model = span.model ?? (table && !detail && table.kind(row) === "llm" && !table.hasError(row) ? table.sub(row) : null);
  add("model", model, <><b>{model}</b> {span.provider}</>);
  add("time", elapsed >= 0 || running, <><b>{elapsed >= 0 ? formatDuration(elapsed) : ""}</b>{running && " running"}</>);
  add("status", table?.isInterrupted(row), <b>interrupted</b>);
  add("first", firstToken, <>first token <b>{formatDuration(firstToken)}</b></>);
  add("speed", speed, <><b>{formatCount(speed)}</b> tok/s</>);
  add("in", usage.input_tokens, <>in <b>{formatCount(usage.input_tokens)}</b>{usage.cache_read_tokens ? ` (${formatCount(usage.cache_read_tokens)} cached)` : ""}</>);
  add("out", usage.output_tokens, <>out <b>{formatCount(usage.output_tokens)}</b>{usage.reasoning_tokens ? ` (${formatCount(usage.reasoning_tokens)} reasoning)` : ""}</>);
  const tokens = !detail && table ? (table.c.tokens[row] as number) : 0;
  add("tokens", tokens > 0, <><b>{formatCount(tokens)}</b> tok</>);
  add("cost", span.cost_usd, <b>{formatMoney(span.cost_usd)}</b>);
  add("twice", span.counted === false, <>seen twice, not counted</>);
  add("prompt", span.prompt_name, <>prompt <b>{span.prompt_name}{span.prompt_version ? `:${span.prompt_version}` : ""}</b></>);
  const finish = span.finish_reason ?? "";
  add("finish", finish && !["stop", "end_turn", "tool_calls", "tool_use", "completed"].includes(finish), <>finished <b>{finish}</b></>);
  add("level", span.level === "warning" || span.level === "debug", <>{span.level}</>);
  add("error", table?.hasError(row), <span class="sb-err">{span.error_type ?? (table ? table.sub(row) : "") ?? "error"}</span>);
  return <div class="sb-facts">{facts.map(([key, fact]) => <span key={key}>{fact}</span>)}</div>;
}

function tokensPerSecond(span: Partial<SpanFacts>): number | null {
  const tokens = span.usage?.output_tokens;
  if (span.kind !== "llm" || !tokens || !span.duration_ms || !span.time_to_first_token_ms) return null;
  const streaming = span.duration_ms - span.time_to_first_token_ms;
  return streaming >= 20 ? tokens / (streaming / 1000) : null;
}

