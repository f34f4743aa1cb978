/**
 * Two compared traces. Mirrors the synced traits of TraceComparisonView in src/spanbook/widgets/compare.py; `mount`
 * draws the same into any place that a CompareHost can be had for.
 */

import { fromBase64 } from "../core/base64.ts";
import type { CompareHost, CompareView } from "../core/comparing.ts";
import type { ComparisonMeta, PairDetail } from "../core/comparison.ts";
import { Channel, type AnyModel, type Reply } from "../core/rpc.ts";
import { hideSnapshot } from "../core/theme.ts";
import theme from "../core/theme.css";
import explorer from "./explorer.css";
import css from "./compare.css";
import { mountComparison } from "../ui/Compare.tsx";

export function mount(el: HTMLElement, host: CompareHost): () => void {
  return mountComparison(el, host, theme + explorer + css);
}

function modelHost(model: AnyModel): CompareHost & { dispose(): void } {
  const channel = new Channel(model);
  return {
    height: Number(model.get("_height")) || 0,
    load: () => Promise.resolve({ meta: model.get("_meta") as ComparisonMeta, data: model.get("_data") as DataView }),
    rpc: (method, params) => channel.call(method, params),
    onClose: (callback) => channel.onClose(callback),
    getView: () => (model.get("_view") as CompareView | undefined) ?? {},
    setView: (view) => {
      model.set("_view", view);
      model.save_changes();
    },
    setSelected: (row) => {
      if (model.get("selected_row") === row) return;
      model.set("selected_row", row);
      model.save_changes();
    },
    onSelected: (callback) => {
      const chosen = (): void => {
        const row = Number(model.get("selected_row"));
        if (row >= 0) callback(row);
      };
      model.on("change:selected_row", chosen);
      return () => model.off("change:selected_row", chosen);
    },
    dispose: () => channel.dispose(),
  };
}

function render({ model, el }: { model: AnyModel; el: HTMLElement }): () => void {
  const host = modelHost(model);
  const chosen = Number(model.get("selected_row"));
  const view = host.getView();
  host.getView = () => (chosen >= 0 ? { ...view, row: chosen } : view);
  const unmount = mount(el, host);
  const showSnapshot = hideSnapshot(el.ownerDocument, (model.get("_meta") as Partial<ComparisonMeta> | undefined)?.snap);
  return () => {
    unmount();
    host.dispose();
    showSnapshot();
  };
}

export default { render };

/** What `TraceComparison.export_html` writes: bytes are base64, texts are whole. */
interface Exported {
  meta: ComparisonMeta;
  data: string;
  details: Record<string, PairDetail>;
}

function exportedHost({ meta, data, details }: Exported): CompareHost {
  return {
    load: () => Promise.resolve({ meta, data: fromBase64(data) }),
    rpc: async <T,>(method: string, params: object = {}): Promise<Reply<T>> => {
      const key = String((params as { row?: unknown }).row);
      if (method !== "detail" || !Object.hasOwn(details, key)) throw new Error("What this step read and wrote is not in this file.");
      return { result: details[key] as T, buffers: [] };
    },
    onClose: () => () => undefined,
    getView: () => ({}),
    setView: () => undefined,
    setSelected: () => undefined,
  };
}

for (const script of globalThis.document?.querySelectorAll<HTMLScriptElement>('script[type="application/json"][data-spanbook-comparison]') ?? []) {
  const el = document.createElement("div");
  script.after(el);
  mount(el, exportedHost(JSON.parse(script.textContent) as Exported));
}
