/** What is known of a span beside what went in and came out. */

import { Fragment, type ComponentChildren, type JSX } from "preact";
import type { Detail, Json as Value } from "../core/types.ts";
import { useExplorer } from "./context.ts";
import { Json } from "./Json.tsx";
import { CopyBoth } from "./CopyBoth.tsx";
import { Section } from "./Small.tsx";

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
    ["Links", detail.links ?? null],
  ];
  return (
    <>
      {parts.map(([title, value]) =>
        typeof value === "object" && value !== null && Object.keys(value).length > 0 ? (
          <Section key={title} title={title} side={<CopyBoth row={row} value={value} what={title.toLowerCase()} />}><Json value={value} row={row} label={title} /></Section>
        ) : null,
      )}
      {context.length > 0 && <Section title="Context"><Lines lines={context} /></Section>}
      <Section title="Origin"><Lines lines={origin} /></Section>
    </>
  );
}
