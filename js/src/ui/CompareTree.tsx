/** The one tree of two traces, virtualised: a sign, the step, what changed in it, and by how much it differs. */

import type { JSX, TargetedKeyboardEvent } from "preact";
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Comparing } from "../core/comparing.ts";
import { SIGNS, type ComparisonTable } from "../core/comparison.ts";
import { formatCount, plural } from "../core/format.ts";
import { groupSize, isParent, visibleLines } from "../core/tree.ts";
import { useComparing } from "./compare.ts";
import { usePrefix } from "./context.ts";
import { Glyph, kindClass } from "./Small.tsx";

const ROW = 26;
const MOST_INDENT = 12;

export function CompareTree({ focusDetail }: { focusDetail: () => void }): JSX.Element {
  const x = useComparing();
  const pane = useRef<HTMLDivElement>(null);
  const nameWidth = useSignal(260);
  useLayoutEffect(() => {
    const name = pane.current?.querySelector(".sb-cols > :first-child");
    if (!name) return;
    const observer = new ResizeObserver(() => (nameWidth.value = name.clientWidth || 260));
    observer.observe(name);
    return () => observer.disconnect();
  }, []);
  const deepest = Math.min(MOST_INDENT, useComputed(() => x.flat.value.depth.reduce((most, depth) => Math.max(most, depth), 1)).value);
  const indent = Math.min(nameWidth.value < 180 ? 11 : 19, Math.max(5, Math.floor((nameWidth.value * 0.5) / deepest)));
  const rows = x.flat.value.rows.length;
  return (
    <div class="sb-treepane" ref={pane} style={{ "--sb-indent": `${indent}px`, "--sb-rows-px": `${Math.max(2, rows) * ROW}px` }}>
      <div class="sb-cols" aria-hidden="true">
        <span>Step</span>
        <span class="sb-r sb-tok" title="Tokens of b less those of a">± Tokens</span>
        <span class="sb-r sb-cost" title="Cost of b less that of a">± Cost</span>
        <span class="sb-r" title="Time of b less that of a">± Time</span>
      </div>
      {rows > 0 ? <Lines focusDetail={focusDetail} /> : <Nothing />}
    </div>
  );
}

function Nothing(): JSX.Element {
  const x = useComparing();
  return (
    <div class="sb-note" role="status">
      Nothing changed: every step of one is in the other, with the same input and output.{" "}
      <button type="button" onClick={() => x.setOnlyChanges(false)}>Show all steps</button>
    </div>
  );
}

