/**
 * The explorer in a page of its own, without kernel or network: `Trace.export_html` puts this module and the
 * trace's data into one file. The data is the JSON text of `<script type="application/json" data-spanbook>`,
 * drawn where that element stands. It runs under `default-src 'none'` with the hashes of this module and of
 * export.css (the text of the one <style> it adds) and `img-src blob:`, `media-src blob:`.
 */

import { fromBase64 } from "../core/base64.ts";
import { logOf } from "../core/log.ts";
import type { Host, Reply } from "../core/rpc.ts";
import { jsonText, type Detail, type Json, type Message, type Meta, type Payload, type Previous, type RequestCode, type Turn, type ViewState } from "../core/types.ts";
import { lex } from "./markdown.ts";
import { css as moreCss, more } from "./more.ts";
import { mount } from "./explorer.tsx";

/**
 * What Python writes; strings are whole (no `$long`), bytes are base64. A message that several calls share is
 * written once: where messages are listed, a number is a place in `messages`.
 */
export interface Exported {
  messages: Message[];
  meta: Meta;
  cols: string;
  details: Record<string, Detail>;
  turns: Turn[];
  blobs: Record<string, { mime_type: string; data: string }>;
  /** The call before each llm call, by row. */
  previous?: Record<string, { row: number; reason: NonNullable<Previous["reason"]> }>;
  /** Calls as Python, as far as there was room for them. */
  code?: Record<string, RequestCode>;
}

function lookup<T>(table: Record<string, T>, key: unknown, what: string): T {
  const found = Object.hasOwn(table, String(key)) ? table[String(key)] : undefined;
  if (found === undefined) throw new Error(`${what} is not in this file.`);
  return found;
}

/** Rows whose name, model, error, input or output holds all the words; the filter language needs a kernel. */
function findWords(data: Exported, query: string): number[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return Object.entries(data.details)
    .filter(([, { span, input, output, error }]) => {
      const text = jsonText([span.name, span.model, span.error_type, input, output, error]).toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .map(([row]) => Number(row));
}

/** Put the shared messages in the place of their numbers. */
function withMessages(data: Exported): Exported {
  const whole = (list: (Message | number)[]): Message[] =>
    list.map((each) => (typeof each === "number" ? (data.messages[each] as Message) : each));
  const payload = (value: Payload | null): void => {
    if (value?.kind === "messages") value.value = whole(value.value);
  };
  for (const { input, output } of Object.values(data.details)) {
    payload(input);
    payload(output);
  }
  for (const turn of data.turns) {
    turn.new_input = whole(turn.new_input);
    turn.output = whole(turn.output);
  }
  return data;
}

function messagesOf({ input, output }: Detail): Message[] {
  return [input, output].flatMap((payload) => (payload?.kind === "messages" ? payload.value : []));
}

/** The messages of a call and of the one before it, each with its answer. */
function previousOf(data: Exported, row: Json | undefined): Previous {
  const found = data.previous?.[String(row)];
  if (!found) return { row: null };
  const [before, after] = [found.row, row].map((each) => messagesOf(lookup(data.details, each, "This span's detail")));
  return { ...found, before: before as Message[], after: after as Message[] };
}

const NO_CODE: RequestCode = { code: null, messages: null, reason: "This request as Python is not in this file; open the trace in a notebook to get it." };

export function exportedHost(data: Exported): Host {
  const log = logOf(data.details, data.meta.trace_start_ms);
  const methods: Record<string, (params: Record<string, Json>) => [unknown, DataView[]?]> = {
    detail: ({ row }) => [lookup(data.details, row, "This span's detail")],
    diff: ({ row }) => [previousOf(data, row)],
    request_code: ({ row }) => [data.code?.[String(row)] ?? NO_CODE],
    conversation: () => [{ turns: data.turns }],
    log: (params) => [log(params)],
    find: ({ query }) => [{ rows: findWords(data, String(query)) }],
    blob: ({ digest }) => {
      const { mime_type, data: bytes } = lookup(data.blobs, digest, "This image");
      const view = fromBase64(bytes);
      return [{ mime_type, size: view.byteLength }, [view]];
    },
  };
  return {
    lex,
    more,
    isFile: true,
    load: () => Promise.resolve({ meta: data.meta, cols: fromBase64(data.cols) }),
    rpc: async <T>(method: string, params: object = {}): Promise<Reply<T>> => {
      const [result, buffers = []] = lookup(methods, method, `What "${method}" gives`)(params as Record<string, Json>);
      return { result: result as T, buffers };
    },
    onPush: () => () => undefined,
    onClose: () => () => undefined,
    getView: (): ViewState => ({}),
    setView: () => undefined,
    setSelected: () => undefined,
  };
}

/** Draw an exported trace into an element. */
export function mountExported(el: HTMLElement, data: Exported): () => void {
  return mount(el, exportedHost(withMessages(data)), moreCss);
}

for (const script of document.querySelectorAll<HTMLScriptElement>('script[type="application/json"][data-spanbook]')) {
  const el = document.createElement("div");
  script.after(el);
  mountExported(el, JSON.parse(script.textContent) as Exported);
}
