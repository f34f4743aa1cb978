/**
 * Talking to Python: requests by message, and the Host that the explorer is mounted on.
 *
 * A request has no timeout that rejects. While a cell runs, some kernels answer only afterwards; the message
 * waits in their queue and is answered then, so the user is told (see `whenSlow`) and the request stays. A kernel that
 * was started anew by somebody else does not know us, and says nothing: see `Channel.#ask`.
 */

import type { Token } from "marked";
import type { More } from "./more.ts";
import type { Meta, Push, ViewState } from "./types.ts";

/** The part of anywidget's model that we use. */
export interface AnyModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  on(event: string, callback: (...args: never[]) => void): void;
  off(event: string, callback: (...args: never[]) => void): void;
}

export interface Reply<T> {
  result: T;
  buffers: DataView[];
}

export interface Loaded {
  meta: Meta;
  cols: DataView;
}

/** Where an explorer gets its data from and leaves its state; one trace each. */
export interface Host {
  load(): Promise<Loaded>;
  rpc<T>(method: string, params?: object): Promise<Reply<T>>;
  /** Pushes in the order they came; returns the function that unsubscribes. */
  onPush(callback: (push: Push, buffers: DataView[]) => void): () => void;
  onClose(callback: (reason: string) => void): () => void;
  /** The whole trace was sent anew (traits changed); `load()` gives it. */
  onReload?(callback: () => void): () => void;
  getView(): ViewState;
  /** The explorer calls this at most a few times a second. */
  setView(view: ViewState): void;
  setSelected(spanId: string | null): void;
  /** Say which row is selected before its span's id is known. */
  selectRow?(row: number): void;
  /** Python chose a span. */
  onSelected?(callback: (spanId: string | null) => void): () => void;
  /** The markdown lexer where it is already at hand, in a page that has no kernel to fetch it from. */
  lex?: (text: string) => Token[];
  /** The parts that are loaded on first use, likewise. */
  more?: More;
  /** Whether this is a file without a kernel behind it: nothing can be said or stopped there. */
  isFile?: boolean;
  /** Height of the body in px that Python asked for; 0 or absent leaves it to the widget. */
  height?: number;
}

export class ClosedError extends Error {}

type Custom = { kind?: string; id?: unknown; result?: unknown; error?: { message?: string } };
type Listener = (message: Custom, buffers: DataView[]) => void;

interface Pending {
  resolve(reply: Reply<unknown>): void;
  reject(error: Error): void;
}

/** How often a request is sent before the widget is taken for gone. */
const MOST_SENT = 3;

/** What kernels say while they go through a message. */
interface StatusMessage {
  content: { execution_state?: unknown };
}

/** Requests and pushes of one view of one model. */
export class Channel {
  readonly #pending = new Map<string, Pending>();
  readonly #listeners = new Set<Listener>();
  readonly #closers = new Set<(reason: string) => void>();
  // Replies reach every view of a model, so ids carry who asked.
  readonly #prefix = Math.random().toString(36).slice(2, 8);
  #count = 0;
  #closed: string | null = null;

  readonly #model: AnyModel;

