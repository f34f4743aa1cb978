/** Chat messages: roles in a margin, tool calls with their results in place, long history folded. */

import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { rowsOfCalls } from "../core/calls.ts";
import { formatDuration, plural } from "../core/format.ts";
import { errorIn, foldRange, messageText, oneLine, pairCalls, preview, structured, type Shown } from "../core/messages.ts";
import { isLong, isObject, textOf, type Json as Value, type Message, type Part, type RequestCode } from "../core/types.ts";
import { useExplorer } from "./context.ts";
import { Json } from "./Json.tsx";
import { Link } from "./Markdown.tsx";
import { Media } from "./Media.tsx";
import { Copy } from "./Small.tsx";
import { Clamp, isTall, Text } from "./Text.tsx";

interface MessagesProps {
  shown: readonly Shown[];
  row: number;
  /** Fold what lies between the system message and the last few. */
  fold?: boolean;
  /** Text that is streaming in below the messages. */
  live?: string | null;
}

export function Messages({ shown, row, fold = false, live = null }: MessagesProps): JSX.Element {
  const [unfolded, unfold] = useState(false);
  const range = fold && !unfolded ? foldRange(shown) : null;
  const lines: ComponentChildren[] = [];
  shown.forEach((each, i) => {
    if (range && i === range[0]) {
      lines.push(
        <button key="old" type="button" class="sb-old" onClick={() => unfold(true)}>
          {plural(range[1] - range[0], "earlier message")}
        </button>,
      );
    }
    if (!range || i < range[0] || i >= range[1]) lines.push(<MessageView key={i} shown={each} row={row} />);
  });
  if (live !== null) lines.push(<LiveMessage key="live" text={live} />);
  return <div class="sb-msgs">{lines}</div>;
}

const ROLES = new Set(["assistant", "tool"]);

function MessageView({ shown, row }: { shown: Shown; row: number }): JSX.Element {
  const { message, isOutput, results } = shown;
  const classes = ["sb-m", ROLES.has(message.role) ? `sb-${message.role}` : "", isOutput ? "sb-out" : ""];
  const calls = message.parts.filter((part) => part.type === "tool_call");
  return (
    <div class={classes.filter(Boolean).join(" ")}>
      <div class="sb-who" title={`${message.role}${isOutput ? ", output of this call" : ""}`}>
        {textOf(message.name) || textOf(message.role)}
      </div>
      <div class="sb-what">
        {message.parts.length === 0 && <span class="sb-muted">empty message</span>}
        {message.parts.map((part, i) => (
          <PartView
            key={i}
            part={part}
            row={row}
            results={results}
            callNames={isOutput ? calls.map((call) => textOf(call.name)) : []}
            callIndex={calls.indexOf(part)}
          />
        ))}
        {isOutput && message.finish_reason && !["stop", "end_turn", "tool_calls", "tool_use", "tool_call"].includes(message.finish_reason) && (
          <span class="sb-finish">finished: {message.finish_reason}</span>
        )}
      </div>
    </div>
  );
}

function LiveMessage({ text }: { text: string }): JSX.Element {
  return (
    <div class="sb-m sb-assistant sb-out">
      <div class="sb-who">assistant</div>
      <div class="sb-what">
        <div class="sb-text sb-caret">{text}</div>
      </div>
    </div>
  );
}

interface PartProps {
  part: Part;
  row: number;
  results: Map<string, Part>;
  callNames: string[];
  callIndex: number;
}

function PartView({ part, row, results, callNames, callIndex }: PartProps): JSX.Element {
  switch (part.type) {
    case "text":
      return <TextPart value={part.content} row={row} />;
    case "reasoning":
      return (
        <details class="sb-reason" open={textOf(part.content).length < 280}>
          <summary>reasoning</summary>
          <Text value={part.content} row={row} markdown />
        </details>
      );
    case "refusal":
      return <div><span class="sb-err">refused </span><Text value={part.content} row={row} /></div>;
    case "tool_call":
      return <Call part={part} row={row} result={typeof part.id === "string" ? results.get(part.id) : undefined} callNames={callNames} callIndex={callIndex} />;
    case "tool_call_response":
      return <Result part={part} row={row} />;
    case "blob":
      return typeof part.digest === "string" ? (
        <Media digest={part.digest} mimeType={textOf(part.mime_type)} size={typeof part.size === "number" ? part.size : null} name={textOf(part.filename)} />
      ) : (
        <span class="sb-muted">{textOf(part.modality) || "file"}, {textOf(part.mime_type)}: its bytes were not kept</span>
      );
    case "uri":
      return <span class="sb-muted">{textOf(part.modality) || "file"} <span class="sb-a"><Link href={textOf(part.uri)} text={textOf(part.uri)}>{textOf(part.uri)}</Link></span></span>;
    case "file":
      return <span class="sb-file">{textOf(part.filename) || textOf(part.file_id) || "file"}<span class="sb-muted">{textOf(part.mime_type)}</span></span>;
    case "not_captured":
      return <span class="sb-old">{plural(typeof part.count === "number" ? part.count : 1, "part")} not captured: {textOf(part.reason)}</span>;
    default:
      return <Json value={part as Value} row={row} label={part.type} />;
  }
}

