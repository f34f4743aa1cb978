/** Above the rows: the filter, what is wrong with it, facets and the choice of columns. */

import type { JSX, TargetedKeyboardEvent } from "preact";
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { formatCount, plural } from "../core/format.ts";
import { moved, type TraceTable } from "../core/traces.ts";
import { FilterInput, FilterNote } from "../ui/FilterInput.tsx";
import { column } from "./columns.ts";

/** The box of the filter: it narrows the table on Enter, and Escape brings back the filter that is on. */
function Filter({ table, focusGrid }: { table: TraceTable; focusGrid: () => void }): JSX.Element {
  const { filter } = table.head.value;
  const draft = useSignal(filter);
  useEffect(() => void (draft.value = filter), [filter]);
  const change = (text: string): void => {
    draft.value = text;
    if (text.trim() === "") table.hint.value = null;
  };
  const clear = (): void => {
    change("");
    if (filter) table.setFilter("");
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLSpanElement>): void => {
    if (event.key !== "Escape" || event.defaultPrevented || draft.peek() === filter) return;
    draft.value = filter;
    table.hint.value = null;
    event.preventDefault();
    event.stopPropagation();
  };
  const complete = useMemo(() => (text: string, at: number) => table.complete(text, at), [table]);
  return (
    <span class={`sbt-filter${table.hint.value ? " sbt-bad" : ""}`} onKeyDown={onKeyDown}>
      <FilterInput
        label="Filter traces"
        placeholder='Filter, such as cost_usd > 0.01 and user_id == "ada"'
        value={draft.value}
        problem={table.hint.value?.problem ?? null}
        change={change}
        submit={() => table.setFilter(draft.peek().trim())}
        leave={focusGrid}
        complete={table.closed.value === null ? complete : undefined}
      />
      {(draft.value || filter) && (
        <button type="button" aria-label="Clear the filter" title="Clear the filter" onClick={clear}>
          ×
        </button>
      )}
    </span>
  );
}

export function Bar({ table, prefix, focusGrid }: { table: TraceTable; prefix: string; focusGrid: () => void }): JSX.Element {
  const hint = table.hint.value;
  if (table.head.value.is_file) return <FileBar table={table} prefix={prefix} />;
  return (
    <>
      <div class="sbt-bar">
        <Filter table={table} focusGrid={focusGrid} />
        {table.nNew.value > 0 && (
          <button type="button" class="sbt-pill" onClick={() => table.refresh()}>
            {formatCount(table.nNew.value)} new
          </button>
        )}
        <button type="button" class="sbt-button" aria-expanded={table.showsFacets.value} aria-controls={`${prefix}-facets`} onClick={() => table.toggleFacets()}>
          Facets
        </button>
        <ColumnMenu table={table} prefix={prefix} />
      </div>
      {hint && <FilterNote text={hint.text} problem={hint.problem} />}
      {table.problem.value && (
        <div class="sbt-note sb-err" role="alert">
          {table.problem.value}
        </div>
      )}
      {table.closed.value !== null && (
        <div class="sbt-note" role="status">
          No kernel: what is here can be read; re-run this cell to go on.
        </div>
      )}
    </>
  );
}

/** The same in a file: the filter that was on is said, and only columns can be chosen. */
function FileBar({ table, prefix }: { table: TraceTable; prefix: string }): JSX.Element {
  const { filter } = table.head.value;
  return (
    <div class="sbt-bar">
      <h1 class="sbt-title">Traces</h1>
      {filter && <code class="sbt-mono">{filter}</code>}
      <ColumnMenu table={table} prefix={prefix} />
    </div>
  );
}

function ColumnMenu({ table, prefix }: { table: TraceTable; prefix: string }): JSX.Element {
  const isOpen = useSignal(false);
  const place = useRef<HTMLSpanElement>(null);
  const { columns, all_columns } = table.head.value;
  const shut = (): void => {
    isOpen.value = false;
    place.current?.querySelector("button")?.focus();
  };
  useLayoutEffect(() => {
    if (isOpen.value) place.current?.querySelector<HTMLElement>(".sbt-menu input")?.focus();
  }, [isOpen.value]);
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLSpanElement>): void => {
    if (event.key !== "Escape" || !isOpen.peek()) return;
    event.stopPropagation();
    shut();
  };
  const onFocusOut = (event: FocusEvent): void => {
    const to = event.relatedTarget as Node | null;
    if (to && !place.current?.contains(to)) isOpen.value = false;
  };
  const toggle = (name: string): void => {
    const next = columns.includes(name) ? columns.filter((each) => each !== name) : [...columns, name];
    if (next.length > 0) table.set({ columns: next });
  };
  const names = [...columns, ...all_columns.filter((name) => !columns.includes(name))];
  return (
    <span class="sbt-menuplace" ref={place} onKeyDown={onKeyDown} onFocusOut={onFocusOut}>
      <button type="button" class="sbt-button" aria-expanded={isOpen.value} aria-controls={`${prefix}-columns`} onClick={() => (isOpen.value = !isOpen.value)}>
        Columns
      </button>
      {isOpen.value && (
        <div class="sbt-menu" id={`${prefix}-columns`} role="group" aria-label="Columns">
          {names.map((name) => {
            const { label } = column(name);
            const at = columns.indexOf(name);
            return (
              <div key={name}>
                <label>
                  <input type="checkbox" checked={at >= 0} disabled={at >= 0 && columns.length === 1} onChange={() => toggle(name)} /> {label}
                </label>
                {at >= 0 && (
                  <>
                    <button type="button" aria-label={`Move ${label} left`} disabled={at === 0} onClick={() => table.set({ columns: moved(columns, name, -1) })}>
                      ↑
                    </button>
                    <button type="button" aria-label={`Move ${label} right`} disabled={at === columns.length - 1} onClick={() => table.set({ columns: moved(columns, name, 1) })}>
                      ↓
                    </button>
                  </>
                )}
              </div>
            );
          })}
        </div>
      )}
    </span>
  );
}

/** Values that many traces share, with counts; a click narrows the filter, another widens it again. */
export function Facets({ table, prefix }: { table: TraceTable; prefix: string }): JSX.Element | null {
  if (!table.showsFacets.value) return null;
  const found = table.facets.value;
  const { n } = table.head.value;
  return (
    <section class="sbt-facets" id={`${prefix}-facets`} aria-label="Facets" tabIndex={0}>
      {found && found.n_counted < n && (
        <p>
          A sample: the first {plural(found.n_counted, "trace")}.{" "}
          <button type="button" class="sbt-link" onClick={() => table.countAll()}>
            Count all
          </button>
        </p>
      )}
      {found?.facets.length === 0 && <p>Nothing to count.</p>}
      {found?.facets.map((facet) => (
        <div key={facet.name} role="group" aria-label={facet.heading}>
          <h4>{facet.heading}</h4>
          {facet.values.map((each) => (
            <button key={each.term} type="button" aria-pressed={each.is_on} title={each.value} onClick={() => table.toggle(each.term)}>
              <span>{each.value}</span> <i>{formatCount(each.count)}</i>
            </button>
          ))}
        </div>
      ))}
    </section>
  );
}
