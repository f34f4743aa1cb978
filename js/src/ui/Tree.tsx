/** The virtualised tree with its columns, time axis and waterfall. */

import type { JSX } from "preact";
import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { axisTicks } from "../core/axis.ts";
import type { SpanTable } from "../core/columns.ts";
import type { Explorer } from "../core/explorer.ts";
import { formatCount, formatDuration, formatMoney, plural } from "../core/format.ts";
import { ANCESTOR, isParent, MATCH } from "../core/tree.ts";
import { useExplorer } from "./context.ts";
import { ROW, TreeLine, TreeLines, useIndent, useLength, type Scrolled } from "./lines.tsx";
import { Glyph, kindClass } from "./Small.tsx";

export function TreePane({ focusDetail }: { focusDetail: () => void }): JSX.Element {
  const x = useExplorer();
  const pane = useRef<HTMLDivElement>(null);
  const axisWidth = useLength(pane, "clientWidth", 200, ".sb-cols > :last-child");
  const indent = useIndent(pane, x);
  const ticks = axisTicks(x.end.value, Math.min(5, axisWidth.value / 40));
  const step = (ticks[1]?.at ?? 1) * 100;
  // The last label ends at the edge, and with its unit it reaches into the place of the one before.
  const isCrowded = (ticks.at(-1)?.at ?? 0) > 0.92 && step * axisWidth.value < 5600;
  if (isCrowded && ticks.length > 2) ticks.splice(-2, 1);
  return (
    <div class="sb-treepane" ref={pane} style={{ "--sb-step": `${step}%`, "--sb-indent": `${indent}px`, "--sb-rows-px": `${Math.max(2, x.flat.value.rows.length) * ROW}px` }}>
      <div class="sb-cols" aria-hidden="true">
        <span>Name</span>
        <span class="sb-r sb-tok">Tokens</span>
        <span class="sb-r sb-cost">Cost</span>
        <span class="sb-r">Time</span>
        <span class="sb-axis">
          {ticks.map((tick) => (
            <span key={tick.at} class={tick.at === 0 ? "sb-first" : tick.at > 0.92 ? "sb-last" : undefined} style={{ left: `${tick.at * 100}%` }}>
              {tick.label}
            </span>
          ))}
        </span>
      </div>
      <Lines focusDetail={focusDetail} />
    </div>
  );
}

function Lines({ focusDetail }: { focusDetail: () => void }): JSX.Element {
  const x = useExplorer();
  const table = x.table.value;
  x.revision.value;
  return (
    <TreeLines
      x={x}
      label="Spans of the trace"
      focusDetail={focusDetail}
      useStable={useStableScroll}
      draw={(row, depth, id) => table && <Row key={row} x={x} table={table} row={row} depth={depth} id={id} />}
    />
  );
}

/**
 * Rows that arrive above the view must not move what is being read; at the very end the view follows. Returns what has
 * to be told of every scroll: measuring the element once more then would lay the page out twice a frame.
 */
function useStableScroll(el: HTMLElement | null, height: ReadonlySignal<number>): Scrolled {
  const x = useExplorer();
  const anchor = useRef({ row: -1, offset: 0, atEnd: false });
  const { rows, line } = x.flat.value;
  const remember = (top: number): void => {
    const drawn = x.flat.peek().rows;
    const first = Math.floor(top / ROW);
    const isAtEnd = top > 0 && top + height.peek() >= drawn.length * ROW - 2;
    anchor.current = { row: drawn[first] ?? -1, offset: top - first * ROW, atEnd: isAtEnd };
  };
  useLayoutEffect(() => {
    if (!el) return;
    const { row, offset, atEnd } = anchor.current;
    if (atEnd && x.isLive.peek()) el.scrollTop = el.scrollHeight;
    else if (row >= 0 && (line[row] ?? -1) >= 0 && el.scrollTop > 0) el.scrollTop = (line[row] as number) * ROW + offset;
  }, [rows]);
  useEffect(() => {
    if (el) remember(el.scrollTop);
  }, [el, rows]);
  return remember;
}

interface RowProps {
  x: Explorer;
  table: SpanTable;
  row: number;
  depth: number;
  id: string;
}

/** Tokens and cost of a row; a root without its own shows those of the whole trace. */
function spent(table: SpanTable, row: number): [number, number] {
  const own = table.c.tokens[row] as number;
  const cost = table.c.cost[row] as number;
  if (own > 0 || cost >= 0 || row !== 0 || table.c.parent[row] !== -1) return [own, cost];
  const { input_tokens, output_tokens, cost_usd } = table.summary;
  return [(input_tokens ?? 0) + (output_tokens ?? 0), cost_usd ?? Number.NaN];
}

