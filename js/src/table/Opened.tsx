/** The trace that is open beside the list: explorer.js, fetched when the first one is opened. */

import type { JSX } from "preact";
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { loadModule } from "../core/assets.ts";
import { ClosedError, traceHost, whenSlow, type Host } from "../core/rpc.ts";
import type { TraceTable } from "../core/traces.ts";

interface ExplorerModule {
  mount(el: HTMLElement, host: Host): () => void;
}

export function Opened({ table, close }: { table: TraceTable; close: () => void }): JSX.Element | null {
  const trace = table.open.value;
  const place = useRef<HTMLDivElement>(null);
  const said = useSignal<string | null>(null);
  useEffect(() => {
    const el = place.current;
    if (!trace || !el) return;
    let isHere = true;
    let unmount: (() => void) | null = null;
    said.value = null;
    const ready = loadModule<ExplorerModule>((name, params) => table.channel.call(name, params), "explorer.js", EXPLORER_SHA256);
    whenSlow(ready, () => isHere && (said.value = "Kernel busy, will load when the cell ends"));
    ready.then(
      ({ mount }) => {
        if (!isHere) return;
        said.value = null;
        const remembered = table.view.trace === trace ? (table.view.view ?? {}) : {};
        unmount = mount(el, traceHost(table.channel, trace, remembered, (change) => isHere && table.keep({ ...table.view, trace, ...change })));
      },
      (error: Error) => {
        if (isHere) said.value = error instanceof ClosedError ? "No kernel: re-run this cell to open its traces." : error.message;
      },
    );
    return () => {
      isHere = false;
      unmount?.();
    };
  }, [trace]);
  if (!trace) return null;
  return (
    <section class="sbt-opened" aria-label="Open trace">
      <button type="button" class="sbt-button sbt-close" onClick={close}>
        Close trace <span aria-hidden="true">×</span>
      </button>
      {said.value && (
        <div class="sbt-note" role="status">
          {said.value}
        </div>
      )}
      <div ref={place} />
    </section>
  );
}
