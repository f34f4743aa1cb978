/** The log: everything that happened in the trace in order of time, drawn by the screenful and asked for by the page. */

import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { SpanTable } from "../core/columns.ts";
import { formatCount, plural } from "../core/format.ts";
import { isChord, runKey } from "../core/keys.ts";
import { ENTRY_KINDS, entryText, formatOffset, LogPages, type EntryKind, type LogEntry } from "../core/log.ts";
import { debounce } from "../core/rpc.ts";
import { showLine } from "../core/scroll.ts";
import { visibleLines } from "../core/tree.ts";
import { Busy, Glyph, kindClass, Split, useExplorer, useLength, usePrefix } from "../ui/kit.ts";

const ROW = 26;

const LABELS: Record<EntryKind, string> = { start: "Starts", "first token": "First tokens", event: "Events", error: "Errors", end: "Ends", score: "Scores" };

export function Log(): JSX.Element {
  return <Split what="log">{(focusDetail) => <Pane focusDetail={focusDetail} />}</Split>;
}

function Pane({ focusDetail }: { focusDetail: () => void }): JSX.Element {
  const x = useExplorer();
  const hidden = useSignal<readonly string[]>(remembered(x.remembered("log")));
  const kinds = ENTRY_KINDS.filter((kind) => !hidden.value.includes(kind));
  const pages = useMemo(() => new LogPages(x.host, kinds), [x]);
  useEffect(() => {
    // While the trace runs, what is in sight is asked for again at most once a second.
    const again = debounce(() => pages.refresh(), 1000);
    let seen = x.revision.peek();
    const off = x.revision.subscribe((revision) => {
      if (revision !== seen) again();
      seen = revision;
    });
    return () => {
      off();
      pages.dispose();
    };
  }, [pages]);
  pages.version.value;
  const { counts } = pages;
  const toggle = (kind: EntryKind): void => {
    const next = hidden.value.includes(kind) ? hidden.value.filter((each) => each !== kind) : [...hidden.value, kind];
    hidden.value = next;
    x.remember("log", next.length > 0 ? [...next] : undefined);
    pages.show(ENTRY_KINDS.filter((each) => !next.includes(each)));
  };
  const problem = pages.problem.value;
  return (
    <div class="sb-log">
      <div class="sb-bar-top" role="group" aria-label="Kinds of entries shown">
        {ENTRY_KINDS.filter((kind) => !counts || counts[kind] > 0 || hidden.value.includes(kind)).map((kind) => (
          <button key={kind} type="button" aria-pressed={!hidden.value.includes(kind)} onClick={() => toggle(kind)}>
            {LABELS[kind]} {counts && <span class="sb-muted">{formatCount(counts[kind])}</span>}
          </button>
        ))}
        <span class="sb-shown" role="status">{counts && plural(pages.total, "entry", "entries")}</span>
      </div>
      {pages.isSlow.value && <Busy />}
      {problem !== null && (
        <div class="sb-note sb-err">
          {x.closed.value === null ? problem : "No kernel: re-run this cell to read its log."}
        </div>
      )}
      {counts !== null && pages.total === 0 && problem === null && (
        <div class="sb-note" role="status">{kinds.length === 0 ? "Every kind of entry is hidden; choose one above." : "Nothing of these kinds has happened in this trace."}</div>
      )}
      <Entries pages={pages} kinds={kinds} focusDetail={focusDetail} />
    </div>
  );
}

function remembered(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each): each is string => ENTRY_KINDS.some((kind) => kind === each)) : [];
}

