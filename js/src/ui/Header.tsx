/** The bar over the explorer: what the trace was, its views, and the find box. */

import type { JSX, TargetedInputEvent, TargetedKeyboardEvent } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { formatCount, formatDuration, formatMoney, plural } from "../core/format.ts";
import { debounce } from "../core/rpc.ts";
import type { Summary } from "../core/types.ts";
import type { View } from "../core/explorer.ts";
import { useExplorer } from "./context.ts";
import { Tabs } from "./Small.tsx";

const VIEWS: { id: View; label: string }[] = [
  { id: "tree", label: "Tree" },
  { id: "conversation", label: "Conversation" },
];

const STATUS_WORDS: Record<string, string> = { ok: "finished", error: "failed", open: "running", interrupted: "interrupted" };

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
      <h2 class="sb-title" title={summary.name}>
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
  const cell = summary.cell?.execution_count ?? null;
  const who = [summary.user_id, summary.session_id, ...(summary.tags ?? [])].filter(Boolean).join(" · ");
  return (
    <div class="sb-sum">
      {duration !== null && <span><b>{formatDuration(duration)}</b></span>}
      {tokens > 0 && <span title={`${formatCount(summary.input_tokens)} in, ${formatCount(summary.output_tokens)} out`}><b>{formatCount(tokens)}</b> tok</span>}
      {summary.cost_usd !== null && (summary.cost_usd > 0 || summary.n_llm > 0) && <span><b>{formatMoney(summary.cost_usd)}</b></span>}
      {summary.status === "interrupted" && <span><b>interrupted</b></span>}
      {summary.n_errors > 0 && (
        <button type="button" class="sb-err" title="Go to the next error (e)" onClick={() => x.nextError()}>
          {plural(summary.n_errors, "error")}
        </button>
      )}
      {summary.dropped > 0 && <span class="sb-err" title="Spans lost because the store could not keep up">{formatCount(summary.dropped)} dropped</span>}
      <span>
        {plural(summary.n_spans, "span")}
        {summary.n_llm > 0 && ` · ${formatCount(summary.n_llm)} llm`}
      </span>
      {cell !== null && <span title={summary.cell?.notebook ?? undefined}>cell [{cell}]</span>}
      {who && <span title={who}>{who}</span>}
    </div>
  );
}

function Find({ focusTree }: { focusTree: () => void }): JSX.Element {
  const x = useExplorer();
  const query = x.query.value;
  const found = x.found.value;
  const error = x.findError.value;
  const typed = useMemo(() => {
    let latest = "";
    const run = debounce(() => void x.search(latest), 160);
    return (text: string): void => {
      latest = text;
      x.query.value = text;
      if (text.trim() === "") x.clearFind();
      else run();
    };
  }, [x]);
  useEffect(() => () => x.clearFind(), [x]);
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLInputElement>): void => {
    if (event.key === "Enter") {
      event.preventDefault();
      if (x.found.peek()?.query === query) x.nextMatch(event.shiftKey ? -1 : 1);
      else void x.search(query);
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      focusTree();
    }
  };
  const isOn = query !== "";
  const count = found && !error && isOn ? `${formatCount(found.rows.length)} found` : "";
  return (
    <div class={["sb-find", isOn ? "sb-on" : "", error ? "sb-bad" : ""].filter(Boolean).join(" ")} role="search">
      <input
        type="search"
        aria-label="Find or filter spans"
        aria-invalid={error ? true : undefined}
        placeholder="Find or filter…"
        title={'Words, or a filter such as kind == "llm" and cost_usd > 0.01'}
        autocomplete="off"
        spellcheck={false}
        value={query}
        onInput={(event: TargetedInputEvent<HTMLInputElement>) => typed(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {isOn ? (
        <span class="sb-find-side">
          <span role="status">{count}</span>
          <button type="button" aria-label="Clear search" onClick={() => { x.clearFind(); focusTree(); }}>×</button>
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
  const error = x.findError.value;
  const query = x.query.value;
  if (x.findIsSlow.value) return <div class="sb-find-note sb-wait"><div class="sb-busy" role="status">Kernel busy, will search when the cell ends</div></div>;
  if (!error) return null;
  const at = error.at !== undefined && error.at >= 0 && error.at < query.length ? error.at : -1;
  return (
    <div class="sb-find-note" role="status">
      {error.message}{" "}
      {at >= 0 && <code>{query.slice(0, at)}<mark>{query.slice(at, at + 1)}</mark>{query.slice(at + 1)}</code>}
    </div>
  );
}
