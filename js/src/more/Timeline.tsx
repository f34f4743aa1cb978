/** The timeline: lanes of what ran after each other and in parallel, with zoom, pan and the critical path. */

import type { JSX, TargetedKeyboardEvent, TargetedPointerEvent } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { windowTicks } from "../core/axis.ts";
import type { SpanTable } from "../core/columns.ts";
import { criticalPath, shares, type Stretch } from "../core/critical.ts";
import type { Explorer } from "../core/explorer.ts";
import { formatCount, formatDuration, formatMoney, plural } from "../core/format.ts";
import { isChord, runKey } from "../core/keys.ts";
import { packLanes, type Lanes } from "../core/lanes.ts";
import { childrenOf, groupSize } from "../core/tree.ts";
import { isObject } from "../core/types.ts";
import { Glyph, glyphLetter, kindClass, Split, useExplorer, usePrefix } from "../ui/kit.ts";
import { drawChart, LANE, PAD, spanAt, toMs, type Colours, type Scene } from "./chart.ts";
import { useRevision } from "./useRevision.ts";

const SHOWN_SHARES = 24;
/** No window is shorter: a microsecond. */
const SHORTEST_MS = 1e-3;

interface Window {
  from: number;
  to: number;
}

export function Timeline(): JSX.Element {
  return <Split what="timeline">{(focusDetail) => <Pane focusDetail={focusDetail} />}</Split>;
}

function Pane({ focusDetail }: { focusDetail: () => void }): JSX.Element {
  const x = useExplorer();
  const table = x.table.value as SpanTable;
  const revision = useRevision(table.n > 5000 ? 500 : 100);
  const lanes = useMemo(
    () => packLanes(x.tree.peek(), table.c.start, (row) => (table.isOpen(row) && x.isLive.peek() ? Infinity : x.rowEnd(table, row))),
    [table, revision],
  );
  const isMarked = useSignal(x.remembered("critical") !== false);
  const path = useMemo(
    () => criticalPath(x.tree.peek(), table.c.start, (row) => x.rowEnd(table, row)),
    [table, revision, x.isLive.value && x.now.value],
  );
  const view = useWindow(x);
  return (
    <div class="sb-tl">
      <div class="sb-bar-top" role="toolbar" aria-label="Timeline">
        <button type="button" aria-label="Zoom out" title="Zoom out (-)" onClick={() => view.zoom(2)}>−</button>
        <button type="button" aria-label="Zoom in" title="Zoom in (+, or Ctrl and the wheel)" onClick={() => view.zoom(0.5)}>+</button>
        <button type="button" title="Show all of it (0)" disabled={view.isAll} onClick={view.all}>Fit</button>
        <button type="button" title="Zoom to the selected span (z, or a double click on it)" disabled={x.selected.value < 0} onClick={() => view.span(x.selected.peek())}>
          Zoom to span
        </button>
        <button
          type="button"
          aria-pressed={isMarked.value}
          title="Mark what the trace was waiting for at each moment"
          onClick={() => {
            isMarked.value = !isMarked.value;
            x.remember("critical", isMarked.value ? undefined : false);
          }}
        >
          Critical path
        </button>
        <span class="sb-shown" role="status">
          {!view.isAll && `${formatDuration(view.from)} to ${formatDuration(view.to)}`}
        </span>
      </div>
      {isMarked.value && <Shares x={x} table={table} path={path} />}
      <Chart x={x} table={table} lanes={lanes} path={isMarked.value ? path : []} view={view} focusDetail={focusDetail} />
    </div>
  );
}

interface View extends Window {
  isAll: boolean;
  set(from: number, to: number): void;
  all(): void;
  /** By a factor, about a moment; about the middle without one. */
  zoom(factor: number, about?: number): void;
  pan(ms: number): void;
  span(row: number): void;
  /** Move the window to where the span is in sight. */
  reveal(row: number): void;
}

