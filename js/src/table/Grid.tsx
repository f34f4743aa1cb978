/** The rows: headings that sort, a window of rows drawn, the keys that move in them. */

import type { JSX, TargetedKeyboardEvent, TargetedMouseEvent } from "preact";
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { isChord, runKey } from "../core/keys.ts";
import { showLine } from "../core/scroll.ts";
import { nextSort, type Row, type TraceTable } from "../core/traces.ts";
import { visibleLines } from "../core/tree.ts";
import { cellText, cellTitle, column } from "./columns.ts";

const ROW = 26;
const HEADINGS = 26;

export function Grid({ table, prefix, focusOpened }: { table: TraceTable; prefix: string; focusOpened: () => void }): JSX.Element {
  const scroller = useRef<HTMLDivElement>(null);
  const scroll = useSignal(0);
  const height = useSignal(400);
  const isNarrow = useSignal(false);
  const { n, columns, sort, rev, is_partial, is_file = false } = table.head.value;
  table.revision.value;
  const [from, to] = visibleLines(scroll.value, height.value - HEADINGS, ROW, n);
  useLayoutEffect(() => {
    const el = scroller.current;
    if (!el) return;
    const observer = new ResizeObserver(() => {
      height.value = el.clientHeight || 400;
      isNarrow.value = el.clientWidth < 620;
    });
    observer.observe(el);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => void scroller.current?.scrollTo({ top: 0 }), [rev]);
  useEffect(() => table.need(from, to), [from, to, rev]);
  useEffect(() => table.at.subscribe((at) => showLine(scroller.current, at, ROW, HEADINGS)), []);
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    if (event.target !== event.currentTarget || isChord(event)) return;
    const at = table.at.peek();
    const page = Math.max(1, Math.floor((height.peek() - HEADINGS) / ROW) - 1);
    const extend = (to: number): void => {
      if (!event.shiftKey || is_file) return table.move(to);
      if (!table.selected.peek().has(table.row(at)?.trace_id ?? "")) table.pick(at);
      table.move(to);
      table.pick(table.at.peek(), true);
    };
    const keys: Record<string, () => void> = {
      ArrowDown: () => extend(at + 1),
      ArrowUp: () => extend(at - 1),
      PageDown: () => table.move(at + page),
      PageUp: () => table.move(at - page),
      Home: () => table.move(0),
      End: () => table.move(n - 1),
      " ": () => (is_file ? table.openRow(at) : table.pick(at, event.shiftKey)),
      Enter: () => (table.row(at)?.trace_id === table.open.peek() ? focusOpened() : table.openRow(at)),
    };
    runKey(keys, event);
  };
  const least = (name: string): number => (isNarrow.value && name === "name" ? 120 : column(name).width);
  const pick = is_file ? 8 : 30;
  const shape = `${pick}px ${columns.map((name, i) => `minmax(${least(name)}px, ${i === 0 ? 3 : column(name).isNumber ? 0 : 1}fr)`).join(" ")}`;
  const width = pick + columns.reduce((sum, name) => sum + least(name), 0);
  const lines: JSX.Element[] = [];
  for (let index = from; index < to; index++) lines.push(<Line key={index} table={table} row={table.row(index)} index={index} id={`${prefix}-${index}`} columns={columns} />);
  const isAll = n > 0 && !is_partial && table.nSelected.value >= n;
  return (
    <div
      class="sbt-grid"
      ref={scroller}
      role="grid"
      aria-label="Traces"
      aria-multiselectable={!is_file}
      aria-rowcount={n + 1}
      aria-colcount={columns.length + 1}
      aria-activedescendant={table.at.value >= from && table.at.value < to ? `${prefix}-${table.at.value}` : undefined}
      tabIndex={0}
      style={{ "--sbt-shape": shape, "--sbt-width": `${width}px` }}
      onKeyDown={onKeyDown}
      onScroll={(event) => (scroll.value = event.currentTarget.scrollTop)}
    >
      <div class="sbt-line sbt-headings" role="row" aria-rowindex={1}>
        <span role="columnheader" class="sbt-pick">
          {!is_file && (
            <input type="checkbox" aria-label={isAll ? "Select none" : "Select all traces"} checked={isAll} disabled={n === 0} onChange={() => table.pickAll(!isAll)} />
          )}
        </span>
        {columns.map((name) => (
          <Heading key={name} table={table} name={name} sort={sort} />
        ))}
      </div>
      <div class="sbt-space" role="rowgroup" style={{ height: `${n * ROW}px` }}>
        {lines}
      </div>
    </div>
  );
}

