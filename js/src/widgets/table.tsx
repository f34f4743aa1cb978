/** The trace table. Mirrors the synced traits of TraceTable in src/spanbook/widgets/table.py. */

import { render as draw, type JSX } from "preact";
import { formatCount, plural } from "../core/format.ts";
import { isChord } from "../core/keys.ts";
import type { AnyModel } from "../core/rpc.ts";
import { scrollByKey } from "../core/scroll.ts";
import { TraceTable, type Head } from "../core/traces.ts";
import { followTheme, hideSnapshot, keepKeys } from "../core/theme.ts";
import theme from "../core/theme.css";
import { Bar, Facets } from "../table/Bar.tsx";
import { Grid } from "../table/Grid.tsx";
import { Opened } from "../table/Opened.tsx";
import { kernelParts, type Parts } from "../table/parts.ts";
import css from "./table.css";

function Table({ table, parts, prefix, root }: { table: TraceTable; parts: Parts; prefix: string; root: HTMLElement }): JSX.Element {
  const focusOn = (selector: string): void => root.querySelector<HTMLElement>(selector)?.focus();
  const close = (): void => {
    table.close();
    focusOn(".sbt-grid");
  };
  const { n } = table.head.value;
  return (
    <div class={`sbt${table.isOpened.value ? " sbt-has-open" : ""}`}>
      <Bar table={table} prefix={prefix} focusGrid={() => focusOn(".sbt-grid")} />
      <div class="sbt-body">
        <Facets table={table} prefix={prefix} />
        <div class="sbt-list">
          <Grid table={table} prefix={prefix} focusOpened={() => focusOn(".sbt-opened [role=tree]")} />
          {n === 0 && <Nothing table={table} />}
        </div>
        <Opened table={table} parts={parts} close={close} />
      </div>
      <Foot table={table} canCompare={parts.comparison !== undefined} />
    </div>
  );
}

function Nothing({ table }: { table: TraceTable }): JSX.Element {
  const { filter } = table.head.value;
  return (
    <div class="sbt-note" role="status">
      {filter ? "No trace matches the filter. " : "No traces yet: run a cell that calls a model, or write `with sb.span(name):`."}
      {filter && (
        <button type="button" class="sbt-link" onClick={() => table.setFilter("")}>
          Clear it
        </button>
      )}
    </div>
  );
}

function Foot({ table, canCompare }: { table: TraceTable; canCompare: boolean }): JSX.Element {
  const { n, limit, is_cut, is_partial, is_file } = table.head.value;
  const isLimited = !is_file && limit !== null && n === limit;
  return (
    <div class="sbt-foot">
      <span role="status">
        {is_cut || is_partial ? `${formatCount(n)}+ traces` : plural(n, "trace")}
        {table.isBusy.value && " · kernel busy, will answer when the cell ends"}
      </span>
      {isLimited && (
        <span>
          the newest {formatCount(limit)} ·{" "}
          <button type="button" class="sbt-link" onClick={() => table.set({ limit: null })}>
            Show all
          </button>
        </span>
      )}
      {table.nSelected.value > 0 && (
        <span>
          {formatCount(table.nSelected.value)} selected ·{" "}
          {canCompare && table.nSelected.value === 2 && (
            <>
              <button type="button" class="sbt-link" title="Show what changed from the earlier to the later" onClick={() => table.compareSelected()}>
                Compare
              </button>
              {" · "}
            </>
          )}
          <button type="button" class="sbt-link" onClick={() => table.clearSelection()}>
            Clear
          </button>
        </span>
      )}
      <span class="sbt-keys">
        <kbd>↑</kbd> <kbd>↓</kbd> move · <kbd>Enter</kbd> open
        {!is_file && (
          <>
            {" "}
            · <kbd>Space</kbd> select · <kbd>/</kbd> filter
          </>
        )}
      </span>
    </div>
  );
}

/** Draw a table into an element; `partsFor` gives what opens beside the list. */
export function mountTable(el: HTMLElement, model: AnyModel, partsFor: (table: TraceTable) => Parts): () => void {
  const root = el.ownerDocument.createElement("div");
  root.className = "sb";
  el.append(root);
  const table = new TraceTable(model);
  const prefix = `sbt-${Math.random().toString(36).slice(2, 8)}`;
  const onKeyDown = (event: KeyboardEvent): void => {
    const isWriting = event.target instanceof HTMLInputElement && event.target.type === "text";
    if (event.defaultPrevented || isWriting) return;
    const isInside = (event.target as Element).closest(".sbt-opened") !== null;
    if (event.key === "Escape" && table.isOpened.peek() && !isInside) {
      table.close();
      root.querySelector<HTMLElement>(".sbt-grid")?.focus();
    } else if (event.key === "/" && !isInside) {
      event.preventDefault();
      root.querySelector<HTMLElement>(".sbt-filter input")?.focus();
    } else if (!isInside && !isChord(event)) scrollByKey(root, event);
  };
  keepKeys(root);
  root.addEventListener("keydown", onKeyDown);
  const stopTheme = followTheme(root);
  draw(
    <>
      <style>{theme + css}</style>
      <Table table={table} parts={partsFor(table)} prefix={prefix} root={root} />
    </>,
    root,
  );
  return () => {
    stopTheme();
    draw(null, root);
    table.dispose();
    root.remove();
  };
}

function render({ model, el }: { model: AnyModel; el: HTMLElement }): () => void {
  const unmount = mountTable(el, model, kernelParts);
  const showSnapshot = hideSnapshot(el.ownerDocument, (model.get("_head") as Partial<Head> | undefined)?.snap);
  return () => {
    unmount();
    showSnapshot();
  };
}

export default { render };
