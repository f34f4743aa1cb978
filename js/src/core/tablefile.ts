/**
 * The model behind a trace table in a page of its own: it answers what Python answers in a notebook, as far as rows
 * that are all there can be put in order.
 */

import type { AnyModel } from "./rpc.ts";
import type { Head, Row } from "./traces.ts";

type Request = { id: string; method: string; params: Partial<Head> & { offset?: number; limit?: number } };
type Listener = (...args: never[]) => void;

/** The places of the rows in order of a column, missing values last both ways; "-" in front turns it round. */
export function sortedPlaces(rows: readonly Row[], sort: string): number[] {
  const name = sort.replace(/^-/, "");
  const way = sort.startsWith("-") ? -1 : 1;
  const key = (place: number): string | number | null => {
    const value = rows[place]?.[name] ?? null;
    return Array.isArray(value) ? value.join(", ") || null : value;
  };
  const compare = (a: number, b: number): number => {
    const [x, y] = [key(a), key(b)];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    return way * (x < y ? -1 : x > y ? 1 : 0);
  };
  return rows.map((_, place) => place).sort((a, b) => compare(a, b) || a - b);
}

/** A model of rows that are all at hand. */
export function fileModel(first: Head, rows: readonly Row[]): AnyModel {
  const state: Record<string, unknown> = { _head: { ...first, rev: 1 }, _selected: [], _view: {} };
  const listeners = new Map<string, Set<Listener>>();
  let order = rows.map((_, place) => place); // as it was exported
  const emit = (event: string, ...args: unknown[]): void => {
    for (const listener of [...(listeners.get(event) ?? [])]) (listener as (...args: unknown[]) => void)(...args);
  };
  const setHead = (change: Partial<Head>): void => {
    const head = state._head as Head;
    if (change.sort !== undefined) order = sortedPlaces(rows, change.sort);
    state._head = { ...head, ...change, rev: head.rev + (change.sort === undefined ? 0 : 1) };
    emit("change:_head");
  };
  const answer = ({ method, params }: Request): object => {
    const { rev } = state._head as Head;
    const { offset = 0, limit = 0 } = params;
    if (method === "window") return { result: { rev, offset, rows: order.slice(offset, offset + limit).map((place) => rows[place]) } };
    if (method !== "set") return { error: { message: "This file cannot do that; open the table in a notebook." } };
    setHead(params);
    return { result: {} };
  };
  return {
    get: (name) => state[name],
    set: (name, value) => void (state[name] = value),
    save_changes: () => undefined,
    send: (content) => {
      const request = content as Request;
      queueMicrotask(() => emit("msg:custom", { kind: "rpc-response", id: request.id, ...answer(request) }));
    },
    on: (event, callback) => void listeners.set(event, (listeners.get(event) ?? new Set()).add(callback)),
    off: (event, callback) => void listeners.get(event)?.delete(callback),
  };
}
