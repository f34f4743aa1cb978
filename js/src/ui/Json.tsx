/** A JSON value as a tree that folds; paths and values can be copied, captured Python values read as such. */

import type { JSX, TargetedKeyboardEvent } from "preact";
import { useRef, useState } from "preact/hooks";
import { formatBytes, formatCount } from "../core/format.ts";
import { entriesOf, isContainer, pathText, sketch, specialType, startsOpen, type Key } from "../core/json.ts";
import { oneLine } from "../core/messages.ts";
import { isLong, isObject, textOf, type Json as Value, type JsonObject } from "../core/types.ts";
import { useExplorer } from "./context.ts";
import { Media } from "./Media.tsx";
import { Copy } from "./Small.tsx";
import { Text } from "./Text.tsx";

const PAGE = 100;

interface JsonProps {
  value: Value;
  row: number;
  label: string;
}

export function Json({ value, row, label }: JsonProps): JSX.Element {
  const root = useRef<HTMLDivElement>(null);
  if (!isContainer(value)) return <div class="sb-json"><Leaf value={value} row={row} /></div>;
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    const lines = [...(root.current?.querySelectorAll<HTMLElement>(".sb-jl") ?? [])];
    const at = lines.findIndex((line) => line === event.target);
    const to: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: lines.length - 1 };
    const next = to[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    lines[next]?.focus();
  };
  // One tab stop: the line that had the focus last, the first one to begin with.
  const onFocus = (event: FocusEvent): void => {
    const line = event.target as HTMLElement;
    if (!line.classList.contains("sb-jl")) return;
    root.current?.querySelectorAll<HTMLElement>('.sb-jl[tabindex="0"]').forEach((each) => (each.tabIndex = -1));
    line.tabIndex = 0;
  };
  const entries = entriesOf(value);
  if (entries.length === 0) return <div class="sb-json">{Array.isArray(value) ? "[]" : "{}"}</div>;
  return (
    <div class="sb-json" role="tree" aria-label={label} ref={root} onKeyDown={onKeyDown} onFocusIn={onFocus}>
      <Entries entries={entries} row={row} path={[]} depth={0} />
    </div>
  );
}

function Entries({ entries, row, path, depth }: { entries: [Key, Value][]; row: number; path: Key[]; depth: number }): JSX.Element {
  const [shown, setShown] = useState(PAGE);
  const isInList = entries.length > 1 && typeof entries[0]?.[0] === "number";
  return (
    <>
      {entries.slice(0, shown).map(([key, value], i) => (
        <Node key={key} name={key} value={value} row={row} path={[...path, key]} depth={depth} isFirst={depth === 0 && i === 0} isInList={isInList} />
      ))}
      {entries.length > shown && (
        <div class="sb-jl" role="treeitem" aria-level={depth + 1} tabIndex={-1}>
          <button type="button" class="sb-link" onClick={() => setShown(shown + 10 * PAGE)}>
            {formatCount(entries.length - shown)} more
          </button>
        </div>
      )}
    </>
  );
}

interface NodeProps {
  name: Key;
  value: Value;
  row: number;
  path: Key[];
  depth: number;
  isFirst: boolean;
  isInList: boolean;
}

function Node({ name, value, row, path, depth, isFirst, isInList }: NodeProps): JSX.Element {
  const x = useExplorer();
  const container = isContainer(value) ? value : null;
  const [open, setOpen] = useState(() => startsOpen(value, depth + 1, isInList));
  const foldable = container !== null && entriesOf(container).length > 0;
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey) return;
    const keys: Record<string, () => void> = {
      ArrowRight: () => setOpen(true),
      ArrowLeft: () => setOpen(false),
      Enter: () => setOpen(!open),
      " ": () => setOpen(!open),
      p: () => event.currentTarget.querySelector<HTMLElement>(".sb-jpath")?.click(),
      c: () => event.currentTarget.querySelector<HTMLElement>(".sb-jval")?.click(),
    };
    const act = keys[event.key];
    if (!act || (!foldable && event.key.length > 1)) return;
    event.preventDefault();
    act();
  };
  return (
    <div role="presentation">
      <div class="sb-jl" role="treeitem" aria-level={depth + 1} aria-expanded={foldable ? open : undefined} tabIndex={isFirst ? 0 : -1} onKeyDown={onKeyDown}>
        <span class="sb-jtw" onClick={() => setOpen(!open)} aria-hidden="true">{foldable ? (open ? "▾" : "▸") : ""}</span>
        <span class="sb-jk" onClick={() => foldable && setOpen(!open)}>{String(name)}</span>
        {container ? (
          <span class="sb-jv sb-sketch" onClick={() => foldable && setOpen(!open)}>{open && foldable ? "" : sketch(container)}</span>
        ) : (
          <div class="sb-jv"><Leaf value={value} row={row} /></div>
        )}
        <span class="sb-jact">
          {/* Reached by the line's keys p and c, so that a tree is one tab stop. */}
          <Copy class="sb-jpath" isStop={false} label="path" title="Copy path" text={() => pathText(path)} />
          <Copy class="sb-jval" isStop={false} label="copy" title="Copy value" text={() => x.fullText(row, value)} />
        </span>
      </div>
      {open && foldable && container && (
        <div class="sb-jc" role="presentation">
          <Entries entries={entriesOf(container)} row={row} path={path} depth={depth + 1} />
        </div>
      )}
    </div>
  );
}