function Heading({ table, name, sort }: { table: TraceTable; name: string; sort: string }): JSX.Element {
  const { label, isNumber = false } = column(name);
  const way = sort === name ? "ascending" : sort === `-${name}` ? "descending" : "none";
  return (
    <span role="columnheader" aria-sort={way} class={isNumber ? "sbt-r" : undefined}>
      <button type="button" title={`Sort by ${label.toLowerCase()}`} onClick={() => table.set({ sort: nextSort(sort, name, isNumber) })}>
        {label}
        <i aria-hidden="true">{way === "none" ? "" : way === "ascending" ? " ↑" : " ↓"}</i>
      </button>
    </span>
  );
}

interface LineProps {
  table: TraceTable;
  row: Row | undefined;
  index: number;
  id: string;
  columns: readonly string[];
}

function Line({ table, row, index, id, columns }: LineProps): JSX.Element {
  const isSelected = row !== undefined && table.selected.value.has(row.trace_id);
  const isOpen = row !== undefined && table.open.value === row.trace_id;
  const onClick = (event: TargetedMouseEvent<HTMLDivElement>): void => {
    if (event.shiftKey && !table.head.peek().is_file) {
      table.move(index);
      table.pick(index, true);
    } else table.openRow(index);
  };
  const classes = ["sbt-line sbt-row", isOpen && "sbt-open", table.at.value === index && "sbt-at"].filter(Boolean).join(" ");
  return (
    <div class={classes} role="row" id={id} aria-rowindex={index + 2} aria-selected={isSelected} style={{ top: `${index * 26}px` }} onClick={onClick}>
      <span role="gridcell" class="sbt-pick" onClick={(event) => event.stopPropagation()}>
        {!table.head.value.is_file && (
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={row ? `Select ${row.name}` : "Select"}
            checked={isSelected}
            disabled={!row}
            onClick={(event) => {
              table.move(index);
              table.pick(index, event.shiftKey);
            }}
          />
        )}
      </span>
      {columns.map((name) => (
        <Cell key={name} table={table} row={row} name={name} />
      ))}
    </div>
  );
}

function Cell({ table, row, name }: { table: TraceTable; row: Row | undefined; name: string }): JSX.Element {
  if (!row) return <span role="gridcell" class="sbt-wait" />;
  const text = cellText(row, name);
  const isBad = (name === "name" || name === "status") && row.status === "error";
  const classes = [column(name).isNumber && "sbt-r", (isBad || name === "n_errors") && text && "sb-err", name === "trace_id" && "sbt-mono"];
  const onSession = (event: TargetedMouseEvent<HTMLButtonElement>): void => {
    event.stopPropagation();
    table.showSession(row.trace_id);
  };
  return (
    <span role="gridcell" class={classes.filter(Boolean).join(" ") || undefined} title={cellTitle(row, name)}>
      {name === "name" && <i class={`sbt-dot sbt-dot-${row.status}`} role="img" aria-label={row.status === "open" ? "running" : row.status} />}
      {name === "session_id" && text ? (
        <button type="button" tabIndex={-1} class="sbt-link" title={`Show session ${text}, oldest first`} onClick={onSession}>
          {text}
        </button>
      ) : (
        <span class="sbt-text">{text}</span>
      )}
    </span>
  );
}
