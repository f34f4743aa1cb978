/** Everything of a span as the kernel sent it; the unmapped attributes first, since only this place has them. */

import type { JSX } from "preact";
import type { Explorer } from "../../core/explorer.ts";
import type { PaneProps } from "../../core/more.ts";
import { isObject, type Detail, type Json as Value, type SpanEvent } from "../../core/types.ts";
import { Copy, Json, Section, useExplorer } from "../../ui/kit.ts";

export function Raw({ row, detail }: PaneProps): JSX.Element | null {
  const x = useExplorer();
  if (!detail) return null;
  const attributes = isObject(detail.attributes) && Object.keys(detail.attributes).length > 0 ? detail.attributes : null;
  return (
    <>
      {attributes && <Section title="Attributes"><Json value={attributes} row={row} label="Attributes" /></Section>}
      <Section title="Span" side={<Copy title="Copy the whole span as JSON" text={async () => x.fullText(row, await withEvents(x, row, detail))} />}>
        <Json value={detail as unknown as Value} row={row} label="Span" />
      </Section>
    </>
  );
}

/** A span's detail with the events that did not come with it. */
async function withEvents(x: Explorer, row: number, detail: Detail): Promise<Detail> {
  const { n_events, ...rest } = detail;
  if (n_events === undefined) return detail;
  const { result } = await x.host.rpc<SpanEvent[]>("events", { row });
  return { ...rest, events: result };
}
