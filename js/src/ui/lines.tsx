/** What the trees share: lines drawn as they are scrolled to, the keys that move in them, and the frame of a line. */

import type { ComponentChildren, JSX, TargetedKeyboardEvent } from "preact";
import { useComputed, useSignal, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { isChord, runKey, type Keys } from "../core/keys.ts";
import { showLine } from "../core/scroll.ts";
import { groupSize, isParent, visibleLines, type Flat, type Tree } from "../core/tree.ts";
import { usePrefix } from "./context.ts";

export const ROW = 26;
const MOST_INDENT = 12;

/** A tree that can be walked: what `Explorer` and `Comparing` have in common. */
export interface Walked {
  readonly tree: ReadonlySignal<Tree>;
  readonly flat: ReadonlySignal<Flat>;
  readonly selected: ReadonlySignal<number>;
  select(row: number): void;
  move(by: number): void;
  selectLine(line: number): void;
  into(): void;
  outOf(): void;
  toggle(row: number): void;
  setAllOpen(isOpen: boolean): void;
}

interface Box {
  readonly current: HTMLElement | null;
}

/** A length of an element in px, followed as it changes; `usual` as long as there is none. */
export function useLength(box: Box, side: "clientWidth" | "clientHeight", usual: number, part?: string): Signal<number> {
  const px = useSignal(usual);
  useLayoutEffect(() => {
    const el = part === undefined ? box.current : box.current?.querySelector(part);
    if (!el) return;
    const observer = new ResizeObserver(() => (px.value = el[side] || usual));
    observer.observe(el);
    return () => observer.disconnect();
  }, []);
  return px;
}

/** How far each level stands in: all levels take at most half of the name column, so that names stay readable. */
export function useIndent(pane: Box, x: Walked): number {
  const width = useLength(pane, "clientWidth", 260, ".sb-cols > :first-child").value;
  const deepest = Math.min(MOST_INDENT, useComputed(() => x.flat.value.depth.reduce((most, depth) => Math.max(most, depth), 1)).value);
  return Math.min(width < 180 ? 11 : 19, Math.max(5, Math.floor((width * 0.5) / deepest)));
}

/** Told of every scroll of the lines: where they stand now. */
export type Scrolled = (top: number) => void;

interface LinesProps {
  x: Walked;
  label: string;
  focusDetail: () => void;
  draw(row: number, depth: number, id: string): JSX.Element | null;
  /** A hook that keeps the view where it is when lines come and go. */
  useStable?: (el: HTMLElement | null, height: ReadonlySignal<number>) => Scrolled;
}

const useNothing = (): Scrolled => () => undefined;

export function TreeLines({ x, label, focusDetail, draw, useStable = useNothing }: LinesProps): JSX.Element {
  const prefix = usePrefix();
  const viewport = useRef<HTMLDivElement>(null);
  const scroll = useSignal(0);
  const height = useLength(viewport, "clientHeight", 432);
  const isDown = useRef(true);
  const range = useComputed(() => visibleLines(scroll.value, height.value, ROW, x.flat.value.rows.length, isDown.current ? [1, 4] : [4, 1]).join());
  const scrolled = useStable(viewport.current, height);
  useEffect(() => x.selected.subscribe((row) => showLine(viewport.current, x.flat.peek().line[row] ?? -1, ROW)), []);
  const { rows, depth } = x.flat.value;
  const [from = 0, to = 0] = range.value.split(",").map(Number);
  const selected = x.selected.value;
  const lines: JSX.Element[] = [];
  let isDrawn = false;
  for (let line = from; line < Math.min(to, rows.length); line++) {
    const row = rows[line] as number;
    const made = draw(row, depth[line] as number, `${prefix}-r${row}`);
    if (made) lines.push(made);
    isDrawn ||= made !== null && row === selected;
  }
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    if (!isChord(event)) runKey(treeKeys(x, Math.max(1, Math.floor(height.peek() / ROW) - 1), focusDetail), event);
  };
  return (
    <div
      class="sb-tree"
      ref={viewport}
      role="tree"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={isDrawn ? `${prefix}-r${selected}` : undefined}
      onKeyDown={onKeyDown}
      onScroll={(event) => {
        const top = event.currentTarget.scrollTop;
        isDown.current = top >= scroll.peek();
        scroll.value = top;
        scrolled(top);
      }}
    >
      <div class="sb-space" role="presentation" style={{ height: `${rows.length * ROW}px` }}>
        {/* Lines stand one below the other: with each at a place of its own, browsers lay the whole page out per scroll. */}
        <div role="presentation" style={{ height: `${from * ROW}px` }} />
        {lines}
      </div>
    </div>
  );
}

function treeKeys(x: Walked, page: number, focusDetail: () => void): Keys {
  return {
    ArrowDown: () => x.move(1),
    ArrowUp: () => x.move(-1),
    PageDown: () => x.move(page),
    PageUp: () => x.move(-page),
    Home: () => x.selectLine(0),
    End: () => x.selectLine(-1),
    ArrowRight: () => x.into(),
    ArrowLeft: () => x.outOf(),
    " ": () => isParent(x.tree.peek(), x.selected.peek()) && x.toggle(x.selected.peek()),
    Enter: focusDetail,
    "*": () => x.setAllOpen(true),
    "-": () => x.setAllOpen(false),
  };
}

interface LineProps {
  x: Walked;
  row: number;
  depth: number;
  id: string;
  class: string;
  isOpen: boolean;
  /** What stands before the guides of the levels, what after the twisty, and the other columns. */
  before?: ComponentChildren;
  name: ComponentChildren;
  children: ComponentChildren;
}

/**
 * One line of a tree, with its place for those who hear it, the guides of its levels and its twisty. Of `div`s: JupyterLab
 * has a rule for every `span` after some input, for which browsers style all spans beside a line that comes or goes.
 */
export function TreeLine({ x, row, depth, id, class: className, isOpen, before, name, children }: LineProps): JSX.Element {
  const tree = x.tree.value;
  const parent = isParent(tree, row);
  const indent = Math.min(depth, MOST_INDENT);
  const toggle = (): void => {
    if (parent) x.toggle(row);
  };
  return (
    <div
      id={id}
      class={className}
      role="treeitem"
      aria-level={depth + 1}
      aria-posinset={(tree.place[row] as number) + 1}
      aria-setsize={groupSize(tree, row)}
      aria-expanded={parent ? isOpen : undefined}
      aria-selected={row === x.selected.value}
      onClick={() => x.select(row)}
      onDblClick={toggle}
    >
      <div class="sb-n">
        {before}
        {indent > 0 && <i class="sb-guides" style={{ "--depth": indent }} />}
        {depth > MOST_INDENT && <div class="sb-depth" title={`depth ${depth}`}>{depth}</div>}
        <div
          class="sb-tw"
          aria-hidden="true"
          onClick={(event) => {
            event.stopPropagation();
            toggle();
          }}
        >
          {parent ? (isOpen ? "▾" : "▸") : ""}
        </div>
        {name}
      </div>
      {children}
    </div>
  );
}