function Entries({ pages, kinds, focusDetail }: { pages: LogPages; kinds: readonly EntryKind[]; focusDetail(): void }): JSX.Element {
  const x = useExplorer();
  const prefix = usePrefix();
  const box = useRef<HTMLDivElement>(null);
  const scroll = useSignal(0);
  const height = useLength(box, "clientHeight", 432);
  /** The entry that the keys move from; -1 while it is not known which of the span's entries is meant. */
  const at = useSignal(-1);
  const atEnd = useRef(false);
  /** Where the reader went before its entry was there, which then says what is selected; -1: nowhere. */
  const awaited = useRef(-1);
  const [from, to] = visibleLines(scroll.value, height.value, ROW, Math.max(1, pages.total));
  useEffect(() => pages.want(from, to), [pages, from, to]);
  pages.version.value;
  const { total } = pages;
  const show = (line: number): void => showLine(box.current, line, ROW);
  useLayoutEffect(() => {
    const el = box.current;
    if (el && atEnd.current && x.isLive.peek()) el.scrollTop = el.scrollHeight;
  }, [total]);
  // Another view, a key or Python may have chosen the span: go to where it starts.
  const shown = kinds.join();
  useEffect(() => {
    let isCurrent = true;
    const row = x.selected.peek();
    const isAwaiting = awaited.current >= 0 && pages.problem.peek() === null;
    if (row < 0 || isAwaiting || pages.get(at.peek())?.row === row) return;
    at.value = awaited.current = -1;
    pages.placeOf(row).then(
      (place) => {
        if (!isCurrent || place < 0) return;
        at.value = place;
        show(place);
      },
      () => undefined, // the pages say why there is no answer
    );
    return () => {
      isCurrent = false;
    };
  }, [x.selected.value, shown]);
  const goTo = (line: number): void => {
    if (total === 0) return;
    at.value = awaited.current = Math.min(total - 1, Math.max(0, line));
    selectAwaited();
    show(at.value);
  };
  const selectAwaited = (): void => {
    const entry = pages.get(awaited.current);
    if (!entry) return;
    awaited.current = -1;
    x.select(entry.row);
  };
  useEffect(selectAwaited, [pages.version.value]);
  const page = Math.max(1, Math.floor(height.value / ROW) - 1);
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    const now = at.peek() < 0 ? from - 1 : at.peek();
    const keys: Record<string, () => void> = {
      ArrowDown: () => goTo(now + 1), ArrowUp: () => goTo(now - 1), PageDown: () => goTo(now + page), PageUp: () => goTo(now - page),
      Home: () => goTo(0), End: () => goTo(total - 1), Enter: focusDetail,
    };
    if (!isChord(event)) runKey(keys, event);
  };
  const table = x.table.value as SpanTable;
  x.revision.value;
  const lines: JSX.Element[] = [];
  for (let line = from; line < Math.min(to, total); line++) {
    lines.push(<Line key={line} table={table} entry={pages.get(line)} line={line} total={total} id={`${prefix}-log${line}`} isHere={line === at.value} selected={x.selected.value} choose={() => goTo(line)} />);
  }
  return (
    <>
      <div class="sb-lcols sb-cols" aria-hidden="true">
        <span class="sb-r">Time</span>
        <span>What</span>
        <span>Span</span>
        <span class="sb-lmsg">Message</span>
      </div>
      <div
        class="sb-lines sb-main"
        ref={box}
        role="listbox"
        tabIndex={0}
        aria-label="Log of the trace"
        aria-activedescendant={at.value >= from && at.value < Math.min(to, total) ? `${prefix}-log${at.value}` : undefined}
        onKeyDown={onKeyDown}
        onScroll={(event) => {
          const el = event.currentTarget;
          scroll.value = el.scrollTop;
          atEnd.current = el.scrollTop > 0 && el.scrollTop + el.clientHeight >= el.scrollHeight - 2;
        }}
      >
        <div class="sb-space" role="presentation" style={{ height: `${total * ROW}px` }}>
          <div role="presentation" style={{ height: `${from * ROW}px` }} />
          {lines}
        </div>
      </div>
    </>
  );
}

interface LineProps {
  table: SpanTable;
  entry: LogEntry | null;
  line: number;
  total: number;
  id: string;
  isHere: boolean;
  selected: number;
  choose(): void;
}

function Line({ table, entry, line, total, id, isHere, selected, choose }: LineProps): JSX.Element {
  if (!entry) {
    return <div id={id} class="sb-lrow" role="option" aria-selected={isHere} aria-posinset={line + 1} aria-setsize={total}><span class="sb-muted">…</span></div>;
  }
  const { row, what } = entry;
  const isKnown = row >= 0 && row < table.n;
  const { label, text } = entryText(table, entry);
  const kind = isKnown ? table.kind(row) : "span";
  return (
    <div
      id={id}
      class={`sb-lrow ${kindClass(kind)}${row === selected && !isHere ? " sb-same" : ""}`}
      role="option"
      aria-selected={isHere}
      aria-posinset={line + 1}
      aria-setsize={total}
      onClick={choose}
    >
      <span class="sb-r">{formatOffset(entry.at_ms)}</span>
      <span class={what === "error" ? "sb-lwhat sb-err" : "sb-lwhat"}>{what}</span>
      <span class="sb-n">
        <Glyph kind={kind} />
        <span class="sb-t" dir="auto" title={isKnown ? table.name(row) : undefined}>{isKnown ? table.name(row) : "a span that is not shown"}</span>
      </span>
      <span class="sb-t sb-lmsg" title={`${label} ${text}`.trim()}>
        {label !== "" && <span class={what === "error" ? "sb-err" : undefined}>{label} </span>}
        <span class="sb-muted">{text}</span>
      </span>
    </div>
  );
}
