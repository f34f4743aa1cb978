/**
 * The one quiet line under a cell that traced something. Mirrors the synced traits of TraceChip in
 * src/spanbook/widgets. Plain DOM, because every instance carries this file; the explorer is fetched when
 * the line is opened for the first time, once per page.
 */

import { loadModule } from "../core/assets.ts";
import { formatCount, formatDuration, formatMoney, plural } from "../core/format.ts";
import { Channel, ClosedError, traceHost, whenSlow, type AnyModel, type Host } from "../core/rpc.ts";
import { followTheme, hideSnapshot, keepKeys } from "../core/theme.ts";
import type { Status, ViewState } from "../core/types.ts";
import theme from "../core/theme.css";
import css from "./chip.css";

interface ChipTrace {
  trace_id: string;
  name: string;
  status: Status;
  duration_ms: number | null;
}

interface ChipSummary {
  n_traces: number;
  n_spans: number;
  n_llm: number;
  duration_ms: number | null;
  tokens: number;
  cost_usd: number | null;
  n_errors: number;
  running: boolean;
  dropped: number;
  traces: ChipTrace[];
  /** left 0..1, width 0..1, lane 0..2, kind code, failed 0|1 */
  bars: [number, number, number, number, number][];
  snap?: string;
}

interface ChipView {
  trace?: string;
  selected?: string | null;
  view?: ViewState;
}

interface ExplorerModule {
  mount(el: HTMLElement, host: Host): () => void;
}

const KINDS = "span llm embedding retriever reranker tool agent chain guardrail evaluator event".split(" ");

const NO_SUMMARY = { n_traces: 0, traces: [], bars: [] };

