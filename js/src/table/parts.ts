/** The views that open beside the list: explorer.js and compare.js, fetched when the first one is opened. */

import { loadModule } from "../core/assets.ts";
import type { CompareHost } from "../core/comparing.ts";
import type { ComparisonMeta } from "../core/comparison.ts";
import { traceHost, type Host } from "../core/rpc.ts";
import type { Pair, TraceTable } from "../core/traces.ts";

/** Puts a view into an element; returns the function that removes it. */
export type Mount = (el: HTMLElement) => () => void;

export interface Parts {
  explorer(trace: string): Promise<Mount>;
  /** Absent where traces cannot be compared. */
  comparison?(pair: Pair): Promise<Mount>;
}

interface Module<H> {
  mount(el: HTMLElement, host: H): () => void;
}

/** The views as the kernel gives them. */
export function kernelParts(table: TraceTable): Parts {
  const rpc: Host["rpc"] = (method, params) => table.channel.call(method, params);
  return {
    explorer: async (trace) => {
      const { mount } = await loadModule<Module<Host>>(rpc, "explorer.js", EXPLORER_SHA256);
      const remembered = table.view.trace === trace ? (table.view.view ?? {}) : {};
      return (el) => mount(el, traceHost(table.channel, trace, remembered, (change) => table.open.peek() === trace && table.keep({ ...table.view, trace, ...change })));
    },
    comparison: async (pair) => {
      const { mount } = await loadModule<Module<CompareHost>>(rpc, "compare.js", COMPARE_SHA256);
      return (el) => mount(el, compareHost(table, pair));
    },
  };
}

function compareHost(table: TraceTable, pair: Pair): CompareHost {
  const { channel, view } = table;
  const remembered = view.comparison ?? {};
  return {
    load: async () => {
      const { result, buffers } = await channel.call<ComparisonMeta>("load", { compare: pair });
      return { meta: result, data: buffers[0] ?? new DataView(new ArrayBuffer(0)) };
    },
    rpc: (method, params = {}) => channel.call(method, { ...params, compare: pair }),
    onClose: (callback) => channel.onClose(callback),
    getView: () => remembered,
    setView: (comparison) => {
      if (table.pair.peek() === pair) table.keep({ pair, comparison });
    },
    setSelected: () => undefined,
  };
}
