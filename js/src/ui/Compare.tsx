/** Two compared traces as a whole: totals, one tree of both, the pair chosen, and the keys that work everywhere. */

import { render, type CSSProperties, type JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Comparing, type CompareHost } from "../core/comparing.ts";
import { difference, SIDES, signed, type ComparisonTable } from "../core/comparison.ts";
import { formatCount, formatDuration, formatMoney, plural } from "../core/format.ts";
import { followTheme, keepKeys } from "../core/theme.ts";
import type { Summary } from "../core/types.ts";
import { ComparingContext, useComparing } from "./compare.ts";
import { PairPane } from "./ComparePair.tsx";
import { CompareTree } from "./CompareTree.tsx";
import { newPrefix, PrefixContext } from "./context.ts";
import { Grip } from "./Small.tsx";

const BODY_PX = 432;
const STATUS_WORDS: Record<string, string> = { ok: "finished", error: "failed", open: "running", interrupted: "interrupted" };

/** Draw a comparison into `el` and keep it until the returned function is called. */
export function mountComparison(el: HTMLElement, host: CompareHost, css: string): () => void {
  const root = el.ownerDocument.createElement("div");
  root.className = "sb sb-explorer sb-compare";
  el.append(root);
  const comparing = new Comparing(host);
  keepKeys(root);
  root.addEventListener("keydown", (event) => {
    if (!event.defaultPrevented) anywhere(comparing, root, event);
  });
  const stopTheme = followTheme(root);
  render(
    <ComparingContext.Provider value={comparing}>
      <PrefixContext.Provider value={newPrefix()}>
        <style>{css}</style>
        <App root={root} />
      </PrefixContext.Provider>
    </ComparingContext.Provider>,
    root,
  );
  void comparing.start();
  return () => {
    stopTheme();
    comparing.dispose();
    render(null, root);
    root.remove();
  };
}

const focusTree = (root: HTMLElement): void => root.querySelector<HTMLElement>(".sb-tree")?.focus();

