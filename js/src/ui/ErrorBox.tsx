/** What went wrong in a span: type, message, traceback. */

import type { JSX } from "preact";
import { textOf, type SpanError } from "../core/types.ts";
import { useExplorer } from "./context.ts";
import { Copy, Section } from "./Small.tsx";
import { Text } from "./Text.tsx";

const qualified = (error: SpanError): string =>
  error.module && error.module !== "builtins" ? `${error.module}.${error.type}` : error.type;

export function ErrorHead({ error, row }: { error: SpanError; row: number }): JSX.Element {
  return (
    <div class="sb-errbox">
      <span class="sb-err">{qualified(error)}</span>
      <div class="sb-msg"><Text value={error.message} row={row} /></div>
    </div>
  );
}

/** The traceback as it is written; a part that is loaded on first use reads it better. */
export function ErrorBox({ error, row }: { error: SpanError | null; row: number }): JSX.Element | null {
  const x = useExplorer();
  if (!error) return null;
  return (
    <>
      <ErrorHead error={error} row={row} />
      {textOf(error.traceback) !== "" && (
        <Section title="Traceback" side={<Copy title="Copy traceback" text={() => x.fullText(row, error.traceback)} />}>
          <div class="sb-block" tabIndex={0} role="group" aria-label="Traceback"><Text value={error.traceback} row={row} mono /></div>
        </Section>
      )}
    </>
  );
}

/** The error in one line, above what led to it. */
export function ErrorLine({ error }: { error: SpanError }): JSX.Element {
  const message = textOf(error.message).split("\n")[0] ?? "";
  return (
    <div class="sb-errbox sb-section">
      <span><span class="sb-err">{error.type}</span> {message.slice(0, 300)}</span>
    </div>
  );
}