/** What part of the time is shown; all of it, as it grows, until something else was asked for. */
function useWindow(x: Explorer): View {
  const known = x.remembered("timeline");
  const part = useSignal<Window | null>(
    isObject(known) && typeof known.from === "number" && typeof known.to === "number" && known.to > known.from ? { from: known.from, to: known.to } : null,
  );
  const end = x.end.value;
  const current = (): Window => (part.peek() && (part.peek() as Window).from < x.end.peek() ? (part.peek() as Window) : { from: 0, to: x.end.peek() });
  const set = (from: number, to: number): void => {
    const most = x.end.peek();
    const long = Math.min(most, Math.max(SHORTEST_MS, to - from));
    const at = Math.min(Math.max(0, from + (to - from - long) / 2), most - long);
    part.value = long >= most * 0.9999 ? null : { from: at, to: at + long };
    x.remember("timeline", part.value ? { ...part.value } : undefined);
  };
  const bounds = (row: number): Window | null => {
    const table = x.table.peek();
    return table && row >= 0 && row < table.n ? { from: table.c.start[row] as number, to: x.rowEnd(table, row) } : null;
  };
  part.value;
  return {
    ...(part.value && part.value.from < end ? part.value : { from: 0, to: end }),
    isAll: part.value === null,
    set,
    all: () => set(0, x.end.peek()),
    zoom: (factor, about) => {
      const { from, to } = current();
      const at = Math.min(to, Math.max(from, about ?? (from + to) / 2));
      set(at - (at - from) * factor, at + (to - at) * factor);
    },
    pan: (ms) => {
      const { from, to } = current();
      const by = Math.min(Math.max(ms, -from), x.end.peek() - to);
      if (by !== 0) set(from + by, to + by);
    },
    span: (row) => {
      const span = bounds(row);
      if (!span) return;
      const room = Math.max((span.to - span.from) * 0.05, SHORTEST_MS);
      set(span.from - room, span.to + room);
    },
    reveal: (row) => {
      const span = bounds(row);
      const { from, to } = current();
      if (!span || (span.to >= from && span.from <= to)) return;
      const long = to - from;
      const at = span.to - span.from > long ? span.from - long * 0.1 : (span.from + span.to - long) / 2;
      set(at, at + long);
    },
  };
}

/** What was waited for most, as buttons that lead there. */
function Shares({ x, table, path }: { x: Explorer; table: SpanTable; path: readonly Stretch[] }): JSX.Element | null {
  const list = useMemo(() => shares(path, (row) => `${table.kind(row)} ${table.name(row)}`), [path]);
  const whole = list.reduce((sum, each) => sum + each.ms, 0);
  if (list.length === 0) return null;
  return (
    <ul class="sb-shares" aria-label={`Critical path, ${formatDuration(whole)}: time of each step by itself`}>
      {list.slice(0, SHOWN_SHARES).map(({ row, count, ms }) => (
        <li key={row}>
          <button type="button" title={`${formatDuration(ms)} of the ${formatDuration(whole)} were spent in ${table.name(row)} alone${count > 1 ? `, in ${plural(count, "span")}` : ""}. Go to the longest`} onClick={() => x.select(row)}>
            <Glyph kind={table.kind(row)} />
            <span class="sb-t">{table.name(row)}</span> <b>{percent(ms / whole)}</b>
          </button>
        </li>
      ))}
    </ul>
  );
}

const percent = (share: number): string => (share < 0.005 ? "<1 %" : `${Math.round(share * 100)} %`);

interface ChartProps {
  x: Explorer;
  table: SpanTable;
  lanes: Lanes;
  path: readonly Stretch[];
  view: View;
  focusDetail(): void;
}

