/** The one tree of two traces, virtualised: a sign, the step, what changed in it, and by how much it differs. */

import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { Comparing } from "../core/comparing.ts";
import { SIGNS, type ComparisonTable } from "../core/comparison.ts";
import { formatCount, plural } from "../core/format.ts";
import { isParent } from "../core/tree.ts";
import { useComparing } from "./compare.ts";
import { ROW, TreeLine, TreeLines, useIndent } from "./lines.tsx";
import { Glyph, kindClass } from "./Small.tsx";

export function CompareTree({ focusDetail }: { focusDetail: () => void }): JSX.Element {
  const x = useComparing();
  const pane = useRef<HTMLDivElement>(null);
  const indent = useIndent(pane, x);
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

function Lines({ focusDetail }: { focusDetail: () => void }): JSX.Element {
  const x = useComparing();
  const table = x.table.value;
  return (
    <TreeLines
      x={x}
      label="Steps of both traces"
      focusDetail={focusDetail}
      draw={(row, depth, id) => table && <Row key={row} x={x} table={table} row={row} depth={depth} id={id} />}
    />
  );
}

interface RowProps {
  x: Comparing;
  table: ComparisonTable;
  row: number;
  depth: number;
  id: string;
}

function Row({ x, table, row, depth, id }: RowProps): JSX.Element {
  const isOpen = x.isOpen(row);
  const kind = table.kind(row);
  const change = table.change(row);
  const about = table.about(row);
  const failed = table.hasError(row);
  const name = table.name(row);
  return (
    <TreeLine
      x={x}
      row={row}
      depth={depth}
      id={id}
      class={`sb-row sb-is-${change} ${kindClass(kind)}`}
      isOpen={isOpen}
      before={<div class="sb-sign" aria-hidden="true">{SIGNS[change]}</div>}
      name={
        <>
          <Glyph kind={kind} />
          <div class={failed ? "sb-t sb-err" : "sb-t"} dir="auto" title={about ? `${name}  ${about}` : name}>
            <span class="sb-step">{name}</span>
            {about && <span class="sb-muted"> {about}</span>}
          </div>
          <span class="sb-sr"> {[kind, failed ? "failed" : "", change === "changed" ? "changed" : change === "same" ? "the same" : ""].filter(Boolean).join(", ")} </span>
          {isParent(x.tree.value, row) && !isOpen && <Hidden x={x} row={row} />}
        </>
      }
    >
      <div class="sb-r sb-tok">{table.delta(row, "tokens")}</div>
      <div class="sb-r sb-cost">{table.delta(row, "cost_usd")}</div>
      <div class="sb-r sb-time">{table.delta(row, "duration_ms")}</div>
    </TreeLine>
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
