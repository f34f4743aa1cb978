/**
 * The trace explorer. Mirrors the synced traits of TraceExplorer in src/spanbook/widgets; `mount` puts the
 * same explorer into a chip's panel, or anywhere else a Host can be had.
 */

import { modelHost, type AnyModel, type Host } from "../core/rpc.ts";
import { hideSnapshot } from "../core/theme.ts";
import type { Meta } from "../core/types.ts";
import theme from "../core/theme.css";
import css from "./explorer.css";
import { mountExplorer } from "../ui/App.tsx";

export function mount(el: HTMLElement, host: Host, more = ""): () => void {
  return mountExplorer(el, host, theme + css + more);
}

function render({ model, el }: { model: AnyModel; el: HTMLElement }): () => void {
  const host = modelHost(model);
  const unmount = mount(el, host);
  const showSnapshot = hideSnapshot(el.ownerDocument, (model.get("_meta") as Partial<Meta> | undefined)?.snap);
  return () => {
    unmount();
    host.dispose();
    showSnapshot();
  };
}

export default { render };
