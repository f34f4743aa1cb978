import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Channel, ClosedError, modelHost, whenSlow, type AnyModel } from "../src/core/rpc.ts";

type Sent = { id: string; method: string; params: unknown };
type Callbacks = { iopub: { status(message: object): void } };

/** anywidget's side of a model: keeps what was sent, lets the test answer. */
function fakeModel(state: Record<string, unknown> = {}) {
  const listeners = new Map<string, Set<(...args: unknown[]) => void>>();
  const sent: Sent[] = [];
  /** The kernel takes the message of this place, and is done with it. */
  const through: (() => void)[] = [];
  const model = {
    get: (name: string) => state[name],
    set: (name: string, value: unknown) => {
      state[name] = value;
      emit(`change:${name}`);
    },
    save_changes: vi.fn(),
    send: (message: Sent, callbacks: Callbacks) => {
      sent.push(message);
      through.push(() => ["busy", "idle"].forEach((execution_state) => callbacks.iopub.status({ content: { execution_state } })));
    },
    on: (event: string, callback: (...args: unknown[]) => void) => listeners.set(event, (listeners.get(event) ?? new Set()).add(callback)),
    off: (event: string, callback: (...args: unknown[]) => void) => listeners.get(event)?.delete(callback),
  };
  const emit = (event: string, ...args: unknown[]) => [...(listeners.get(event) ?? [])].forEach((callback) => callback(...args));
  const answer = (id: string | undefined, body: object, buffers?: DataView[]) => emit("msg:custom", { kind: "rpc-response", v: 1, id, ...body }, buffers);
  return { model: model as unknown as AnyModel, sent, emit, answer, state, listeners, through };
}

describe("Channel", () => {
  afterEach(() => void vi.useRealTimers());

  test("each request gets its own answer, in whatever order they come", async () => {
    const { model, sent, answer } = fakeModel();
    const channel = new Channel(model);
    const [first, second] = [channel.call("detail", { row: 1 }), channel.call("detail", { row: 2 })];
    expect(sent.map(({ method, params }) => [method, params])).toEqual([["detail", { row: 1 }], ["detail", { row: 2 }]]);
    answer(sent[1]?.id, { result: "b" });
    answer(sent[0]?.id, { result: "a" }, [new DataView(new ArrayBuffer(2))]);
    expect((await first).result).toBe("a");
    expect((await first).buffers[0]?.byteLength).toBe(2);
    expect(await second).toEqual({ result: "b", buffers: [] });
  });

  test("an error answer rejects with its message", async () => {
    const { model, sent, answer } = fakeModel();
    const request = new Channel(model).call("find");
    answer(sent[0]?.id, { error: { message: "unknown name" } });
    await expect(request).rejects.toThrow("unknown name");
  });

  test("answers to another view's requests are nobody's", () => {
    const { model, answer } = fakeModel();
    const channel = new Channel(model);
    const heard = vi.fn();
    channel.listen(heard);
    answer("someone-else-1", { result: 1 });
    expect(heard).not.toHaveBeenCalled();
  });

  test.each(["comm:close", "comm_live_update"])("%s fails what waits and what comes", async (event) => {
    const { model, emit } = fakeModel();
    const channel = new Channel(model);
    const waiting = channel.call("detail");
    const closed = vi.fn();
    channel.onClose(closed);
    emit(event);
    emit(event);
    await expect(waiting).rejects.toBeInstanceOf(ClosedError);
    await expect(channel.call("detail")).rejects.toBeInstanceOf(ClosedError);
    expect(closed).toHaveBeenCalledTimes(1);
  });

  test("a lost answer is asked for again", async () => {
    vi.useFakeTimers();
    const { model, sent, answer, through } = fakeModel();
    const request = new Channel(model).call("detail");
    through[0]?.();
    vi.advanceTimersByTime(5_000);
    expect(sent).toEqual([sent[0], sent[0]]);
    answer(sent[0]?.id, { result: 1 });
    through[1]?.();
    vi.advanceTimersByTime(60_000);
    expect(sent).toHaveLength(2);
    await expect(request).resolves.toMatchObject({ result: 1 });
  });

  test("a kernel that goes through requests and answers none is another one, a busy one is waited for", async () => {
    vi.useFakeTimers();
    const { model, sent, through } = fakeModel();
    const channel = new Channel(model);
    const closed = vi.fn();
    channel.onClose(closed);
    const request = channel.call("detail");
    vi.advanceTimersByTime(10 * 3_600_000);
    expect(sent.length).toBeLessThan(14);
    for (let at = 0; at < 3; at++) {
      expect(closed).not.toHaveBeenCalled();
      through.at(-1)?.();
      vi.advanceTimersByTime(5_000);
    }
    expect(closed).toHaveBeenCalledWith("no kernel");
    await expect(request).rejects.toBeInstanceOf(ClosedError);
  });

  test("a request that went down with its kernel is sent to the next one", () => {
    vi.useFakeTimers();
    const { model, sent } = fakeModel();
    void new Channel(model).call("detail");
    vi.advanceTimersByTime(11_000);
    expect(sent).toEqual([sent[0], sent[0]]);
  });

  test("pushes reach listeners, the closing message closes", () => {
    const { model, emit } = fakeModel();
    const channel = new Channel(model);
    const heard = vi.fn();
    const closed = vi.fn();
    channel.listen(heard);
    channel.onClose(closed);
    emit("msg:custom", { kind: "summary" }, []);
    emit("msg:custom", { kind: "closed", reason: "ran again" }, []);
    expect(heard).toHaveBeenCalledTimes(1);
    expect(closed).toHaveBeenCalledWith("ran again");
  });

  test("after dispose nothing is subscribed", () => {
    const { model, listeners } = fakeModel();
    new Channel(model).dispose();
    expect([...listeners.values()].map((set) => set.size)).toEqual([0, 0, 0]);
  });
});