function Row({ x, table, row, depth, id }: RowProps): JSX.Element {
  const keep = x.keep.value;
  const isOpen = keep !== undefined || !x.collapsed.value.has(row);
  const kind = table.kind(row);
  const running = table.isOpen(row) && x.isLive.value;
  const elapsed = running ? x.rowEnd(table, row) - (table.c.start[row] as number) : (table.c.duration[row] as number);
  const [tokens, cost] = spent(table, row);
  const failed = table.hasError(row);
  const classes = ["sb-row", kindClass(kind), keep?.[row] === ANCESTOR ? "sb-aside" : "", keep?.[row] === MATCH ? "sb-match" : ""];
  return (
    <TreeLine
      x={x}
      row={row}
      depth={depth}
      id={id}
      class={classes.filter(Boolean).join(" ")}
      isOpen={isOpen}
      name={
        <>
          <Glyph kind={kind} />
          <Name table={table} row={row} query={keep ? (x.find.found.value?.query ?? "") : ""} />
          <div class="sb-sr"> {spoken(table, row, running)} </div>
          {isParent(x.tree.value, row) && !isOpen && <Hidden x={x} row={row} />}
        </>
      }
    >
      <div class="sb-r sb-tok" title={table.seenTwice(row) ? "seen twice, not counted" : undefined}>
        {tokens > 0 && (table.seenTwice(row) ? `(${formatCount(tokens)})` : formatCount(tokens))}
        {tokens > 0 && <span class="sb-sr"> tokens</span>}
      </div>
      <div class="sb-r sb-cost">{cost >= 0 && formatMoney(cost)}</div>
      <div class={failed ? "sb-r sb-time sb-bad" : "sb-r sb-time"}>{elapsed === 0 && kind === "event" ? "" : elapsed >= 0 ? formatDuration(elapsed) : "–"}</div>
      <Waterfall x={x} table={table} row={row} kind={kind} running={running} />
    </TreeLine>
  );
}

/** What a row's colours and glyph say, in words for those who hear it. */
function spoken(table: SpanTable, row: number, running: boolean): string {
  const state = running ? "running" : table.hasError(row) ? "failed" : "";
  return [table.kind(row), state].filter(Boolean).join(", ");
}

/** The name with what was searched for marked, when that is plain text found in it. */
function Name({ table, row, query }: { table: SpanTable; row: number; query: string }): JSX.Element {
  const name = table.name(row);
  const sub = table.sub(row);
  const failed = table.hasError(row);
  const at = query.trim() === "" ? -1 : name.toLowerCase().indexOf(query.trim().toLowerCase());
  const length = query.trim().length;
  return (
    <div class={failed ? "sb-t sb-err" : "sb-t"} dir="auto" title={sub ? `${name}  ${sub}` : name}>
      {at < 0 ? (
        name
      ) : (
        <>
          {name.slice(0, at)}
          <mark>{name.slice(at, at + length)}</mark>
          {name.slice(at + length)}
        </>
      )}
      {sub && <span class={failed ? "sb-errsub" : "sb-muted"}> {sub}</span>}
      {table.isInterrupted(row) && <span class="sb-muted"> interrupted</span>}
    </div>
  );
}

/** What a closed row holds: how many spans, and whether one of them failed. */
function Hidden({ x, row }: { x: Explorer; row: number }): JSX.Element {
  const below = x.tree.value.below[row] as number;
  const errors = x.errorsBelow.value[row] as number;
  const title = errors > 0 ? `${plural(below, "span")} below, ${plural(errors, "error")}` : `${plural(below, "span")} below`;
  return (
    <span class={errors > 0 ? "sb-hid sb-bad" : "sb-hid"} title={title}>
      {formatCount(below)}
    </span>
  );
}

interface WaterfallProps {
  x: Explorer;
  table: SpanTable;
  row: number;
  kind: string;
  running: boolean;
}

/** Pale: waiting for the first token. Solid: at work. Hatched: still running. Outlined red: failed. */
function Waterfall({ x, table, row, kind, running }: WaterfallProps): JSX.Element {
  const axis = x.end.value;
  const start = table.c.start[row] as number;
  const end = x.rowEnd(table, row);
  const firstToken = table.c.firstToken[row] as number;
  const bar = (from: number, to: number, className: string): JSX.Element => {
    const left = Math.min(100, Math.max(0, (from / axis) * 100));
    const width = Math.min(100 - left, Math.max(0, ((to - from) / axis) * 100));
    return <i class={`sb-bar ${className}`} style={{ left: `min(${left.toFixed(3)}%, 100% - ${className === "sb-failed" ? 4 : 2}px)`, width: `${width.toFixed(3)}%` }} />;
  };
  const live = running ? "sb-live" : "";
  if (table.hasError(row)) return <div class="sb-wf">{bar(start, end, "sb-failed")}</div>;
  if (table.isInterrupted(row) || (table.isOpen(row) && !running)) return <div class="sb-wf">{bar(start, end, "sb-cutoff")}</div>;
  if (firstToken >= 0) {
    const at = Math.min(start + firstToken, end);
    return (
      <div class="sb-wf">
        {bar(start, at, "sb-wait")}
        {bar(at, end, live)}
      </div>
    );
  }
  return <div class="sb-wf">{bar(start, end, running && kind === "llm" ? "sb-wait sb-live" : live)}</div>;
}
