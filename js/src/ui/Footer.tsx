/** The line under the explorer: how much is shown, the main keys, and what is going on. */

import type { JSX } from "preact";
import { formatCount, plural } from "../core/format.ts";
import { useExplorer } from "./context.ts";

export function Footer(): JSX.Element {
  const x = useExplorer();
  x.revision.value;
  const table = x.table.value;
  const shown = x.flat.value.rows.length;
  const n = table?.n ?? 0;
  const jumped = x.jumped.value;
  const errors = table?.summary.n_errors ?? 0;
  return (
    <div class="sb-foot">
      <span>{shown === n ? plural(n, "span") : `${formatCount(shown)} of ${plural(n, "span")}`}</span>
      {table !== null && table.cut > 0 && (
        <span>
          {formatCount(table.cut)} more not shown{" "}
          {x.closed.value === null && <button type="button" class="sb-link" onClick={() => void x.reload(true)}>show more</button>}
        </span>
      )}
      <span class="sb-hint"><kbd>↑</kbd> <kbd>↓</kbd> move</span>
      {errors > 0 && <Jump letter="e" label="next error" go={() => x.nextError()} />}
      {n > 1 && <Jump letter="s" label="slowest" go={() => x.jump("time")} />}
      {n > 1 && (table?.summary.cost_usd ?? 0) > 0 && <Jump letter="d" label="dearest" go={() => x.jump("cost")} />}
      <button type="button" aria-expanded={x.showKeys.value} onClick={() => (x.showKeys.value = !x.showKeys.value)}><kbd>?</kbd> keys</button>
      <span role="status">{jumped && jumped.row === x.selected.value && <><b>{jumped.own}</b> of its own, {jumped.place}</>}</span>
      <State />
    </div>
  );
}

/** A key that goes somewhere, for the mouse. */
function Jump({ letter, label, go }: { letter: string; label: string; go: () => void }): JSX.Element {
  return <button type="button" class="sb-hint" onClick={go}><kbd>{letter}</kbd> {label}</button>;
}

function State(): JSX.Element {
  const x = useExplorer();
  const table = x.table.value;
  const streaming = x.streaming.value;
  if (x.closed.value !== null) return <span role="status">No kernel: re-run this cell to load more</span>;
  if (!table) return <span />;
  if (x.isLive.value) {
    const live = streaming >= 0 && streaming < table.n && table.isOpen(streaming);
    return (
      <span>
        <i class="sb-livedot" />
        live, {live ? <><b>{table.name(streaming)}</b> is streaming</> : `${formatCount(table.summary.n_open)} running`}
      </span>
    );
  }
  const { status, n_open } = table.summary;
  if (status === "open") return <span>{formatCount(n_open)} running when this was written</span>;
  if (status === "interrupted") return <span>interrupted before it ended</span>;
  return <span />;
}