function Chart({ x, table, lanes, path, view, focusDetail }: ChartProps): JSX.Element {
  const prefix = usePrefix();
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const probe = useRef<HTMLSpanElement>(null);
  const size = useSignal({ width: 0, height: 0 });
  const theme = useSignal(0);
  const hovered = useSignal<{ row: number; x: number; y: number } | null>(null);
  const range = useSignal<[number, number] | null>(null);
  const failed = useMemo(() => Array.from(lanes.lane.keys()).filter((row) => table.hasError(row)), [lanes]);
  const scene = useRef<Scene | null>(null);
  const frame = useRef(0);
  const draw = (): void => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => {
      const context = canvas.current?.getContext("2d");
      if (!context || !box.current || !scene.current) return;
      scene.current.top = box.current.scrollTop;
      drawChart(context, scene.current);
    });
  };

  useLayoutEffect(() => {
    const el = box.current;
    if (!el) return;
    const measure = (): void => {
      size.value = { width: el.clientWidth, height: el.clientHeight };
    };
    const observer = new ResizeObserver(measure);
    observer.observe(el);
    measure();
    const themes = new MutationObserver(() => theme.value++);
    const root = el.closest(".sb");
    if (root) themes.observe(root, { attributes: true, attributeFilter: ["data-theme"] });
    return () => {
      observer.disconnect();
      themes.disconnect();
      cancelAnimationFrame(frame.current);
    };
  }, []);

  const { width, height } = size.value;
  const colours = useMemo(() => (probe.current ? coloursOf(probe.current) : null), [theme.value, width > 0]);
  useLayoutEffect(() => {
    const el = canvas.current;
    if (!el || width === 0) return;
    const sharp = el.ownerDocument.defaultView?.devicePixelRatio || 1;
    el.width = Math.round(width * sharp);
    el.height = Math.round(height * sharp);
    el.getContext("2d")?.scale(sharp, sharp);
  }, [width, height]);

  const ticks = windowTicks(view.from, view.to, Math.max(2, Math.min(8, width / 75)));
  const end = (row: number): number => x.rowEnd(table, row);
  x.revision.value;
  if (x.isLive.value) x.now.value;
  if (colours && width > 0) {
    scene.current = {
      table, lanes, end, width, height, ticks, path, failed, colours,
      isLive: x.isLive.value, letter: (row) => glyphLetter(table.kind(row)), from: view.from, to: view.to,
      top: box.current?.scrollTop ?? 0, selected: x.selected.value, hovered: hovered.value?.row ?? -1, range: range.value,
    };
  }
  useLayoutEffect(draw);

  useLayoutEffect(() => {
    const el = box.current;
    const row = x.selected.value;
    if (!el || row < 0 || row >= lanes.lane.length) return;
    const top = (lanes.lane[row] as number) * LANE;
    if (top < el.scrollTop) el.scrollTop = top;
    else if (top + LANE > el.scrollTop + el.clientHeight) el.scrollTop = top + LANE - el.clientHeight;
    view.reveal(row);
  }, [x.selected.value, height]);

  // The page must not scroll or zoom, so this listener has to be an active one.
  const onWheel = useRef<(event: WheelEvent) => void>(() => undefined);
  onWheel.current = (event) => {
    const { current } = scene;
    if (!current) return;
    const isPan = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (event.ctrlKey || event.metaKey) view.zoom(1.0025 ** Math.max(-300, Math.min(300, event.deltaY)), toMs(current, event.clientX - left()));
    else if (isPan) view.pan(((event.deltaX || event.deltaY) / width) * (current.to - current.from));
    else return;
    event.preventDefault();
  };
  useEffect(() => {
    const el = box.current?.parentElement;
    const listen = (event: WheelEvent): void => onWheel.current(event);
    el?.addEventListener("wheel", listen, { passive: false });
    return () => el?.removeEventListener("wheel", listen);
  }, []);

  const left = (): number => box.current?.getBoundingClientRect().left ?? 0;
  const at = (event: PointerEvent | MouseEvent): number => {
    const rect = box.current?.getBoundingClientRect();
    return rect && scene.current ? spanAt(scene.current, event.clientX - rect.left, event.clientY - rect.top + (box.current?.scrollTop ?? 0)) : -1;
  };
  const drag = useDrag({
    marks: (event) => event.shiftKey || (event.target as Element).closest(".sb-tl-axis") !== null,
    pan: (dx, dy) => {
      if (scene.current) view.pan((-dx / (width - 2 * PAD)) * (view.to - view.from));
      if (box.current) box.current.scrollTop -= dy;
    },
    mark: (from, to) => (range.value = [from - left(), to - left()]),
    marked: (from, to) => {
      range.value = null;
      if (scene.current && Math.abs(to - from) > 3) view.set(...([toMs(scene.current, from - left()), toMs(scene.current, to - left())].sort((a, b) => a - b) as [number, number]));
    },
    click: (event) => {
      const row = at(event);
      if (row >= 0) x.select(row);
    },
  });
  const onMove = (event: TargetedPointerEvent<HTMLDivElement>): void => {
    if (drag.onPointerMove(event) || event.pointerType === "touch") {
      hovered.value = null;
      return;
    }
    const row = at(event);
    const rect = event.currentTarget.getBoundingClientRect();
    hovered.value = row < 0 ? null : { row, x: event.clientX - rect.left, y: event.clientY - rect.top };
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    if (isChord(event)) return;
    const fifth = (view.to - view.from) / 5;
    const keys: Record<string, () => void> = {
      "+": () => view.zoom(0.5), "=": () => view.zoom(0.5), "-": () => view.zoom(2),
      0: view.all, z: () => view.span(x.selected.peek()),
      ArrowUp: () => step(x, "up"), ArrowDown: () => step(x, "down"),
      ArrowLeft: () => (event.shiftKey ? view.pan(-fifth) : step(x, "before")), ArrowRight: () => (event.shiftKey ? view.pan(fifth) : step(x, "after")),
      Home: () => x.select(x.tree.peek().roots[0] ?? -1), End: () => x.select(lastOf(x)),
      PageDown: () => box.current?.scrollBy(0, height - LANE), PageUp: () => box.current?.scrollBy(0, LANE - height),
      Enter: focusDetail,
    };
    runKey(keys, event);
  };
  const selected = x.selected.value;
  const tree = x.tree.value;
  return (
    <div class="sb-tl-body" onPointerDown={drag.onPointerDown} onPointerMove={onMove} onPointerUp={drag.onPointerUp} onPointerCancel={drag.cancel} onPointerLeave={() => (hovered.value = null)}>
      <div class="sb-tl-axis" aria-hidden="true" title="Drag to zoom to a part">
        {ticks.map((tick) => {
          const px = PAD + tick.at * (width - 2 * PAD);
          return <span key={tick.label} class={px < 24 ? "sb-first" : px > width - 30 ? "sb-last" : undefined} style={{ left: `${px < 24 ? Math.max(2, px - 4) : Math.min(px, width - 2)}px` }}>{tick.label}</span>;
        })}
      </div>
      <div
        class="sb-chart sb-main"
        ref={box}
        role="tree"
        tabIndex={0}
        aria-label="Timeline of the trace"
        aria-describedby={`${prefix}-tl-keys`}
        aria-activedescendant={selected >= 0 && selected < tree.n ? `${prefix}-tl-span` : undefined}
        onKeyDown={onKeyDown}
        onScroll={draw}
        onDblClick={(event) => view.span(at(event))}
      >
        <div role="presentation" style={{ height: `${lanes.count * LANE}px` }}>
          <canvas ref={canvas} aria-hidden="true" style={{ width: `${width}px`, height: `${height}px` }} />
        </div>
        {selected >= 0 && selected < tree.n && (
          <div class="sb-sr" role="treeitem" id={`${prefix}-tl-span`} aria-selected="true" aria-level={depthOf(tree.parent, selected)} aria-posinset={(tree.place[selected] as number) + 1} aria-setsize={groupSize(tree, selected)}>
            {described(x, table, selected, path)}
          </div>
        )}
      </div>
      <span class="sb-sr" id={`${prefix}-tl-keys`}>
        Up and down go to what called a span and to what it called, left and right to the span before and after it. Plus, minus and 0 zoom, Shift with left and right moves the part shown, z zooms to the span.
      </span>
      <span ref={probe} class="sb-probe" aria-hidden="true">
        {table.kinds.map((kind) => <i key={kind} class={kindClass(kind)} />)}
        {["text", "muted", "line", "error", "accent", "bg"].map((name) => <b key={name} style={{ color: `var(--sb-${name})` }} />)}
      </span>
      {hovered.value && hovered.value.row < table.n && <Tip x={x} table={table} at={hovered.value} width={width} path={path} />}
    </div>
  );
}

