/** What is open beside the list: a trace, or the comparison of two. */

import type { JSX } from "preact";
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ClosedError, whenSlow } from "../core/rpc.ts";
import type { Pair, TraceTable } from "../core/traces.ts";
import type { Mount, Parts } from "./parts.ts";

export function Opened({ table, parts, close }: { table: TraceTable; parts: Parts; close: () => void }): JSX.Element | null {
  const trace = table.open.value;
  const pair = table.pair.value;
  if (pair && parts.comparison) {
    const compare = parts.comparison;
    const [a, b] = pair;
    return (
      <section class="sbt-opened" aria-label="Comparison">
        <div class="sbt-over">
          <button type="button" class="sbt-button" title="Compare the other way round" onClick={() => table.compare([b, a] satisfies Pair)}>
            Swap
          </button>
          <CloseButton what="comparison" close={close} />
        </div>
        <Mounted key={pair.join(" ")} fetch={() => compare(pair)} />
      </section>
    );
  }
  if (!trace) return null;
  return (
    <section class="sbt-opened" aria-label="Open trace">
      <div class="sbt-over">
        <CloseButton what="trace" close={close} />
      </div>
      <Mounted key={trace} fetch={() => parts.explorer(trace)} />
    </section>
  );
}

function CloseButton({ what, close }: { what: string; close: () => void }): JSX.Element {
  return (
    <button type="button" class="sbt-button" onClick={close}>
      Close {what} <span aria-hidden="true">×</span>
    </button>
  );
}

/** A view that has its own module; what it waits for is said. */
function Mounted({ fetch }: { fetch: () => Promise<Mount> }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const said = useSignal<string | null>(null);
  useEffect(() => {
    let isHere = true;
    let unmount: (() => void) | null = null;
    const ready = fetch();
    whenSlow(ready, () => isHere && (said.value = "Kernel busy, will load when the cell ends"));
    ready.then(
      (mount) => {
        if (!isHere || !place.current) return;
        said.value = null;
        unmount = mount(place.current);
      },
      (error: Error) => {
        if (isHere) said.value = error instanceof ClosedError ? "No kernel: re-run this cell to open its traces." : error.message;
      },
    );
    return () => {
      isHere = false;
      unmount?.();
    };
  }, []);
  return (
    <>
      {said.value && (
        <div class="sbt-note" role="status">
          {said.value}
        </div>
      )}
      <div ref={place} />
    </>
  );
}
