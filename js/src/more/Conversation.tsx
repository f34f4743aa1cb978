/** The messages of the whole trace in order, each shown once, under the call that said or read them first. */

import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { formatCount, formatDuration } from "../core/format.ts";
import { pairTurns } from "../core/messages.ts";
import type { ViewProps } from "../core/more.ts";
import { debounce, whenSlow } from "../core/rpc.ts";
import type { Turn } from "../core/types.ts";
import { Busy, Glyph, Messages, useExplorer } from "../ui/kit.ts";

export function Conversation({ toTree }: ViewProps): JSX.Element {
  const x = useExplorer();
  const turns = useSignal<Turn[] | null>(null);
  const isSlow = useSignal(false);
  const problem = useSignal<string | null>(null);
  const ticket = useRef(0);

  useEffect(() => {
    const fetch = async (): Promise<void> => {
      const mine = ++ticket.current;
      const request = x.host.rpc<{ turns: Turn[] }>("conversation");
      whenSlow(request, () => (isSlow.value = true));
      try {
        const { result } = await request;
        if (mine === ticket.current) turns.value = result.turns;
        problem.value = null;
      } catch (error) {
        if (mine === ticket.current && turns.peek() === null) problem.value = x.closed.peek() === null ? (error as Error).message : "No kernel: re-run this cell to read its conversation.";
      } finally {
        if (mine === ticket.current) isSlow.value = false;
      }
    };
    void fetch();
    // While the trace runs, what was said is asked for again at most once a second.
    const again = debounce(() => void fetch(), 1000);
    let seen = x.revision.peek();
    const off = x.revision.subscribe((revision) => {
      if (revision !== seen) again();
      seen = revision;
    });
    return () => {
      ticket.current++;
      off();
    };
  }, [x]);

  const shown = useMemo(() => pairTurns(turns.value ?? []), [turns.value]);
  const table = x.table.value;
  x.revision.value;
  x.partialVersion.value;
  const known = new Set((turns.value ?? []).map((turn) => turn.row));
  const live = table ? [...x.partials.values()].filter((partial) => table.isOpen(partial.row)) : [];
  const go = (row: number): void => {
    x.setView("tree");
    x.select(row);
    toTree();
  };
  return (
    <div class="sb-convo" role="region" aria-label="Messages of the trace" tabIndex={0}>
      {(turns.value ?? []).map((turn, i) => (
        <section class="sb-turn" key={turn.row}>
          <TurnHead row={turn.row} go={go} />
          <Messages shown={shown[i] ?? []} row={turn.row} live={live.find((each) => each.row === turn.row)?.text ?? null} />
        </section>
      ))}
      {live
        .filter((each) => !known.has(each.row))
        .map((each) => (
          <section class="sb-turn" key={each.row}>
            <TurnHead row={each.row} go={go} />
            <Messages shown={[]} row={each.row} live={each.text} />
          </section>
        ))}
      {isSlow.value && turns.value === null && <Busy />}
      {problem.value && <div class="sb-note sb-err">{problem.value}</div>}
      {turns.value?.length === 0 && live.length === 0 && <div class="sb-note">No model was called in this trace.</div>}
    </div>
  );
}

function TurnHead({ row, go }: { row: number; go: (row: number) => void }): JSX.Element | null {
  const x = useExplorer();
  const table = x.table.value;
  x.revision.value;
  if (!table || row >= table.n) return null;
  const duration = table.c.duration[row] as number;
  const tokens = table.c.tokens[row] as number;
  const facts = [
    table.hasError(row) ? "" : table.sub(row),
    table.isOpen(row) && x.isLive.value ? "running" : duration >= 0 ? formatDuration(duration) : "",
    tokens > 0 ? `${formatCount(tokens)} tok` : "",
  ];
  return (
    <h3>
      <button type="button" title="Show this call in the tree" onClick={() => go(row)}>
        <Glyph kind={table.kind(row)} />
        {table.name(row)}
      </button>
      <span>
        {table.hasError(row) && <span class="sb-err">{table.sub(row) || "error"} </span>}
        {facts.filter(Boolean).join(" · ")}
      </span>
    </h3>
  );
}
