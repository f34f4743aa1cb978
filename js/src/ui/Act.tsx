/** What can be done with a span, in one quiet line under its facts; the forms are loaded when one is opened. */

import type { JSX } from "preact";
import { lastSaid, newClientId, THUMBS, type FormName } from "../core/acts.ts";
import type { Detail } from "../core/types.ts";
import { useExplorer } from "./context.ts";
import { Busy } from "./Small.tsx";

const FORMS: [FormName, string, string][] = [
  ["score", "score", "Score this span or comment on it"],
  ["correct", "correct output", "Say what the output should have been"],
];

export function Act({ row, detail }: { row: number; detail: Detail | null }): JSX.Element | null {
  const x = useExplorer();
  if (x.host.isFile) return null;
  const lost = x.closed.value === null ? "" : "No kernel: re-run this cell to ";
  const form = x.form.value;
  const said = x.said.value;
  const isOff = lost !== "" || !detail;
  const isRunning = x.table.value?.isOpen(row) === true;
  const thumbs = lastSaid(detail?.scores, THUMBS)?.value;
  const Form = form && !lost ? x.parts()?.forms[form] : undefined;
  return (
    <>
      <div class="sb-do">
        {([true, false] as const).map((up) => (
          <button
            key={up}
            type="button"
            class="sb-small sb-thumb"
            aria-label={up ? "Good" : "Bad"}
            title={lost ? `${lost}score` : `${up ? "Good" : "Bad"}: kept as the score ${THUMBS}`}
            aria-pressed={thumbs === up}
            disabled={isOff || x.isActing.value}
            onClick={() => thumbs !== up && x.withParts((more) => void more.giveScore(x, row, { name: THUMBS, value: up }, newClientId()))}
          >
            <i class={up ? "" : "sb-flip"} />
          </button>
        ))}
        {FORMS.map(([name, label, title]) => (
          <button
            key={name}
            type="button"
            class="sb-small"
            title={lost ? lost + label : title}
            aria-expanded={form === name && !lost}
            disabled={isOff}
            onClick={() => (x.form.value = form === name ? null : name)}
          >
            {label}
          </button>
        ))}
        {isRunning && (
          <button type="button" class="sb-small sb-stop" title={lost ? `${lost}stop it` : "Cancel the asyncio task that runs this span"} disabled={lost !== "" || x.isActing.value} onClick={() => x.withParts((more) => void more.stop(x, row))}>
            ■ stop
          </button>
        )}
        <span role="status" class={said?.isError ? "sb-err" : undefined}>{said?.row === row && said.text}</span>
      </div>
      {form && !lost && detail && (Form ? <Form key={row} row={row} detail={detail} /> : x.moreError.value !== null ? <div class="sb-err">{x.moreError.value}</div> : <Busy text="Loading…" />)}
    </>
  );
}
