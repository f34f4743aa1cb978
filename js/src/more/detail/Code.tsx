/** A call as Python: the whole request, ready to run, and its messages alone. */

import type { JSX } from "preact";
import type { PaneProps } from "../../core/more.ts";
import type { RequestCode } from "../../core/types.ts";
import { Busy, Copy, Section, useExplorer, useFetched } from "../../ui/kit.ts";

/** Code beyond this is cut where it is drawn, never where it is copied. */
const MOST_DRAWN = 60_000;

export function Code({ row, detail }: PaneProps): JSX.Element {
  const x = useExplorer();
  const { value, error } = useFetched(`${row} ${detail?.span.status}`, async () => (await x.host.rpc<RequestCode>("request_code", { row })).result);
  if (error) return <div class="sb-muted">{x.closed.value === null ? error : "No kernel: re-run this cell to get its request as Python."}</div>;
  if (!value) return x.details.isSlow.value ? <Busy /> : <></>;
  if (value.code === null) return <div class="sb-muted">{value.reason}</div>;
  return (
    <>
      <Listing title="Request, ready to run" code={value.code} />
      {value.messages !== null && <Listing title="Messages, in OpenAI's form" code={value.messages} />}
    </>
  );
}

function Listing({ title, code }: { title: string; code: string }): JSX.Element {
  const isCut = code.length > MOST_DRAWN;
  return (
    <Section title={title} side={<Copy title={`Copy: ${title}`} text={() => code} />}>
      <pre class="sb-block sb-listing" tabIndex={0} role="group" aria-label={title}>{isCut ? code.slice(0, MOST_DRAWN) : code}</pre>
      {isCut && <p class="sb-muted">The rest is not drawn; copy gives all of it.</p>}
    </Section>
  );
}
