/** The detail's tables: usage and cost, tools offered, events, scores, metadata. */

import { Fragment, type ComponentChildren, type JSX } from "preact";
import { formatCount, formatDuration, formatMoney } from "../core/format.ts";
import { isObject, textOf, type Detail, type Json as Value, type Score, type SpanEvent, type SpanFacts } from "../core/types.ts";
import { useExplorer } from "./context.ts";
import { Json } from "./Json.tsx";
import { Section } from "./Small.tsx";
import { Text } from "./Text.tsx";

export function UsageTable({ span }: { span: SpanFacts }): JSX.Element {
  const usage = span.usage ?? {};
  const input = usage.input_tokens ?? null;
  const output = usage.output_tokens ?? null;
  const total = input === null && output === null ? null : (input ?? 0) + (output ?? 0);
  const lines: [string, number | null | undefined, number | null | undefined, boolean][] = [
    ["input", input, span.input_cost_usd, false],
    ["read from cache", usage.cache_read_tokens, null, true],
    ["written to cache", usage.cache_write_tokens, null, true],
    ["audio in", usage.audio_input_tokens, null, true],
    ["output", output, span.output_cost_usd, false],
    ["reasoning", usage.reasoning_tokens, null, true],
    ["audio out", usage.audio_output_tokens, null, true],
    ["total", total, span.cost_usd, false],
  ];
  return (
    <>
      <table class="sb-table">
        <thead>
          <tr>
            <th scope="col"><span class="sb-sr">Part</span></th>
            <th scope="col" class="sb-num">tokens</th>
            <th scope="col" class="sb-num">cost</th>
          </tr>
        </thead>
        <tbody>
          {lines
            .filter(([, tokens, cost, isPart]) => (isPart ? (tokens ?? 0) > 0 : typeof tokens === "number" || typeof cost === "number"))
            .map(([name, tokens, cost, isPart]) => (
              <tr key={name} class={isPart ? "sb-part" : undefined}>
                <th scope="row">{name}</th>
                <td class="sb-num">{typeof tokens === "number" ? (isPart ? formatCount(tokens) : <b>{formatCount(tokens)}</b>) : ""}</td>
                <td class="sb-num">{typeof cost === "number" ? <b>{formatMoney(cost)}</b> : ""}</td>
              </tr>
            ))}
        </tbody>
      </table>
      <p class="sb-muted">
        {span.counted === false && "Seen twice: this call's usage is counted once, at the other span. "}
        {span.cost_source && `Cost from ${span.cost_source}. `}
        {typeof span.time_to_first_token_ms === "number" && `First token after ${formatDuration(span.time_to_first_token_ms)}.`}
      </p>
    </>
  );
}

/** Name, description and schema of a tool, in either of the forms providers use. */
function toolFacts(tool: Value): { name: string; description: string; schema: Value } {
  const outer = isObject(tool) ? tool : {};
  const inner = isObject(outer.function) ? outer.function : outer;
  return {
    name: textOf(inner.name ?? outer.type) || "tool",
    description: textOf(inner.description),
    schema: inner.parameters ?? inner.input_schema ?? outer.parameters ?? null,
  };
}

export function Tools({ tools, row }: { tools: Value[]; row: number }): JSX.Element {
  return (
    <div class="sb-msgs">
      {tools.map((tool, i) => {
        const { name, description, schema } = toolFacts(tool);
        return (
          <div key={i} class="sb-call">
            <div class="sb-ch"><b>{name}</b></div>
            {description && <div class="sb-cb"><Text value={description} row={row} /></div>}
            {isObject(schema) && <div class="sb-cb"><Json value={isObject(schema.properties) ? schema.properties : schema} row={row} label={`Parameters of ${name}`} /></div>}
          </div>
        );
      })}
    </div>
  );
}

export function Events({ events, row }: { events: SpanEvent[]; row: number }): JSX.Element {
  const x = useExplorer();
  const start = (x.table.value?.startMs ?? 0) + (x.table.value?.c.start[row] ?? 0);
  return (
    <div class="sb-msgs">
      {events.map((event, i) => (
        <div key={i}>
          <b>{event.name}</b> <span class="sb-muted">after {formatDuration(event.time_ms - start)}</span>
          {event.data !== null && event.data !== undefined && <Json value={event.data} row={row} label={event.name} />}
        </div>
      ))}
    </div>
  );
}

export function Scores({ scores }: { scores: Score[] }): JSX.Element {
  return (
    <table class="sb-table">
      <thead>
        <tr>
          <th scope="col">score</th>
          <th scope="col">value</th>
          <th scope="col">source</th>
          <th scope="col">comment</th>
        </tr>
      </thead>
      <tbody>
        {scores.map((score, i) => (
          <tr key={i}>
            <td><b>{score.name}</b></td>
            <td class={typeof score.value === "number" ? "sb-num" : undefined}>{textOf(score.value)}</td>
            <td>{score.source}</td>
            <td>{score.comment}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

type Line = [string, ComponentChildren];

function known(lines: [string, unknown][]): Line[] {
  return lines.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => [name, String(value)]);
}

function Lines({ lines }: { lines: Line[] }): JSX.Element {
  return (
    <dl class="sb-dl">
      {lines.map(([name, value]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </Fragment>
      ))}
    </dl>
  );
}

export function Metadata({ detail, row }: { detail: Detail; row: number }): JSX.Element {
  const x = useExplorer();
  const { span } = detail;
  const start = span.start_ms ?? (x.table.value ? x.table.value.startMs + (x.table.value.c.start[row] as number) : null);
  const context = known([
    ["user", span.user_id],
    ["session", span.session_id],
    ["tags", span.tags?.join(", ")],
    ["environment", span.environment],
    ["release", span.release],
    ["feature", span.feature],
    ["region", span.region],
    ["prompt", span.prompt_name && `${span.prompt_name}${span.prompt_version ? `:${span.prompt_version}` : ""}`],
  ]);
  const origin = known([
    ["started", start === null ? null : new Date(start).toISOString().replace("T", " ").replace("Z", " UTC")],
    ["kind", span.kind],
    ["cell", span.execution_count === null || span.execution_count === undefined ? null : `[${span.execution_count}]`],
    ["notebook", span.notebook],
    ["provider", span.provider],
    ["response id", span.response_id],
    ["span id", span.span_id],
    ["parent id", span.parent_id],
  ]);
  const parts: [string, Value][] = [
    ["Parameters", detail.model_parameters],
    ["Metadata", detail.metadata],
  ];
  return (
    <>
      {parts.map(([title, value]) =>
        isObject(value) && Object.keys(value).length > 0 ? (
          <Section key={title} title={title}><Json value={value} row={row} label={title} /></Section>
        ) : null,
      )}
      {context.length > 0 && <Section title="Context"><Lines lines={context} /></Section>}
      <Section title="Origin"><Lines lines={origin} /></Section>
    </>
  );
}
