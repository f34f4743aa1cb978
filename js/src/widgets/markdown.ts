/** The markdown lexer, apart from the explorer: it is a third of its size and only some traces need it. */

import { Lexer, type Token } from "marked";

/** GitHub-flavoured markdown to marked's tokens; no HTML is ever made from them. */
export function lex(text: string): Token[] {
  return new Lexer({ gfm: true, breaks: false }).lex(text);
}