test("a row is selected by a message of its own, and without a kernel by none", () => {
  const { model } = fakeModel({});
  const send = vi.spyOn(model, "send");
  modelHost(model).selectRow?.(4);
  expect(send.mock.lastCall?.[0]).toEqual({ kind: "select", row: 4 });
  send.mockImplementation(() => {
    throw new Error("Cannot send");
  });
  expect(() => modelHost(model).selectRow?.(5)).not.toThrow();
});

test("the traits are the host's view and selection, both ways", () => {
  const { model, state, emit } = fakeModel({ _view: { row: 3 }, selected_span_id: "a1", _height: 200, _rev: 1 });
  const host = modelHost(model);
  const chosen = vi.fn();
  host.onSelected?.(chosen);
  expect([host.getView(), host.height, chosen.mock.calls]).toEqual([{ row: 3 }, 200, [["a1"]]]);
  host.setSelected("b2");
  host.setView({ row: 4 });
  expect([state.selected_span_id, state._view, chosen.mock.lastCall]).toEqual(["b2", { row: 4 }, ["b2"]]);
  const reload = vi.fn();
  host.onReload?.(reload);
  void host.load();
  emit("change:_cols");
  expect(reload).not.toHaveBeenCalled();
  state._rev = 2;
  emit("change:_cols");
  expect(reload).toHaveBeenCalledTimes(1);
});

describe("whenSlow", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("speaks after 300 ms, and not when the answer came before", async () => {
    const slow = vi.fn();
    const quick = vi.fn();
    let settle = (): void => undefined;
    whenSlow(new Promise(() => undefined), slow);
    whenSlow(new Promise<void>((resolve) => (settle = resolve)), quick);
    await vi.advanceTimersByTimeAsync(290);
    settle();
    await vi.advanceTimersByTimeAsync(20);
    expect([slow.mock.calls.length, quick.mock.calls.length]).toEqual([1, 0]);
  });
});