  constructor(model: AnyModel) {
    this.#model = model;
    for (const [event, callback] of this.#events) model.on(event, callback);
  }

  call<T>(method: string, params: object = {}): Promise<Reply<T>> {
    const id = `${this.#prefix}-${++this.#count}`;
    return new Promise((resolve, reject) => {
      if (this.#closed !== null) return reject(new ClosedError(this.#closed));
      this.#pending.set(id, { resolve: resolve as Pending["resolve"], reject });
      this.#ask({ kind: "rpc", v: 1, id, method, params });
    });
  }

  /**
   * Send a request; again where the kernel says that it is done with it (which a busy one says only when it got to
   * it) and no answer came: notebook servers drop what comes too fast. A kernel that answers none of them is another
   * one. Where nothing at all is heard, it is busy or the request went down with it: hence again, ever more seldom.
   */
  #ask(request: { id: string; [key: string]: unknown }, sent = 1, wait = 10_000): void {
    const later = (run: () => void, ms: number) => setTimeout(() => this.#pending.has(request.id) && run(), ms);
    const timer = later(() => this.#ask(request, sent, 2 * wait), wait);
    const status = ({ content }: StatusMessage): void => {
      if (content.execution_state !== "idle") return;
      clearTimeout(timer);
      later(() => (sent < MOST_SENT ? this.#ask(request, sent + 1) : this.#lost()), 1000 * sent);
    };
    // marimo calls what JupyterLab takes callbacks from.
    this.#model.send(request, Object.assign(() => undefined, { iopub: { status } }));
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onClose(callback: (reason: string) => void): () => void {
    if (this.#closed !== null) callback(this.#closed);
    this.#closers.add(callback);
    return () => this.#closers.delete(callback);
  }

  dispose(): void {
    for (const [event, callback] of this.#events) this.#model.off(event, callback);
    this.#pending.clear();
    this.#listeners.clear();
    this.#closers.clear();
  }

  readonly #lost = (): void => this.#close();

  #close(reason = "no kernel"): void {
    if (this.#closed !== null) return;
    this.#closed = reason;
    for (const waiting of this.#pending.values()) waiting.reject(new ClosedError(reason));
    this.#pending.clear();
    for (const callback of this.#closers) callback(reason);
  }

  readonly #receive = (message: Custom & { reason?: string }, buffers: DataView[] = []): void => {
    if (message?.kind === "rpc-response") {
      const waiting = this.#pending.get(String(message.id));
      this.#pending.delete(String(message.id));
      if (message.error) waiting?.reject(new Error(message.error.message || "no reason given"));
      else waiting?.resolve({ result: message.result, buffers });
    } else if (message?.kind === "closed") {
      this.#close(message.reason);
    } else if (message) {
      for (const listener of this.#listeners) listener(message, buffers);
    }
  };

  readonly #events = Object.entries({ "msg:custom": this.#receive, "comm:close": this.#lost, comm_live_update: this.#lost });
}

export const SLOW_MS = 300;

/** Call `slow` when the promise has not settled after 300 ms. */
export function whenSlow(promise: Promise<unknown>, slow: () => void): void {
  const timer = setTimeout(slow, SLOW_MS);
  const stop = (): void => clearTimeout(timer);
  promise.then(stop, stop);
}

/** A function that runs once, `ms` after its last call; `flush` runs what is due now. */
export function debounce(run: () => void, ms: number): { (): void; flush(): void; cancel(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const due = (): void => {
    timer = undefined;
    run();
  };
  const later = (): void => {
    clearTimeout(timer);
    timer = setTimeout(due, ms);
  };
  later.cancel = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };
  later.flush = (): void => {
    if (timer === undefined) return;
    clearTimeout(timer);
    due();
  };
  return later;
}

/** The host of one trace inside a view of many, whose requests and pushes name the trace. */
export function traceHost(channel: Channel, trace: string, remembered: ViewState, keep: (change: { view?: ViewState; selected?: string | null }) => void): Host {
  return {
    load: async (): Promise<Loaded> => {
      const { result, buffers } = await channel.call<Meta>("load", { trace });
      return { meta: result, cols: buffers[0] ?? new DataView(new ArrayBuffer(0)) };
    },
    rpc: (method, params = {}) => channel.call(method, { ...params, trace }),
    onPush: (callback) =>
      channel.listen((message, buffers) => {
        if ((message as { trace?: string }).trace === trace) callback(message as unknown as Push, buffers);
      }),
    onClose: (callback) => channel.onClose(callback),
    getView: () => remembered,
    setView: (view) => keep({ view }),
    setSelected: (selected) => keep({ selected }),
  };
}

/** The host behind a TraceExplorer's traits; `dispose` when its view is removed. */
export function modelHost(model: AnyModel): Host & { dispose(): void } {
  const channel = new Channel(model);
  let loadedRev = -1;
  const subscribe = (event: string, callback: () => void): (() => void) => {
    model.on(event, callback);
    return () => model.off(event, callback);
  };
  return {
    height: Number(model.get("_height")) || 0,
    load: () => {
      loadedRev = Number(model.get("_rev"));
      return Promise.resolve({ meta: model.get("_meta") as Meta, cols: model.get("_cols") as DataView });
    },
    rpc: (method, params) => channel.call(method, params),
    onPush: (callback) => channel.listen((message, buffers) => callback(message as unknown as Push, buffers)),
    onClose: (callback) => channel.onClose(callback),
    onReload: (callback) =>
      subscribe("change:_cols", () => {
        if (Number(model.get("_rev")) !== loadedRev) callback();
      }),
    getView: () => (model.get("_view") as ViewState | undefined) ?? {},
    setView: (view) => {
      model.set("_view", view);
      model.save_changes();
    },
    selectRow: (row) => {
      try {
        model.send({ kind: "select", row }, Object.assign(() => undefined, { iopub: {} })); // see Channel
      } catch {
        // no kernel: what the view asks for next says so
      }
    },
    setSelected: (spanId) => {
      if (model.get("selected_span_id") === spanId) return;
      model.set("selected_span_id", spanId);
      model.save_changes();
    },
    onSelected: (callback) => {
      const current = model.get("selected_span_id");
      if (typeof current === "string") callback(current);
      return subscribe("change:selected_span_id", () => callback(model.get("selected_span_id") as string | null));
    },
    dispose: () => channel.dispose(),
  };
}
