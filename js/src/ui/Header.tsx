/** The bar over the explorer: what the trace was, its views, and the find box. */

import type { JSX, TargetedMouseEvent } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { formatCount, formatDuration, formatMoney, plural, STATUS_WORDS } from "../core/format.ts";
import type { Cell, Summary } from "../core/types.ts";
import type { View } from "../core/explorer.ts";
import { useExplorer } from "./context.ts";
import { FilterInput, FilterNote } from "./FilterInput.tsx";
import { Tabs } from "./Small.tsx";

const VIEWS: { id: View; label: string }[] = [
  { id: "tree", label: "Tree" },
  { id: "timeline", label: "Timeline" },
  { id: "conversation", label: "Conversation" },
  { id: "graph", label: "Graph" },
  { id: "log", label: "Log" },
];

export function Header({ focusTree }: { focusTree: () => void }): JSX.Element {
  const x = useExplorer();
  x.revision.value;
  const summary = x.table.value?.summary;
  if (!summary) return <div class="sb-head"><h2 class="sb-title">Trace</h2></div>;
  const hasChat = summary.n_llm > 0 || x.view.value === "conversation";
  const views = hasChat ? VIEWS : VIEWS.filter((view) => view.id !== "conversation");
  return (
    <div class="sb-head">
      <span class={`sb-dot sb-dot-${summary.status}`} title={STATUS_WORDS[summary.status]} />
      <h2 class="sb-title" dir="auto" title={summary.name}>
        {summary.name}
        <span class="sb-sr">, {STATUS_WORDS[summary.status]}</span>
      </h2>
      <SummaryLine summary={summary} />
      <Tabs label="Views of the trace" class="sb-tabs" name="view" tabs={views} active={x.view.value} choose={(id) => x.setView(id as View)} />
      {x.view.value === "tree" && <Find focusTree={focusTree} />}
    </div>
  );
}

function SummaryLine({ summary }: { summary: Summary }): JSX.Element {
  const x = useExplorer();
  const isLive = x.isLive.value;
  const duration = isLive ? x.now.value : summary.duration_ms;
  const tokens = summary.input_tokens + summary.output_tokens;
  const who = [summary.user_id, summary.session_id, ...(summary.tags ?? [])].filter(Boolean).join(" · ");
  return (
    <div class="sb-sum">
      <div>
        {duration !== null && <span><b>{formatDuration(duration)}</b></span>}
        {tokens > 0 && <span title={`${formatCount(summary.input_tokens)} in, ${formatCount(summary.output_tokens)} out`}><b>{formatCount(tokens)}</b> tok</span>}
        {summary.cost_usd !== null && (summary.cost_usd > 0 || summary.n_llm > 0) && <span title={unpriced(x.unpriced.value)}><b>{formatMoney(summary.cost_usd)}</b></span>}
        {summary.status === "interrupted" && <span><b>interrupted</b></span>}
      </div>
      {summary.n_errors > 0 && (
        <button type="button" class="sb-err" title="Go to the next error (e)" onClick={() => x.nextError()}>
          {plural(summary.n_errors, "error")}
        </button>
      )}
      {summary.dropped > 0 && <span class="sb-err" title="Spans lost because the store could not keep up">{formatCount(summary.dropped)} dropped</span>}
      <div>
        <span>
          {plural(summary.n_spans, "span")}
          {summary.n_llm > 0 && ` · ${formatCount(summary.n_llm)} llm`}
        </span>
        {summary.cell && <CellLink cell={summary.cell} />}
        {who && <span title={who}>{who}</span>}
      </div>
    </div>
  );
}

/** Says of how many calls the cost is not known, where there are such. */
function unpriced(n: number): string | undefined {
  return n ? `${plural(n, "call has", "calls have")} no price` : undefined;
}

const STALE = { changed: "has changed since", again: "ran again since" };

/** The cell that made the trace: goes there where the page shows the notebook, copies a link to it elsewhere. */
function CellLink({ cell }: { cell: Cell }): JSX.Element | null {
  const x = useExplorer();
  const [said, say] = useState("");
  const count = cell.execution_count ?? null;
  const stale = cell.stale ? ` ${STALE[cell.stale]}` : "";
  if (count === null && !stale) return null;
  const text = `cell${count === null ? "" : ` [${count}]`}${stale}`;
  const title = cell.notebook ?? undefined;
  if (x.host.isFile) return <span title={title}>{text}</span>;
  const go = ({ currentTarget, shiftKey }: TargetedMouseEvent<HTMLButtonElement>): void =>
    x.withParts((more) => {
      void more.visitCell(currentTarget, cell, shiftKey).then(say);
      setTimeout(() => say(""), 1600);
    });
  return (
    <button type="button" class={stale ? "sb-stale" : undefined} title={`${title ? `${title}: ` : ""}go to this cell; Shift copies a link to it`} onClick={go}>
      <span aria-live="polite">{said || text}</span>
    </button>
  );
}

function Find({ focusTree }: { focusTree: () => void }): JSX.Element {
  const x = useExplorer();
  const query = x.find.query.value;
  const found = x.find.found.value;
  const problem = x.find.problem.value;
  const complete = useMemo(() => (text: string, at: number) => x.find.complete(text, at), [x]);
  useEffect(() => () => x.find.clear(), [x]);
  const submit = (back: boolean): void => {
    if (x.find.found.peek()?.query === query) x.nextMatch(back ? -1 : 1);
    else void x.find.search(query);
  };
  const isOn = query !== "";
  const count = found && !problem && isOn ? `${formatCount(found.rows.length)} found` : "";
  return (
    <div class={["sb-find", isOn ? "sb-on" : "", problem && !problem.unfinished ? "sb-bad" : ""].filter(Boolean).join(" ")} role="search">
      <FilterInput
        label="Find or filter spans"
        placeholder="Find or filter…"
        title={'Words, or a filter such as kind == "llm" and cost_usd > 0.01'}
        value={query}
        problem={problem}
        change={(text) => x.find.type(text)}
        submit={submit}
        leave={focusTree}
        complete={x.host.isFile || x.closed.value !== null ? undefined : complete}
      />
      {isOn ? (
        <span class="sb-find-side">
          <span role="status">{count}</span>
          <button type="button" aria-label="Clear search" onClick={() => { x.find.clear(); focusTree(); }}>×</button>
        </span>
      ) : (
        <kbd aria-hidden="true">/</kbd>
      )}
    </div>
  );
}

/** Under the header: why a filter was refused, with the place marked, or that the kernel is busy. */
export function FindNote(): JSX.Element | null {
  const x = useExplorer();
  if (x.find.isSlow.value) return <div class="sb-find-note sb-wait"><div class="sb-busy" role="status">Kernel busy, will search when the cell ends</div></div>;
  return x.find.problem.value && <FilterNote text={x.find.query.value} problem={x.find.problem.value} />;
}