function anywhere(x: Comparing, root: HTMLElement, event: KeyboardEvent): void {
  if (event.key === "Escape") {
    event.preventDefault();
    x.showKeys.value = false;
    focusTree(root);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const keys: Record<string, () => void> = {
    "?": () => (x.showKeys.value = !x.showKeys.peek()),
    n: () => x.nextChange(1),
    N: () => x.nextChange(-1),
    c: () => x.setOnlyChanges(!x.onlyChanges.peek()),
    s: () => x.setBeside(!x.isBeside.peek()),
  };
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function App({ root }: { root: HTMLElement }): JSX.Element {
  const x = useComparing();
  const table = x.table.value;
  if (!table) return <div class="sb-note" role="status">{x.problem.value ?? "Loading…"}</div>;
  return (
    <>
      <Totals table={table} />
      <Bar table={table} />
      {table.n === 0 ? <div class="sb-note" role="status">Neither trace has spans. Re-run the cells that make them.</div> : <Body />}
      <Footer table={table} />
      <Keys close={() => { x.showKeys.value = false; focusTree(root); }} />
      <HeightGrip />
    </>
  );
}

type Measure = [label: string, value: (summary: Summary) => number | null, format: (value: number) => string, className?: string];

const MEASURES: Measure[] = [
  ["Time", (summary) => summary.duration_ms, formatDuration],
  ["Tokens in", (summary) => summary.input_tokens, formatCount, "sb-wide"],
  ["Tokens out", (summary) => summary.output_tokens, formatCount, "sb-wide"],
  ["Cost", (summary) => summary.cost_usd, formatMoney],
  ["Spans", (summary) => summary.n_spans, formatCount, "sb-wider"],
  ["Errors", (summary) => summary.n_errors, formatCount, "sb-wider"],
];

/** Both traces, one a line, and under them how b differs from a. */
function Totals({ table }: { table: ComparisonTable }): JSX.Element {
  const { totals, is_one_trace } = table.data;
  const digits = Math.max(12, [...totals.a.trace_id].findIndex((digit, at) => digit !== totals.b.trace_id[at]) + 1); // as many as tell them apart
  return (
    <div class="sb-totals">
      <table aria-label="Totals of both traces">
        <thead>
          <tr>
            <th scope="col"><span class="sb-sr">Which</span></th>
            <th scope="col">{is_one_trace ? "Both are the same trace" : "Trace"}</th>
            <th scope="col" class="sb-widest">Started</th>
            {MEASURES.map(([label, , , className]) => <th key={label} scope="col" class={`sb-num ${className ?? ""}`}>{label}</th>)}
          </tr>
        </thead>
        <tbody>
          {SIDES.map((side) => <TraceLine key={side} side={side} summary={totals[side]} digits={digits} />)}
          <tr class="sb-delta">
            <th scope="row" colSpan={2}>b − a</th>
            <td class="sb-widest" />
            {MEASURES.map(([label, value, format, className]) => (
              <td key={label} class={`sb-num ${className ?? ""}`}><b>{signed(difference(value(totals.a), value(totals.b)), format)}</b></td>
            ))}
          </tr>
        </tbody>
      </table>
    </div>
  );
}

function TraceLine({ side, summary, digits }: { side: string; summary: Summary; digits: number }): JSX.Element {
  const state = STATUS_WORDS[summary.status] ?? summary.status;
  const cell = summary.cell?.execution_count ?? null;
  return (
    <tr>
      <th scope="row">{side}</th>
      <td class="sb-which" title={`${summary.name}, ${summary.trace_id}`}>
        <span class={`sb-dot sb-dot-${summary.status}`} title={state} />
        <b>{summary.name}</b>
        <span class="sb-sr">, {state}</span>
        {(summary.status === "open" || summary.status === "interrupted") && <span class="sb-muted">{state}</span>}
        {cell !== null && <span class="sb-muted" title={summary.cell?.notebook ?? undefined}>cell [{cell}]</span>}
        <span class="sb-muted">{summary.trace_id.slice(0, digits)}</span>
      </td>
      <td class="sb-widest sb-muted">{when(summary.start_ms)}</td>
      {MEASURES.map(([label, value, format, className]) => {
        const found = value(summary);
        const isError = label === "Errors" && (found ?? 0) > 0;
        return <td key={label} class={`sb-num ${className ?? ""} ${isError ? "sb-err" : ""}`}>{found === null ? "–" : format(found)}</td>;
      })}
    </tr>
  );
}

/** A moment in the reader's own time, as Python's reprs write it. */
function when(ms: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** What changed in a few words, and the ways through it. */
function Bar({ table }: { table: ComparisonTable }): JSX.Element {
  const x = useComparing();
  const counts = table.counts();
  const none = x.changed.value.length === 0;
  return (
    <div class="sb-bar2">
      <span class="sb-counts">
        {(["changed", "added", "removed", "same"] as const).filter((change) => counts[change] > 0).map((change) => (
          <span key={change}><b>{formatCount(counts[change])}</b> {change}</span>
        ))}
      </span>
      <span class="sb-ways">
        <button type="button" class="sb-push" disabled={none} title="Previous change (N)" aria-label="Previous change" onClick={() => x.nextChange(-1)}>↑</button>
        <button type="button" class="sb-push" disabled={none} title="Next change (n)" aria-label="Next change" onClick={() => x.nextChange(1)}>↓</button>
        <button type="button" class="sb-push" aria-pressed={x.onlyChanges.value} title="Show only what changed (c)" onClick={() => x.setOnlyChanges(!x.onlyChanges.peek())}>
          Only changes
        </button>
        <button type="button" class="sb-push" aria-pressed={x.isBeside.value} title="Texts beside each other (s)" onClick={() => x.setBeside(!x.isBeside.peek())}>
          Side by side
        </button>
      </span>
    </div>
  );
}

function Body(): JSX.Element {
  const x = useComparing();
  const body = useRef<HTMLDivElement>(null);
  const detail = useRef<HTMLDivElement>(null);
  const row = x.selected.value;
  const split = x.split.value;
  useEffect(() => {
    if (detail.current) detail.current.scrollTop = 0;
  }, [row]);
  const height = x.height.value > 0 ? x.height.value : BODY_PX;
  const style = { "--sb-height": `${height}px`, "--sb-left": `${split}fr`, "--sb-rest": `${100 - split}fr` } as CSSProperties;
  const name = row >= 0 ? (x.table.value?.name(row) ?? "") : "";
  return (
    <div class="sb-body" ref={body} style={style}>
      <CompareTree focusDetail={() => detail.current?.focus()} />
      <div class="sb-right">
        <Grip
          axis="x"
          label="Width of the tree"
          value={split}
          min={25}
          max={75}
          drag={(px) => x.setSplit(x.split.peek() + (px / (body.current?.clientWidth || 1)) * 100)}
          step={(by) => x.setSplit(x.split.peek() + 2 * by)}
        />
        <div class="sb-detail" ref={detail} tabIndex={0} role="region" aria-label={name === "" ? "Detail" : `Detail of ${name}`}>
          <PairPane />
        </div>
      </div>
    </div>
  );
}

function HeightGrip(): JSX.Element {
  const x = useComparing();
  const height = x.height.value > 0 ? x.height.value : BODY_PX;
  return <Grip axis="y" label="Height" value={height} min={160} max={1600} drag={(px) => x.setHeight(height + px)} step={(by) => x.setHeight(height + 26 * by)} />;
}

function Footer({ table }: { table: ComparisonTable }): JSX.Element {
  const x = useComparing();
  const shown = x.flat.value.rows.length;
  return (
    <div class="sb-foot">
      <span>{shown === table.n ? plural(table.n, "step") : `${formatCount(shown)} of ${plural(table.n, "step")}`}</span>
      <span class="sb-hint"><kbd>↑</kbd> <kbd>↓</kbd> move</span>
      {x.changed.value.length > 0 && <span class="sb-hint"><kbd>n</kbd> next change</span>}
      <button type="button" aria-expanded={x.showKeys.value} onClick={() => (x.showKeys.value = !x.showKeys.peek())}><kbd>?</kbd> keys</button>
      {x.closed.value !== null ? <span role="status">No kernel: re-run this cell to load more</span> : <span />}
    </div>
  );
}

const KEYS: [string[], string][] = [
  [["↑", "↓"], "previous, next step"],
  [["→", "←"], "open or go in, close or go out"],
  [["Home", "End"], "first, last step"],
  [["Page ↑", "Page ↓"], "a page up, down"],
  [["n", "N"], "next, previous change"],
  [["c"], "only changes, or all"],
  [["s"], "texts side by side, or in one"],
  [["-", "*"], "close all, open all"],
  [["Enter"], "to the detail"],
  [["Esc"], "back to the tree"],
];

function Keys({ close }: { close: () => void }): JSX.Element | null {
  const x = useComparing();
  const box = useRef<HTMLDivElement>(null);
  const isShown = x.showKeys.value;
  useLayoutEffect(() => {
    if (isShown) box.current?.focus();
  }, [isShown]);
  if (!isShown) return null;
  return (
    <div class="sb-keys" role="dialog" aria-label="Keys" tabIndex={-1} ref={box}>
      <h3>Keys <button type="button" class="sb-small" onClick={close}>close</button></h3>
      <dl>
        {KEYS.map(([keys, what]) => [<dt key={what}>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dt>, <dd key={`${what}.`}>{what}</dd>])}
      </dl>
    </div>
  );
}
