/** Two compared traces as a whole: totals, one tree of both, the pair chosen, and the keys that work everywhere. */

import { render, type JSX } from "preact";
import { useRef } from "preact/hooks";
import { Comparing, type CompareHost } from "../core/comparing.ts";
import { difference, SIDES, signed, type ComparisonTable } from "../core/comparison.ts";
import { formatCount, formatDuration, formatMoney, plural, STATUS_WORDS } from "../core/format.ts";
import { isChord, runKey, type Keys } from "../core/keys.ts";
import { scrollByKey } from "../core/scroll.ts";
import { followTheme, keepKeys } from "../core/theme.ts";
import type { Summary } from "../core/types.ts";
import { ComparingContext, useComparing } from "./compare.ts";
import { PairPane } from "./ComparePair.tsx";
import { CompareTree } from "./CompareTree.tsx";
import { newPrefix, PrefixContext } from "./context.ts";
import { KeyList } from "./KeyList.tsx";
import { HeightGrip, Panes } from "./Panes.tsx";

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
  if (isChord(event)) return;
  const keys: Keys = {
    "?": () => (x.showKeys.value = !x.showKeys.peek()),
    n: () => x.nextChange(1),
    N: () => x.nextChange(-1),
    c: () => x.setOnlyChanges(!x.onlyChanges.peek()),
    s: () => x.setBeside(!x.isBeside.peek()),
  };
  runKey(keys, event);
  scrollByKey(root, event);
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
      <KeyList isShown={x.showKeys} keys={KEYS} close={() => { x.showKeys.value = false; focusTree(root); }} />
      <HeightGrip height={x.height} set={(px) => x.setHeight(px)} />
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
  const detail = useRef<HTMLDivElement>(null);
  const row = x.selected.value;
  const name = row >= 0 ? (x.table.value?.name(row) ?? "") : "";
  return (
    <Panes x={x} what="tree" most={75} row={row} name={name} detail={detail} pane={<PairPane />}>
      <CompareTree focusDetail={() => detail.current?.focus()} />
    </Panes>
  );
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
