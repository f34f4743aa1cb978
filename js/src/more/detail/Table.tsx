/** A DataFrame, series, array or list of records as a table: sorted by any column, drawn only where it is looked at. */

import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { formatCount } from "../../core/format.ts";
import { runKey } from "../../core/keys.ts";
import type { PaneProps } from "../../core/more.ts";
import { toPython } from "../../core/python.ts";
import { showLine } from "../../core/scroll.ts";
import { cellText, isNumeric, sortedRows, tableOf, toTsv, type Sorting, type TableData } from "../../core/table.ts";
import type { Json as Value } from "../../core/types.ts";
import { Copy, Json, useExplorer } from "../../ui/kit.ts";

const ROW_PX = 24;
const HEAD_PX = 26;
/** Rows seen at once, and drawn beyond both ends of them. */
const SEEN = 14;
const AROUND = 8;
/** Widths of columns, in characters; looked for in the first rows. */
const NARROWEST = 5;
const WIDEST = 38;
const LOOKED_AT = 100;
/** What a cell draws of a longer text; the row opened has all of it. */
const MOST_DRAWN = 200;

export function Table({ value = null, row, label = "table" }: PaneProps): JSX.Element {
  const table = useMemo(() => tableOf(value), [value]);
  if (!table) return <Json value={value} row={row} label={label} />;
  return <Grid table={table} value={value} row={row} label={label} />;
}

interface GridProps {
  table: TableData;
  value: Value;
  row: number;
  label: string;
}