/** Text of a message: a JSON answer as a tree, everything else as markdown, unless plain text is asked for. */
function TextPart({ value, row }: { value: unknown; row: number }): JSX.Element {
  const x = useExplorer();
  const json = typeof value === "string" && !x.plain.value ? structured(value) : null;
  if (json !== null) return <Json value={json} row={row} label="Message as JSON" />;
  return <Text value={value} row={row} markdown />;
}

interface CallProps {
  part: Part;
  row: number;
  result: Part | undefined;
  callNames: string[];
  callIndex: number;
}

function Call({ part, row, result, callNames, callIndex }: CallProps): JSX.Element {
  const x = useExplorer();
  const table = x.table.value;
  const rows = table && callIndex >= 0 && callNames.length > 0 ? (rowsOfCalls(table, x.tree.value, row, callNames)[callIndex] ?? []) : [];
  const error = result ? errorIn(result.response) : null;
  const short = result ? preview(result.response) : "";
  const isWhole = result !== undefined && !isLong(result.response) && short.length <= 40 && !isObject(result.response) && !Array.isArray(result.response) && textOf(result.response).trim() === short;
  const args = (part.arguments ?? null) as Value;
  const id = textOf(part.id);
  return (
    <div class="sb-call">
      <div class="sb-ch">
        <b>{textOf(part.name) || "tool"}</b>
        <span title={id || undefined}>
          {id.length <= 12 && id}{" "}
          {result && (error ? <span class="sb-err">{error}</span> : `→ ${short}`)}
          {!result && rows.length > 0 && <Attempts rows={rows} separated={id.length <= 12 && id !== ""} />}
        </span>
      </div>
      {hasArguments(args) && (
        <div class="sb-cb">
          <Arguments value={args} row={row} />
        </div>
      )}
      {result && !isWhole && (
        <div class="sb-cb sb-answer">
          <span aria-hidden="true">→</span>
          <Answer value={result.response} row={row} />
        </div>
      )}
    </div>
  );
}

function hasArguments(value: Value): boolean {
  if (value === null || value === "") return false;
  return !(isObject(value) && Object.keys(value).length === 0);
}

/** The tool spans that carried a call out, in order: what each came to, and the way to it. */
function Attempts({ rows, separated }: { rows: number[]; separated: boolean }): JSX.Element {
  const x = useExplorer();
  const table = x.table.value;
  x.revision.value;
  if (!table) return <></>;
  return (
    <>
      {rows.map((row, i) => {
        const duration = table.c.duration[row] as number;
        const outcome = table.hasError(row) ? table.sub(row) || "error" : table.isOpen(row) ? "running" : formatDuration(duration);
        return (
          <span key={row}>
            {i > 0 ? ", then " : separated ? " · " : ""}
            <button type="button" class={table.hasError(row) ? "sb-err" : undefined} title="Go to this tool span" onClick={() => x.select(row)}>
              {outcome}
            </button>
          </span>
        );
      })}
    </>
  );
}

function Arguments({ value, row }: { value: Value; row: number }): JSX.Element {
  const line = isObject(value) || Array.isArray(value) ? oneLine(value) : null;
  if (line !== null) return <pre class="sb-code">{line}</pre>;
  if (isObject(value) && !isLong(value)) return <Json value={value} row={row} label="Arguments" />;
  return <Text value={value} row={row} mono />;
}

/** What a tool gave back: JSON as a tree, text as text, cut when tall. */
export function Answer({ value, row }: { value: unknown; row: number }): JSX.Element {
  const json = typeof value === "string" ? structured(value) : isLong(value) ? null : ((value ?? null) as Value);
  if (json !== null && typeof json === "object") {
    const line = oneLine(json);
    return line === null ? <Json value={json} row={row} label="Result" /> : <pre class="sb-code">{line}</pre>;
  }
  return (
    <Clamp tall={isTall(textOf(value))}>
      <div><Text value={value} row={row} /></div>
    </Clamp>
  );
}

/** A tool's result whose call is not among the messages. */
function Result({ part, row }: { part: Part; row: number }): JSX.Element {
  const error = errorIn(part.response);
  return (
    <div class="sb-call">
      <div class="sb-ch">
        <b>{textOf(part.name) || "result"}</b>
        <span>{[textOf(part.id), error].filter(Boolean).join(" · ")}</span>
      </div>
      <div class="sb-cb"><Answer value={part.response} row={row} /></div>
    </div>
  );
}

function shownText({ message, results }: Shown): string {
  const answers = [...results.values()].map((part) => `tool: ${textOf(part.response)}`);
  return [`${message.role}: ${messageText(message)}`, ...answers].join("\n\n");
}

export function CopyMessages({ row, input, output }: { row: number; input: Message[]; output: Message[] }): JSX.Element {
  const x = useExplorer();
  const whole = async (messages: Message[]): Promise<Message[]> => (await x.whole(row, messages as unknown as Value)) as unknown as Message[];
  const asText = async (): Promise<string> => pairCalls(await whole(input), await whole(output)).map(shownText).join("\n\n");
  const asPython = async (): Promise<string> => {
    const { result } = await x.host.rpc<RequestCode>("request_code", { row });
    if (result.messages === null) throw new Error(result.reason ?? "There is nothing to copy.");
    return result.messages;
  };
  return (
    <>
      <Copy title="Copy messages as text" label="copy" text={asText} />
      <Copy title="Copy messages = […] as Python, in OpenAI's form" label="python" text={asPython} />
    </>
  );
}
