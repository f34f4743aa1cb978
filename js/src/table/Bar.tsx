/** Above the rows: the filter, what was refused of it, facets and the choice of columns. */

import type { JSX, TargetedKeyboardEvent } from "preact";
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { formatCount, plural } from "../core/format.ts";
import { moved, type TraceTable } from "../core/traces.ts";
import { column } from "./columns.ts";

/** The text of the filter while it is written; completion of names belongs in here. */
export function FilterInput({ value, isBad, note, apply }: { value: string; isBad: boolean; note: string; apply: (filter: string) => void }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLInputElement>): void => {
    if (event.key === "Escape" && event.currentTarget.value !== value) event.currentTarget.value = value;
    else if (event.key === "Enter") apply(event.currentTarget.value.trim());
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  useEffect(() => {
    if (input.current && !isBad) input.current.value = value;
  }, [value, isBad]);
  return (
    <span class="sbt-filter">
      <input
        ref={input}
        type="text"
        class={isBad ? "sbt-bad" : undefined}
        aria-label="Filter traces"
        aria-invalid={isBad}
        aria-describedby={isBad ? note : undefined}
        placeholder='Filter, such as cost_usd > 0.01 and user_id == "ada"'
        spellcheck={false}
        autocomplete="off"
        onKeyDown={onKeyDown}
      />
      {value && (
        <button type="button" aria-label="Clear the filter" title="Clear the filter" onClick={() => apply("")}>
          ×
        </button>
      )}
    </span>
  );
}

export function Bar({ table, prefix }: { table: TraceTable; prefix: string }): JSX.Element {
  const { filter } = table.head.value;
  const refused = table.refused.value;
  const note = `${prefix}-refused`;
  return (
    <>
      <div class="sbt-bar">
        <FilterInput value={filter} isBad={refused !== null} note={note} apply={(text) => table.setFilter(text)} />
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
      {refused && (
        <div class="sbt-note sb-err" id={note} role="alert">
          {refused.why}
        </div>
      )}
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
      {found && found.n_counted < n && <p>Counts of the first {plural(found.n_counted, "trace")}</p>}
      {found?.facets.length === 0 && <p>Nothing to count.</p>}
      {found?.facets.map((facet) => (
        <div key={facet.name} role="group" aria-label={facet.heading}>
          <h4>{facet.heading}</h4>
          {facet.values.map((each) => (
            <button key={each.filter} type="button" aria-pressed={each.is_on} title={each.value} onClick={() => table.setFilter(each.filter)}>
              <span>{each.value}</span> <i>{formatCount(each.count)}</i>
            </button>
          ))}
        </div>
      ))}
    </section>
  );
}