function Leaf({ value, row }: { value: Value; row: number }): JSX.Element {
  const special = specialType(value);
  if (special !== null && isObject(value)) return <Special type={special} value={value} row={row} />;
  if (isLong(value)) return <Text value={value} row={row} mono />;
  if (typeof value === "string") {
    if (value.includes("\n")) return <pre class="sb-code">{value}</pre>;
    return <span>{JSON.stringify(value)}</span>;
  }
  return <span class={value === null ? "sb-muted" : undefined}>{JSON.stringify(value)}</span>;
}

const number = (value: unknown): number | null => (typeof value === "number" ? value : null);
const list = (value: unknown): Value[] => (Array.isArray(value) ? value : []);

/** Captured values that JSON cannot say; the forms are those of spanbook's capture. */
function Special({ type, value, row }: { type: string; value: JsonObject; row: number }): JSX.Element {
  switch (type) {
    case "dataframe":
      return <Frame value={value} />;
    case "series":
      return <Note head={`Series ${textOf(value.name)}`} facts={[textOf(value.dtype), `${formatCount(number(value.size))} values`]} tail={oneLine(list(value.head), 200)} />;
    case "array": {
      const range = number(value.min) === null ? "" : `${textOf(value.min)} to ${textOf(value.max)}`;
      return <Note head={`array [${list(value.shape).join(" × ")}]`} facts={[textOf(value.dtype), range]} tail={oneLine(list(value.head), 200)} />;
    }
    case "blob":
      return typeof value.digest === "string" ? (
        <Media digest={value.digest} mimeType={textOf(value.mime_type)} size={number(value.size)} />
      ) : (
        <Note head={textOf(value.mime_type) || "file"} facts={["its bytes were not kept"]} />
      );
    case "bytes":
      return <Note head="bytes" facts={[formatBytes(number(value.size))]} tail={textOf(value.head)} />;
    case "cut":
      return (
        <>
          {isContainer(value.head ?? null) ? <Json value={value.head ?? null} row={row} label="Kept part" /> : <Text value={value.head} row={row} mono />}
          <span class="sb-muted">… cut here: {formatCount(number(value.size))} in all, the rest was not kept</span>
        </>
      );
    case "repr":
      return <Note head={textOf(value.class)} facts={[]} tail={textOf(value.text)} />;
    case "float":
      return <span>{textOf(value.text)}</span>;
    case "cycle":
      return <Note head={`↺ ${textOf(value.class)}`} facts={["refers back to itself"]} />;
    case "not_captured":
      return <Note head={textOf(value.class) || "value"} facts={[`not captured: ${textOf(value.reason)}`]} />;
    default:
      return <Note head={type} facts={[]} tail={sketch(value, 400)} />;
  }
}

function Note({ head, facts, tail }: { head: string; facts: string[]; tail?: string | null }): JSX.Element {
  return (
    <span>
      {head} <span class="sb-muted">{facts.filter(Boolean).join(" · ")}</span>
      {tail && <pre class="sb-code">{tail}</pre>}
    </span>
  );
}

function Frame({ value }: { value: JsonObject }): JSX.Element {
  const columns = list(value.columns).map(textOf);
  const dtypes = isObject(value.dtypes) ? value.dtypes : {};
  const [rows, width] = list(value.shape);
  return (
    <div>
      <span>
        DataFrame <span class="sb-muted">{formatCount(number(rows))} × {formatCount(number(width))}</span>
      </span>
      <div class="sb-scroll" tabIndex={0} role="group" aria-label="First rows of the DataFrame">
        <table class="sb-table">
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column} scope="col" title={textOf(dtypes[column])}>{column}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {list(value.head).map((line, i) => (
              <tr key={i}>
                {columns.map((column) => {
                  const cell = isObject(line) ? line[column] : null;
                  return <td key={column} class={typeof cell === "number" ? "sb-num" : undefined}>{textOf(cell)}</td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