function element<K extends keyof HTMLElementTagNameMap>(tag: K, className: string, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function fact(value: string, unit = ""): HTMLElement {
  return element("span", "", element("b", "", value), unit && ` ${unit}`);
}

function miniature(bars: ChipSummary["bars"]): HTMLElement {
  const mini = element("span", "sb-mini");
  mini.ariaHidden = "true";
  for (const [left, width, lane, kind, failed] of bars) {
    const bar = element("i", `sb-k-${KINDS[kind]}${failed ? " sb-bad" : ""}`);
    bar.style.left = `${left * 100}%`;
    bar.style.width = `${width * 100}%`;
    bar.style.top = `${1 + 3 * lane}px`;
    mini.append(bar);
  }
  return mini;
}

/** What the chip says; spaces between the facts are for those who hear it. */
function line(summary: ChipSummary): (Node | string)[] {
  const twisty = element("span", "sb-chip-tw", "▸");
  twisty.ariaHidden = "true";
  const nodes: Node[] = [twisty, fact(plural(summary.n_traces, "trace"))];
  if (summary.bars.length > 0) nodes.push(miniature(summary.bars));
  if (summary.n_llm > 0) nodes.push(fact(formatCount(summary.n_llm), "llm"));
  else if (summary.n_spans > 0) nodes.push(fact(formatCount(summary.n_spans), summary.n_spans === 1 ? "span" : "spans"));
  if (summary.running) nodes.push(element("span", "", element("i", "sb-pulse"), "running"));
  if (typeof summary.duration_ms === "number") nodes.push(fact(formatDuration(summary.duration_ms)));
  if (summary.tokens > 0) nodes.push(fact(formatCount(summary.tokens), "tok"));
  if (summary.cost_usd !== null && summary.n_llm + summary.cost_usd > 0) nodes.push(fact(formatMoney(summary.cost_usd)));
  if (summary.n_errors > 0) nodes.push(element("span", "sb-err", plural(summary.n_errors, "error")));
  if (summary.dropped > 0) nodes.push(element("span", "sb-err", `${formatCount(summary.dropped)} dropped`));
  return nodes.flatMap((node) => [node, " "]);
}

class Chip {
  readonly #root = element("div", "sb");
  readonly #button = element("button", "sb-chip");
  readonly #pick = element("div", "sb-pick");
  readonly #panel = element("div", "sb-chip-panel");
  readonly #channel: Channel;
  readonly #offs: (() => void)[];
  #view: ChipView;
  #isOpen = false;
  #unmount: (() => void) | null = null;
  #shown: string | null = null;
  #drawn = "";
  #opening = 0;

  readonly #model: AnyModel;

  constructor(model: AnyModel, el: HTMLElement) {
    this.#model = model;
    this.#view = { ...((model.get("_view") as ChipView | undefined) ?? {}) };
    this.#channel = new Channel(model);
    const panelId = `sb-panel-${Math.random().toString(36).slice(2, 9)}`;
    this.#panel.id = panelId;
    this.#button.type = "button";
    this.#button.setAttribute("aria-controls", panelId);
    this.#root.append(element("style", "", theme + css), this.#button, this.#panel);
    keepKeys(this.#root);
    this.#button.addEventListener("click", () => this.#setOpen(!this.#isOpen));
    el.append(this.#root);
    const onSummary = (): void => this.#draw();
    const onOpen = (): void => this.#setOpen(model.get("_open") as boolean);
    model.on("change:_summary", onSummary);
    model.on("change:_open", onOpen);
    this.#offs = [
      followTheme(this.#root),
      hideSnapshot(el.ownerDocument, this.#summary.snap),
      () => model.off("change:_summary", onSummary),
      () => model.off("change:_open", onOpen),
    ];
    this.#draw();
    this.#setOpen(model.get("_open") as boolean);
  }

  dispose(): void {
    this.#opening++;
    this.#unmount?.();
    for (const off of this.#offs) off();
    this.#channel.dispose();
    this.#root.remove();
  }

  get #summary(): ChipSummary {
    return { ...NO_SUMMARY, ...(this.#model.get("_summary") as ChipSummary) };
  }

  #draw(): void {
    this.#button.replaceChildren(...line(this.#summary));
    this.#button.ariaExpanded = String(this.#isOpen);
    if (this.#isOpen) this.#drawPick();
  }

  #setOpen(open: boolean): void {
    if (open === this.#isOpen) return;
    this.#isOpen = open;
    this.#draw();
    if (this.#model.get("_open") !== open) {
      this.#model.set("_open", open);
      this.#model.save_changes();
    }
    if (open) this.#openTrace(this.#view.trace);
    else {
      this.#leaveTrace();
      this.#panel.replaceChildren();
    }
  }

  #leaveTrace(): void {
    this.#opening++;
    this.#unmount?.();
    this.#unmount = null;
    this.#shown = null;
  }

  /** Mount the explorer on one trace; the first when `wanted` is none of this cell's. */
  #openTrace(wanted: string | undefined): void {
    const traces = this.#summary.traces;
    const trace = traces.find((each) => each.trace_id === wanted) ?? traces[0];
    this.#leaveTrace();
    this.#clear();
    const ticket = this.#opening;
    if (!trace) return this.#say("This trace is not here any more. Re-run this cell.", "sb-chip-note");
    this.#shown = trace.trace_id;
    if (this.#view.trace !== this.#shown) this.#keep({ trace: this.#shown });
    this.#drawPick();
    const ready = loadModule<ExplorerModule>((name, params) => this.#channel.call(name, params), "explorer.js", EXPLORER_SHA256);
    whenSlow(ready, () => ticket === this.#opening && this.#say("Kernel busy, will load when the cell ends", "sb-busy"));
    ready.then(
      ({ mount }) => {
        if (ticket !== this.#opening) return;
        this.#clear();
        const body = element("div", "");
        this.#panel.append(body);
        this.#unmount = mount(body, this.#host(trace.trace_id));
      },
      (error: Error) => {
        if (ticket !== this.#opening) return;
        this.#say(error instanceof ClosedError ? "No kernel: re-run this cell to open its trace." : error.message, "sb-chip-note");
      },
    );
  }

  /** All but the list of traces, which may have the focus. */
  #clear(): void {
    for (const child of [...this.#panel.children]) if (child !== this.#pick) child.remove();
  }

  #say(text: string, className: string): void {
    const note = element("div", className, text);
    note.role = "status";
    this.#clear();
    this.#panel.append(note);
  }

  /** The choice among several traces (arrow keys step through it); redrawn only when they changed. */
  #drawPick(): void {
    const { traces, n_traces } = this.#summary;
    if (traces.length < 2) return;
    const at = Math.max(0, traces.findIndex((each) => each.trace_id === this.#shown));
    const state = JSON.stringify([at, n_traces, traces]);
    if (!this.#pick.isConnected) this.#panel.prepend(this.#pick);
    else if (state === this.#drawn) return;
    this.#drawn = state;
    const hadFocus = this.#pick.matches(":focus-within");
    const select = element("select", "");
    select.ariaLabel = "Trace";
    for (const [i, trace] of traces.entries()) {
      const state = trace.status === "ok" ? "" : ` · ${trace.status === "open" ? "running" : trace.status}`;
      const time = trace.duration_ms === null ? "" : ` · ${formatDuration(trace.duration_ms)}`;
      const option = element("option", "", `${i + 1}. ${trace.name}${time}${state}`);
      option.selected = i === at;
      select.append(option);
    }
    select.addEventListener("change", () => this.#openTrace(traces[select.selectedIndex]?.trace_id));
    const more = n_traces > traces.length ? ` (${formatCount(n_traces)} in all)` : "";
    this.#pick.replaceChildren(select, `${at + 1} of ${traces.length}${more}`);
    if (hadFocus) select.focus();
  }

  #keep(view: ChipView): void {
    this.#view = view;
    this.#model.set("_view", view);
    this.#model.save_changes();
  }

  #host(trace: string): Host {
    return traceHost(this.#channel, trace, this.#view.view ?? {}, (change) => this.#keep({ ...this.#view, ...change }));
  }
}

function render({ model, el }: { model: AnyModel; el: HTMLElement }): () => void {
  const chip = new Chip(model, el);
  return () => chip.dispose();
}

export default { render };