function treeKey(x: Comparing, event: KeyboardEvent, page: number, focusDetail: () => void): void {
  const keys: Record<string, () => void> = {
    ArrowDown: () => x.move(1),
    ArrowUp: () => x.move(-1),
    PageDown: () => x.move(page),
    PageUp: () => x.move(-page),
    Home: () => x.selectLine(0),
    End: () => x.selectLine(-1),
    ArrowRight: () => x.into(),
    ArrowLeft: () => x.outOf(),
    " ": () => x.toggle(x.selected.peek()),
    Enter: focusDetail,
    "*": () => x.setAllOpen(true),
    "-": () => x.setAllOpen(false),
  };
  const act = keys[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act();
}

function Lines({ focusDetail }: { focusDetail: () => void }): JSX.Element {
  const x = useComparing();
  const prefix = usePrefix();
  const viewport = useRef<HTMLDivElement>(null);
  const scroll = useSignal(0);
  const height = useSignal(432);
  const range = useComputed(() => visibleLines(scroll.value, height.value, ROW, x.flat.value.rows.length).join());
  useLayoutEffect(() => {
    const el = viewport.current;
    if (!el) return;
    const observer = new ResizeObserver(() => (height.value = el.clientHeight || 432));
    observer.observe(el);
    return () => observer.disconnect();
  }, []);
  useEffect(
    () =>
      x.selected.subscribe((row) => {
        const el = viewport.current;
        const line = x.flat.peek().line[row] ?? -1;
        if (!el || line < 0) return;
        const top = line * ROW;
        if (top < el.scrollTop) el.scrollTop = top;
        else if (top + ROW > el.scrollTop + el.clientHeight) el.scrollTop = top + ROW - el.clientHeight;
      }),
    [],
  );
  const table = x.table.value;
  const { rows, depth } = x.flat.value;
  const [from = 0, to = 0] = range.value.split(",").map(Number);
  const selected = x.selected.value;
  const lines: JSX.Element[] = [];
  for (let line = from; table && line < Math.min(to, rows.length); line++) {
    const row = rows[line] as number;
    lines.push(<Row key={row} x={x} table={table} row={row} line={line} depth={depth[line] as number} isSelected={row === selected} id={`${prefix}-r${row}`} />);
  }
  const isDrawn = lines.some((line) => line.key === selected);
  return (
    <div
      class="sb-tree"
      ref={viewport}
      role="tree"
      aria-label="Steps of both traces"
      tabIndex={0}
      aria-activedescendant={isDrawn ? `${prefix}-r${selected}` : undefined}
      onKeyDown={(event: TargetedKeyboardEvent<HTMLDivElement>) => treeKey(x, event, Math.max(1, Math.floor(height.peek() / ROW) - 1), focusDetail)}
      onScroll={(event) => (scroll.value = event.currentTarget.scrollTop)}
    >
      <div class="sb-space" role="presentation" style={{ height: `${rows.length * ROW}px` }}>
        {lines}
      </div>
    </div>
  );
}

interface RowProps {
  x: Comparing;
  table: ComparisonTable;
  row: number;
  line: number;
  depth: number;
  isSelected: boolean;
  id: string;
}

function Row({ x, table, row, line, depth, isSelected, id }: RowProps): JSX.Element {
  const tree = x.tree.value;
  const parent = isParent(tree, row);
  const isOpen = parent && x.isOpen(row);
  const kind = table.kind(row);
  const change = table.change(row);
  const about = table.about(row);
  const failed = table.hasError(row);
  const indent = Math.min(depth, MOST_INDENT);
  const name = table.name(row);
  return (
    <div
      id={id}
      class={`sb-row sb-is-${change} ${kindClass(kind)}`}
      role="treeitem"
      aria-level={depth + 1}
      aria-posinset={(tree.place[row] as number) + 1}
      aria-setsize={groupSize(tree, row)}
      aria-expanded={parent ? isOpen : undefined}
      aria-selected={isSelected}
      style={{ top: `${line * ROW}px` }}
      onClick={() => x.select(row)}
      onDblClick={() => x.toggle(row)}
    >
      <span class="sb-n">
        <span class="sb-sign" aria-hidden="true">{SIGNS[change]}</span>
        {indent > 0 && <i class="sb-guides" style={{ "--depth": indent }} />}
        {depth > MOST_INDENT && <span class="sb-depth" title={`depth ${depth}`}>{depth}</span>}
        <span
          class="sb-tw"
          aria-hidden="true"
          onClick={(event) => {
            event.stopPropagation();
            x.toggle(row);
          }}
        >
          {parent ? (isOpen ? "▾" : "▸") : ""}
        </span>
        <Glyph kind={kind} />
        <span class={failed ? "sb-t sb-err" : "sb-t"} title={about ? `${name}  ${about}` : name}>
          <span class="sb-step">{name}</span>
          {about && <span class="sb-muted"> {about}</span>}
        </span>
        <span class="sb-sr"> {[kind, failed ? "failed" : "", change === "changed" ? "changed" : change === "same" ? "the same" : ""].filter(Boolean).join(", ")} </span>
        {parent && !isOpen && <Hidden x={x} row={row} />}
      </span>
      <span class="sb-r sb-tok">{table.delta(row, "tokens")}</span>
      <span class="sb-r sb-cost">{table.delta(row, "cost_usd")}</span>
      <span class="sb-r sb-time">{table.delta(row, "duration_ms")}</span>
    </div>
  );
}

/** What a closed row holds: how many steps, and how many of them changed. */
function Hidden({ x, row }: { x: Comparing; row: number }): JSX.Element {
  const below = x.tree.value.below[row] as number;
  const changes = x.changed.value.filter((each) => each > row && each <= row + below).length;
  return (
    <span class="sb-hid" title={`${plural(below, "step")} below, ${plural(changes, "change")}`}>
      {changes > 0 ? `${formatCount(below)} ~ ${formatCount(changes)}` : formatCount(below)}
    </span>
  );
}