/** The colours as the page has them now; canvases know no custom properties. */
function coloursOf(probe: HTMLElement): Colours {
  const colour = (el: Element): string => getComputedStyle(el).color;
  const [text, muted, line, error, accent, surface] = Array.from(probe.querySelectorAll("b"), colour) as [string, string, string, string, string, string];
  return { text, muted, line, error, accent, surface, kinds: Array.from(probe.querySelectorAll("i"), colour), font: `11.5px ${getComputedStyle(probe).fontFamily}` };
}

interface Drags {
  /** Whether this drag marks a part of the axis instead of moving it. */
  marks(event: PointerEvent): boolean;
  pan(dx: number, dy: number): void;
  mark(from: number, to: number): void;
  marked(from: number, to: number): void;
  click(event: PointerEvent): void;
}

function useDrag(act: Drags) {
  const drag = useRef<{ x: number; y: number; from: number; marks: boolean; moved: boolean } | null>(null);
  return {
    onPointerDown: (event: TargetedPointerEvent<HTMLDivElement>): void => {
      const isOnScrollbar = event.offsetX >= (event.target as HTMLElement).clientWidth;
      if (event.button === 0 && !isOnScrollbar) drag.current = { x: event.clientX, y: event.clientY, from: event.clientX, marks: act.marks(event), moved: false };
    },
    /** Whether something is being dragged. */
    onPointerMove: (event: TargetedPointerEvent<HTMLDivElement>): boolean => {
      const { current } = drag;
      if (!current) return false;
      if (!current.moved && Math.hypot(event.clientX - current.x, event.clientY - current.y) < 4) return true;
      if (!current.moved) event.currentTarget.setPointerCapture(event.pointerId);
      current.moved = true;
      if (current.marks) act.mark(current.from, event.clientX);
      else act.pan(event.clientX - current.x, event.clientY - current.y);
      [current.x, current.y] = [event.clientX, event.clientY];
      return true;
    },
    onPointerUp: (event: TargetedPointerEvent<HTMLDivElement>): void => {
      const { current } = drag;
      drag.current = null;
      if (!current) return;
      if (!current.moved) act.click(event);
      else if (current.marks) act.marked(current.from, event.clientX);
    },
    cancel: (): void => {
      if (drag.current?.marks) act.marked(0, 0);
      drag.current = null;
    },
  };
}

