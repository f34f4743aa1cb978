/**
 * The trace table in a page of its own, without kernel or network: `TraceTable.export_html` puts this module and the
 * data into one file, as JSON text of `<script type="application/json" data-spanbook-traces>`. It runs under the policy
 * of export.ts, with the hash of export_traces.css (the text of the table's own <style>) beside that of export.css.
 */

import { fileModel } from "../core/tablefile.ts";
import type { Head, Row } from "../core/traces.ts";
import type { Parts } from "../table/parts.ts";
import { mountExported, type Exported } from "./export.ts";
import { mountTable } from "./table.tsx";

/** What Python writes; `traces` are those that can be opened, by id. */
interface ExportedTraces {
  head: Head;
  rows: Row[];
  traces: Record<string, Exported>;
}

function partsOf(traces: Record<string, Exported>): Parts {
  return {
    explorer: async (trace) => {
      const found = Object.hasOwn(traces, trace) ? traces[trace] : undefined;
      if (!found) throw new Error("This trace is not in this file; open it in a notebook.");
      return (el) => mountExported(el, found);
    },
  };
}

for (const script of document.querySelectorAll<HTMLScriptElement>('script[type="application/json"][data-spanbook-traces]')) {
  const { head, rows, traces } = JSON.parse(script.textContent) as ExportedTraces;
  const el = document.createElement("div");
  script.after(el);
  mountTable(el, fileModel(head, rows), () => partsOf(traces));
}
