/** The events of a span, a page of them at a time; those that did not come with the detail are asked for. */

import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { formatCount, formatDuration } from "../../core/format.ts";
import type { PaneProps } from "../../core/more.ts";
import { whenSlow } from "../../core/rpc.ts";
import type { SpanEvent } from "../../core/types.ts";
import { Busy, Json, useExplorer, useFetched } from "../../ui/kit.ts";

const PAGE = 100;

interface Page {
  from: number;
  events: readonly SpanEvent[];
}

export function Events({ row, detail }: PaneProps): JSX.Element {
  const x = useExplorer();
  const box = useRef<HTMLDivElement>(null);
  const [from, setFrom] = useState(0);
  const [isSlow, setSlow] = useState(false);
  const sent = detail?.events ?? [];
  const n = detail?.n_events ?? sent.length;
  const to = Math.min(from + PAGE, n);
  const { value, error } = useFetched(`${from} ${to}`, async (): Promise<Page> => {
    if (to <= sent.length) return { from, events: sent.slice(from, to) };
    const request = x.host.rpc<SpanEvent[]>("events", { row, offset: from, limit: PAGE });
    whenSlow(request, () => setSlow(true));
    return { from, events: (await request.finally(() => setSlow(false))).result };
  });
  const start = (x.table.value?.startMs ?? 0) + (x.table.value?.c.start[row] ?? 0);
  const go = (to: number): void => {
    setFrom(to);
    box.current?.closest(".sb-detail")?.scrollTo({ top: 0 });
  };
  return (
    <div class="sb-msgs" ref={box}>
      {isSlow && <Busy />}
      {error !== undefined && <div class="sb-muted">{x.closed.value === null ? error : "No kernel: re-run this cell to see these events."}</div>}
      {value?.events.map((event, i) => (
        <div key={value.from + i}>
          <b>{event.name}</b> <span class="sb-muted">after {formatDuration(event.time_ms - start)}</span>
          {event.data !== null && event.data !== undefined && <Json value={event.data} row={row} label={event.name} />}
        </div>
      ))}
      {n > PAGE && <Pager from={from} to={to} n={n} go={go} />}
    </div>
  );
}

function Pager({ from, to, n, go }: { from: number; to: number; n: number; go(from: number): void }): JSX.Element {
  const last = Math.floor((n - 1) / PAGE) * PAGE;
  // Not `disabled` at either end: the button pressed would lose the focus, and the next key would be the notebook's.
  const button = (label: string, at: number): JSX.Element => (
    <button type="button" class="sb-link" aria-disabled={at === from} onClick={() => go(at)}>{label}</button>
  );
  return (
    <div class="sb-pager" role="group" aria-label="Pages of events">
      {button("first", 0)}
      {button("earlier", Math.max(0, from - PAGE))}
      <span role="status">{formatCount(from + 1)} to {formatCount(to)} of {formatCount(n)}</span>
      {button("later", Math.min(last, from + PAGE))}
      {button("last", last)}
    </div>
  );
}