/** Move the selection to what called the span, what it called first, or its neighbours in time. */
function step(x: Explorer, to: "up" | "down" | "before" | "after"): void {
  const tree = x.tree.peek();
  const row = x.selected.peek();
  if (row < 0 || row >= tree.n) return x.select(tree.roots[0] ?? -1);
  const parent = tree.parent[row] as number;
  const siblings = parent < 0 ? tree.roots : childrenOf(tree, parent);
  const place = tree.place[row] as number;
  x.select({ up: parent, down: childrenOf(tree, row)[0], before: siblings[place - 1], after: siblings[place + 1] }[to] ?? -1);
}

function lastOf(x: Explorer): number {
  const { rows } = x.flat.peek();
  return rows[rows.length - 1] ?? -1;
}

function depthOf(parent: ArrayLike<number>, row: number): number {
  let depth = 1;
  for (let up = parent[row] as number; up >= 0; up = parent[up] as number) depth++;
  return depth;
}

/** A span in words: what the colours, the place and the marks say. */
function facts(x: Explorer, table: SpanTable, row: number, path: readonly Stretch[]): string[] {
  const duration = x.rowEnd(table, row) - (table.c.start[row] as number);
  const waited = table.c.firstToken[row] as number;
  const tokens = table.c.tokens[row] as number;
  const cost = table.c.cost[row] as number;
  const alone = path.reduce((sum, each) => (each.row === row ? sum + each.to - each.from : sum), 0);
  return [
    table.isOpen(row) && x.isLive.peek() ? `running for ${formatDuration(duration)}` : formatDuration(duration),
    `from ${formatDuration(table.c.start[row])}`,
    table.hasError(row) ? "failed" : table.isInterrupted(row) ? "interrupted" : "",
    waited >= 0 ? `first token after ${formatDuration(waited)}` : "",
    tokens > 0 ? `${formatCount(tokens)} tok` : "",
    cost >= 0 ? formatMoney(cost) : "",
    alone > 0 ? `${formatDuration(alone)} on the critical path` : "",
  ].filter(Boolean);
}

function described(x: Explorer, table: SpanTable, row: number, path: readonly Stretch[]): string {
  return [`${table.name(row)} ${table.sub(row)}`.trim(), table.kind(row), ...facts(x, table, row, path)].join(", ");
}

function Tip({ x, table, at, width, path }: { x: Explorer; table: SpanTable; at: { row: number; x: number; y: number }; width: number; path: readonly Stretch[] }): JSX.Element {
  const { row } = at;
  const isLeft = at.x > width / 2;
  return (
    <div class="sb-tip" aria-hidden="true" style={{ top: `${at.y + 14}px`, ...(isLeft ? { right: `${Math.max(4, width - at.x)}px` } : { left: `${at.x + 8}px` }) }}>
      <div>
        <Glyph kind={table.kind(row)} />
        <b>{table.name(row)}</b>
        {table.sub(row) !== "" && <span class={table.hasError(row) ? "sb-err" : "sb-muted"}> {table.sub(row)}</span>}
      </div>
      <div class="sb-muted">{facts(x, table, row, path).join(" · ")}</div>
    </div>
  );
}
