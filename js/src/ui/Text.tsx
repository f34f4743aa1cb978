/** Text of any length: markdown or plain, cut when tall, long strings fetched slice by slice. */

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { formatCount } from "../core/format.ts";
import { hasHugeLine, pieces } from "../core/pieces.ts";
import { headEnd, isLong, textOf, type Long } from "../core/types.ts";
import { useExplorer } from "./context.ts";
import { Markdown } from "./Markdown.tsx";
import { DataUrl, mediaTypeOf } from "./Media.tsx";

/** Beyond this, markdown is shown as it is written: laying it out would stall the page. */
const MOST_MARKDOWN = 100_000;

interface TextProps {
  value: unknown;
  row: number;
  markdown?: boolean;
  mono?: boolean;
}

export function Text({ value, row, markdown = false, mono = false }: TextProps): JSX.Element {
  const text = textOf(value);
  const mimeType = mediaTypeOf(text);
  const shown = isLong(value) ? <LongText long={value} row={row} markdown={markdown} mono={mono} /> : <Plain text={text} markdown={markdown} mono={mono} />;
  return mimeType === "" ? shown : <DataUrl value={value as string | Long} row={row} mimeType={mimeType}>{shown}</DataUrl>;
}

function Plain({ text, markdown, mono }: { text: string; markdown: boolean; mono: boolean }): JSX.Element {
  const x = useExplorer();
  const cut = useMemo(() => pieces(text), [text]);
  const drawn = cut.length === 1 ? text : cut.map((piece, i) => <span key={i} class="sb-piece">{piece}</span>);
  if (mono) return <pre class="sb-code">{drawn}</pre>;
  if (markdown && !x.plain.value && text.length <= MOST_MARKDOWN && !hasHugeLine(text)) return <Markdown text={text} />;
  return <div class="sb-text">{drawn}</div>;
}

function LongText({ long, row, markdown, mono }: { long: Long; row: number; markdown: boolean; mono: boolean }): JSX.Element {
  const x = useExplorer();
  const [text, setText] = useState(long.head);
  const [next, setNext] = useState<number | null>(headEnd(long));
  const [state, setState] = useState<"idle" | "loading" | string>("idle");
  const fetchMore = async (): Promise<void> => {
    if (next === null) return;
    setState("loading");
    try {
      const slice = await x.more(row, long, next);
      setText(text + slice.text);
      setNext(slice.next);
      setState("idle");
    } catch (error) {
      setState((error as Error).message);
    }
  };
  return (
    <>
      <Plain text={text} markdown={markdown} mono={mono} />
      {next !== null && (
        <div>
          <button type="button" class="sb-link" disabled={state === "loading"} onClick={() => void fetchMore()}>
            {state === "loading" ? "loading…" : `show more (${formatCount(text.length)} of ${formatCount(long.size)} characters)`}
          </button>{" "}
          {state !== "idle" && state !== "loading" && <span class="sb-err">{state}</span>}
        </div>
      )}
    </>
  );
}

/** Children in a box of limited height with a way to see all of them; `tall` says whether they need it. */
export function Clamp({ tall, children }: { tall: boolean; children: JSX.Element }): JSX.Element {
  const [open, setOpen] = useState(false);
  if (!tall) return children;
  return (
    <div>
      <div class={open ? undefined : "sb-clamp"}>{children}</div>
      <button type="button" class="sb-link" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? "show less" : "show all"}
      </button>
    </div>
  );
}

export function isTall(text: string): boolean {
  return text.length > 1400 || (text.match(/\n/g)?.length ?? 0) > 16;
}
