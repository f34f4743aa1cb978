/** A JSON value as a tree that folds, or as a table; paths and values can be copied, searched and read as Python's. */

import { createContext, type JSX, type TargetedKeyboardEvent } from "preact";
import { useContext, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { formatBytes, formatCount } from "../core/format.ts";
import { runKey } from "../core/keys.ts";
import { entriesOf, isContainer, isLarge, pathText, sketch, specialType, startsOpen, type Key } from "../core/json.ts";
import { pathKey, type Finding } from "../core/jsonfind.ts";
import { oneLine } from "../core/messages.ts";
import { isTable, prefersTable } from "../core/table.ts";
import { isLong, isObject, jsonText, numeral, textOf, type Json as Value, type JsonObject } from "../core/types.ts";
import { useExplorer } from "./context.ts";
import { Media, mediaTypeOf } from "./Media.tsx";
import { Pane } from "./Pane.tsx";
import { Copy } from "./Small.tsx";
import { Text } from "./Text.tsx";

const PAGE = 100;

interface JsonProps {
  value: Value;
  row: number;
  label: string;
}

/** What a search found, for the lines of the tree: which to open, which to mark, which to show. */
interface Found {
  within: Set<string>;
  hits: Set<string>;
  current: string;
  path: readonly Key[];
}

const FoundContext = createContext<Found | null>(null);

function foundOf(finding: Finding | null): Found | null {
  const path = finding?.paths[finding.at];
  if (!finding || !path) return null;
  const within = new Set(path.slice(1).map((_, depth) => pathKey(path.slice(0, depth + 1))));
  return { within, hits: new Set(finding.paths.map(pathKey)), current: pathKey(path), path };
}

export function Json({ value, row, label }: JsonProps): JSX.Element {
  const x = useExplorer();
  const canTable = useMemo(() => isTable(value), [value]);
  const [asTable, setAsTable] = useState(() => canTable && prefersTable(value, x.remembered("table")));
  const [isSearched, search] = useState(false);
  const [finding, setFinding] = useState<Finding | null>(null);
  const canSearch = useMemo(() => isLarge(value), [value]);
  const size = useMemo(() => (isLarge(value, 2000) ? formatBytes(jsonText(value).length) : ""), [value]);
  const found = useMemo(() => foundOf(finding), [finding]);
  const choose = (table: boolean): void => {
    setAsTable(table);
    x.remember("table", table);
  };
  const stop = (): void => {
    search(false);
    setFinding(null);
  };
  const tree = <Tree value={value} row={row} label={label} search={canSearch ? () => search(true) : null} />;
  if (!canTable && !canSearch) return tree;
  return (
    <div class="sb-jbox">
      <div class="sb-jbar">
        {size && <span class="sb-small">{size}</span>}
        {isSearched && !asTable && <Pane id="search" row={row} value={value} label={label} onFound={(next) => (next ? setFinding(next) : stop())} />}
        {canSearch && !asTable && !isSearched && <button type="button" class="sb-small" title="Search in this value (f)" onClick={() => search(true)}>search</button>}
        {canTable && (
          <span class="sb-pick" role="group" aria-label={`Show ${label} as`}>
            <button type="button" class="sb-small" aria-pressed={asTable} onClick={() => choose(true)}>table</button>
            <button type="button" class="sb-small" aria-pressed={!asTable} onClick={() => choose(false)}>JSON</button>
          </span>
        )}
      </div>
      {asTable ? <Pane id="table" row={row} value={value} label={label} fallback={tree} /> : <FoundContext.Provider value={found}>{tree}</FoundContext.Provider>}
    </div>
  );
}

function Tree({ value, row, label, search }: JsonProps & { search: (() => void) | null }): JSX.Element {
  const root = useRef<HTMLDivElement>(null);
  const isFrame = specialType(value) === "dataframe"; // reached only when its raw form is asked for
  const entries = useMemo(() => (isContainer(value) || isFrame ? entriesOf(value as Value[] | JsonObject) : null), [value]);
  if (!entries) return <div class="sb-json"><Leaf value={value} row={row} isBare /></div>;
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    if (event.key === "f" && search && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      search();
      return;
    }
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
  if (entries.length === 0) return <div class="sb-json">{Array.isArray(value) ? "[]" : "{}"}</div>;
  return (
    <div class="sb-json" role="tree" aria-label={label} ref={root} onKeyDown={onKeyDown} onFocusIn={onFocus}>
      <Entries entries={entries} row={row} path={[]} depth={0} />
    </div>
  );
}

/** Entries by pages; a match that lies beyond them comes with the page it is on. */
function Entries({ entries, row, path, depth }: { entries: [Key, Value][]; row: number; path: Key[]; depth: number }): JSX.Element {
  const found = useContext(FoundContext);
  const [shown, setShown] = useState(PAGE);
  const isInList = entries.length > 1 && typeof entries[0]?.[0] === "number";
  const wanted = found && found.path.length > depth && pathKey(found.path.slice(0, depth)) === pathKey(path) ? found.path[depth] : undefined;
  const at = wanted === undefined ? -1 : typeof wanted === "number" ? wanted : entries.findIndex(([key]) => key === wanted);
  const from = at < shown ? entries.length : Math.max(shown, at - (at % PAGE));
  const to = Math.min(from + PAGE, entries.length);
  const nodes = (start: number, end: number): JSX.Element[] =>
    entries.slice(start, end).map(([key, value], i) => (
      <Node key={key} name={key} value={value} row={row} path={[...path, key]} depth={depth} isFirst={depth === 0 && start + i === 0} isInList={isInList} />
    ));
  const more = (hidden: number): JSX.Element | false =>
    hidden > 0 && (
      <div class="sb-jl" role="treeitem" aria-level={depth + 1} tabIndex={-1}>
        <button type="button" class="sb-link" onClick={() => setShown(shown + 10 * PAGE)}>
          {formatCount(hidden)} more
        </button>
      </div>
    );
  return (
    <>
      {nodes(0, shown)}
      {more(Math.min(from, entries.length) - shown)}
      {nodes(from, to)}
      {from < entries.length && more(entries.length - to)}
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
  const found = useContext(FoundContext);
  const line = useRef<HTMLDivElement>(null);
  const key = found ? pathKey(path) : "";
  const isCurrent = found?.current === key;
  const entries = useMemo(() => (isContainer(value) ? entriesOf(value) : []), [value]);
  const [open, setOpen] = useState(() => startsOpen(value, depth + 1, isInList));
  const container = isContainer(value) ? value : null;
  const foldable = entries.length > 0;
  const isOnPath = found?.within.has(key) === true;
  useEffect(() => {
    if (isOnPath) setOpen(true);
  }, [isOnPath]);
  useEffect(() => {
    if (isCurrent) line.current?.scrollIntoView({ block: "nearest" });
  }, [isCurrent]);
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
    if (foldable || event.key.length === 1) runKey(keys, event);
  };
  const isOpen = open || isOnPath;
  return (
    <div role="presentation">
      <div
        class={`sb-jl${found?.hits.has(key) ? " sb-hit" : ""}${isCurrent ? " sb-at" : ""}`}
        ref={line}
        role="treeitem"
        aria-level={depth + 1}
        aria-expanded={foldable ? isOpen : undefined}
        aria-current={isCurrent || undefined}
        tabIndex={isFirst ? 0 : -1}
        onKeyDown={onKeyDown}
      >
        <span class="sb-jtw" onClick={() => setOpen(!open)} aria-hidden="true">{foldable ? (isOpen ? "▾" : "▸") : ""}</span>
        <span class="sb-jk" onClick={() => foldable && setOpen(!open)}>{String(name)}</span>
        {container ? (
          <span class="sb-jv sb-sketch" onClick={() => foldable && setOpen(!open)}>{isOpen && foldable ? "" : sketch(container)}</span>
        ) : (
          <div class="sb-jv"><Leaf value={value} row={row} /></div>
        )}
        <span class="sb-jact">
          {/* Reached by the line's keys p and c, so that a tree is one tab stop. */}
          <Copy class="sb-jpath" isStop={false} label="path" title="Copy path" text={() => pathText(path)} />
          <Copy class="sb-jval" isStop={false} label="copy" title="Copy value" text={() => x.fullText(row, value)} />
        </span>
      </div>
      {isOpen && foldable && (
        <div class="sb-jc" role="presentation">
          <Entries entries={entries} row={row} path={path} depth={depth + 1} />
        </div>
      )}
    </div>
  );
}

function Leaf({ value, row, isBare = false }: { value: Value; row: number; isBare?: boolean }): JSX.Element {
  const digits = numeral(value);
  if (digits !== null) return <span>{digits}</span>;
  const special = specialType(value);
  if (!isBare && special !== null && isTable(value)) return <Json value={value} row={row} label={special} />;
  if (special !== null && isObject(value)) return <Special type={special} value={value} row={row} />;
  if (isLong(value) || (typeof value === "string" && mediaTypeOf(value) !== "")) return <Text value={value} row={row} mono />;
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
    case "series":
    case "array": {
      const head = list(value.head);
      const shape = type === "array" ? list(value.shape) : [value.size ?? null];
      const total = shape.reduce<number>((size, each) => size * (number(each) ?? 1), 1);
      const count = head.length > 0 && head.length < total ? `first ${head.length} of ${formatCount(total)} values` : type === "array" ? "" : `${formatCount(total)} values`;
      const range = value.max === undefined ? "" : `${textOf(value.min)} to ${textOf(value.max)}`;
      return <Note head={type === "array" ? `array [${shape.join(" × ")}]` : `Series ${textOf(value.name)}`} facts={[textOf(value.dtype), range, count]} tail={oneLine(head, 200)} />;
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