function Grid({ table, value, row, label }: GridProps): JSX.Element {
  const x = useExplorer();
  const id = useId();
  const scroll = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [sorting, sort] = useState<Sorting | null>(null);
  const [active, activate] = useState(-1);
  const [isOpen, open] = useState(false);
  const order = useMemo(() => sortedRows(table, sorting), [table, sorting]);
  const widths = useMemo(() => table.columns.map((name, column) => widthOf(table, name, column)), [table]);
  const numeric = useMemo(() => table.columns.map((_, column) => isNumeric(table, column)), [table]);
  const first = Math.max(0, Math.floor(top / ROW_PX) - AROUND);
  const last = Math.min(order.length, Math.ceil(top / ROW_PX) + SEEN + AROUND);
  const indexWidth = String(table.rows.length).length;

  const choose = (line: number): void => {
    const to = Math.min(order.length - 1, Math.max(0, line));
    activate(to);
    showLine(scroll.current, to, ROW_PX, HEAD_PX);
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLElement>): void => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey) return;
    const keys: Record<string, () => void> = {
      ArrowDown: () => choose(active + 1),
      ArrowUp: () => choose(active - 1),
      PageDown: () => choose(active + SEEN - 1),
      PageUp: () => choose(active - SEEN + 1),
      Home: () => choose(0),
      End: () => choose(order.length - 1),
      Enter: () => open(!isOpen && active >= 0),
      " ": () => open(!isOpen && active >= 0),
    };
    runKey(keys, event);
  };
  const sortBy = (column: number): void => {
    sort(sorting?.column !== column ? { column, isDown: false } : sorting.isDown ? null : { column, isDown: true });
    open(false);
    activate(-1);
  };
  const way = (column: number): "ascending" | "descending" | "none" => (sorting?.column !== column ? "none" : sorting.isDown ? "descending" : "ascending");
  const lineId = (line: number): string => `${id}-${line}`;
  const opened = isOpen && active >= 0 ? (order[active] as number) : -1;
  const record = useRef<HTMLDivElement>(null);
  useEffect(() => record.current?.scrollIntoView({ block: "nearest" }), [opened]);
  return (
    <div class="sb-tbl">
      <div class="sb-small sb-tt">
        <span>
          {table.title}
          {table.total !== null && table.total > table.rows.length && `, the first ${formatCount(table.rows.length)} were kept`}
        </span>
        <Copy title="Copy as tab-separated values, for spreadsheets" label="copy TSV" text={async () => toTsv(table.columns, await whole(x, row, order.map((at) => table.rows[at] ?? [])))} />
        <Copy title="Copy as Python" label="python" text={async () => asPython(table, await x.whole(row, value))} />
      </div>
      <div class="sb-ts" ref={scroll} style={{ maxHeight: `${HEAD_PX + SEEN * ROW_PX + 10}px` }} onScroll={(event) => setTop(event.currentTarget.scrollTop)}>
        <table
          role="grid"
          tabIndex={0}
          aria-label={`${label}: ${table.title}`}
          aria-rowcount={table.rows.length + 1}
          aria-colcount={table.columns.length + 1}
          aria-activedescendant={active >= first && active < last ? lineId(active) : undefined}
          style={{ width: `calc(${widths.reduce((sum, width) => sum + width, indexWidth)}ch + ${16 * (widths.length + 1)}px)` }}
          onKeyDown={onKeyDown}
        >
          <colgroup>
            {[indexWidth, ...widths].map((width, i) => <col key={i} style={{ width: `calc(${width}ch + 16px)` }} />)}
          </colgroup>
          <thead>
            <tr aria-rowindex={1}>
              <th scope="col"><span class="sb-sr">row</span></th>
              {table.columns.map((column, i) => (
                <th key={column} scope="col" class={numeric[i] ? "sb-num" : undefined} aria-sort={way(i)}>
                  <button type="button" title={[column, table.dtypes[column], "sort"].filter(Boolean).join(" · ")} onClick={() => sortBy(i)}>
                    {column}
                    <span aria-hidden="true">{way(i) === "none" ? "" : sorting?.isDown ? " ↓" : " ↑"}</span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {first > 0 && <tr aria-hidden="true" style={{ height: `${first * ROW_PX}px` }} />}
            {order.slice(first, last).map((at, i) => {
              const line = first + i;
              return (
                <tr
                  key={at}
                  id={lineId(line)}
                  class={line === active ? "sb-at" : undefined}
                  aria-rowindex={line + 2}
                  aria-selected={line === active}
                  onClick={() => {
                    open(!(line === active && isOpen));
                    activate(line);
                  }}
                >
                  <td class="sb-num sb-muted">{at}</td>
                  {table.columns.map((column, c) => <Cell key={column} value={table.rows[at]?.[c]} isNumber={numeric[c] === true} />)}
                </tr>
              );
            })}
            {last < order.length && <tr aria-hidden="true" style={{ height: `${(order.length - last) * ROW_PX}px` }} />}
          </tbody>
        </table>
      </div>
      {opened >= 0 && (
        <div class="sb-tr" role="group" aria-label={`Row ${opened}`} ref={record}>
          <Json key={opened} value={recordOf(table, opened)} row={row} label={`Row ${opened}`} />
        </div>
      )}
    </div>
  );
}

function Cell({ value, isNumber }: { value: Value | undefined; isNumber: boolean }): JSX.Element {
  const text = cellText(value);
  const isShort = text.length <= MOST_DRAWN;
  const drawn = (isShort ? text : text.slice(0, MOST_DRAWN)).replace(/\s+/g, " ");
  return <td class={isNumber ? "sb-num" : value === null ? "sb-muted" : undefined}>{value === null ? "null" : drawn}</td>;
}

function widthOf(table: TableData, name: string, column: number): number {
  let most = name.length + 2;
  for (const row of table.rows.slice(0, LOOKED_AT)) most = Math.max(most, Math.min(WIDEST, cellText(row[column]).length));
  return Math.min(WIDEST, Math.max(NARROWEST, most));
}

function recordOf(table: TableData, at: number): Value {
  return Object.fromEntries(table.columns.flatMap((column, c): [string, Value][] => {
    const cell = table.rows[at]?.[c];
    return cell === undefined ? [] : [[column, cell]];
  }));
}

async function whole(x: ReturnType<typeof useExplorer>, row: number, rows: readonly (Value | undefined)[][]): Promise<(Value | undefined)[][]> {
  const made = [];
  for (const cells of rows) made.push(await Promise.all(cells.map((cell) => (cell === undefined ? cell : x.whole(row, cell)))));
  return made;
}

/** Records as they are; of what pandas had, the call that makes it of the rows that were kept. */
function asPython(table: TableData, value: Value): string {
  if (!table.isFrame) return toPython(value);
  const columns = table.columns;
  if (typeof value === "object" && value !== null && !Array.isArray(value) && value.$type === "dataframe") {
    return `import pandas as pd\n\nframe = pd.DataFrame(${toPython(value.head ?? [])}, columns=${toPython(columns)})\n`;
  }
  return toPython(table.rows.map((cells) => cells[0] ?? null));
}
