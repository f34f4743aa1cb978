/**
 * Markdown to elements by allow-list. The lexer's tokens are data; every element made here is written out
 * below, raw HTML is shown as the text it is, links pass `safeHref` and show their target, and nothing is
 * ever loaded. What this file does not know is shown as its source text.
 */

import type { ComponentChildren, JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Token, Tokens } from "marked";
import { linkTarget, safeHref } from "../core/links.ts";
import { useExplorer } from "./context.ts";

/** How deep nested lists and quotes are followed; deeper ones are shown as source. */
const MOST_DEPTH = 24;

/** Whether a text holds anything that markdown would draw differently from plain text. */
const MARKS = /[*_`~#>|\[\]\\]|^\s*(?:[-+]|\d+[.)])\s|^\s*[-=]{3,}\s*$|https?:|www\./m;

/** Until the lexer has come from the kernel, and for text it cannot read, the text as it was written. */
export function Markdown({ text }: { text: string }): JSX.Element {
  const x = useExplorer();
  const lex = MARKS.test(text) ? x.lexer() : null;
  const tokens = useMemo(() => {
    try {
      return lex?.(text) ?? null;
    } catch {
      return null; // the lexer gave up on this text
    }
  }, [text, lex]);
  if (!tokens) return <div class="sb-text">{text}</div>;
  return <div class="sb-md">{blocks(tokens, 0)}</div>;
}

export function Link({ href, children, text }: { href: string; children: ComponentChildren; text: string }): JSX.Element {
  const safe = safeHref(href);
  if (safe === null) return <>{children}{text !== href && <span class="sb-to"> ({href})</span>}</>;
  const target = linkTarget(safe);
  const isPlain = text === href || text === safe || text === target;
  return (
    <>
      <a href={safe} target="_blank" rel="noopener noreferrer" title={safe}>
        {children}
      </a>
      {!isPlain && <span class="sb-to"> {target}</span>}
    </>
  );
}

function blocks(tokens: readonly Token[], depth: number): ComponentChildren[] {
  return tokens.map((token, i) => <Block key={i} token={token} depth={depth} />);
}

function Block({ token, depth }: { token: Token; depth: number }): JSX.Element | null {
  if (depth > MOST_DEPTH) return <p>{token.raw}</p>;
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "heading": {
      const heading = token as Tokens.Heading;
      return <div class={`sb-h sb-h${Math.min(6, Math.max(1, heading.depth))}`}>{inline(heading.tokens, depth)}</div>;
    }
    case "paragraph":
      return <p>{inline((token as Tokens.Paragraph).tokens, depth)}</p>;
    case "text": {
      const text = token as Tokens.Text;
      return <span>{text.tokens ? inline(text.tokens, depth) : text.text}</span>;
    }
    case "code":
      return (
        <pre class="sb-block" tabIndex={0}>
          {(token as Tokens.Code).text}
        </pre>
      );
    case "blockquote":
      return <blockquote>{blocks((token as Tokens.Blockquote).tokens, depth + 1)}</blockquote>;
    case "list":
      return <List list={token as Tokens.List} depth={depth} />;
    case "table":
      return <Table table={token as Tokens.Table} depth={depth} />;
    case "hr":
      return <hr />;
    default:
      return <p>{token.raw.trimEnd()}</p>;
  }
}

function List({ list, depth }: { list: Tokens.List; depth: number }): JSX.Element {
  const items = list.items.map((item, i) => (
    <li key={i}>
      {item.task && (item.checked ? "☑ " : "☐ ")}
      {blocks(item.tokens.filter((token) => token.type !== "checkbox"), depth + 1)}
    </li>
  ));
  const start = typeof list.start === "number" ? list.start : 1;
  return list.ordered ? <ol dir="auto" start={start}>{items}</ol> : <ul dir="auto">{items}</ul>;
}

function Table({ table, depth }: { table: Tokens.Table; depth: number }): JSX.Element {
  return (
    <div class="sb-scroll" tabIndex={0} role="group" aria-label="Table">
      <table class="sb-table">
        <thead>
          <tr>
            {table.header.map((cell, i) => (
              <th key={i} scope="col">{inline(cell.tokens, depth)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, i) => (
            <tr key={i}>
              {row.map((cell, j) => (
                <td key={j} class={cell.align === "right" ? "sb-num" : undefined}>{inline(cell.tokens, depth)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inline(tokens: readonly Token[] | undefined, depth: number): ComponentChildren[] {
  return (tokens ?? []).map((token, i) => <Inline key={i} token={token} depth={depth + 1} />);
}

function Inline({ token, depth }: { token: Token; depth: number }): JSX.Element {
  if (depth > 2 * MOST_DEPTH) return <>{token.raw}</>;
  switch (token.type) {
    case "text":
    case "escape":
      return <>{(token as Tokens.Text).tokens ? inline((token as Tokens.Text).tokens, depth) : (token as Tokens.Text).text}</>;
    case "strong":
      return <b>{inline((token as Tokens.Strong).tokens, depth)}</b>;
    case "em":
      return <em>{inline((token as Tokens.Em).tokens, depth)}</em>;
    case "del":
      return <s>{inline((token as Tokens.Del).tokens, depth)}</s>;
    case "codespan":
      return <code>{(token as Tokens.Codespan).text}</code>;
    case "br":
      return <br />;
    case "link": {
      const link = token as Tokens.Link;
      return <Link href={link.href} text={link.text}>{inline(link.tokens, depth)}</Link>;
    }
    case "image": {
      const image = token as Tokens.Image;
      return <>[image{image.text ? `: ${image.text}` : ""}] <Link href={image.href} text={image.href}>{image.href}</Link></>;
    }
    default:
      return <>{token.raw}</>;
  }
}
