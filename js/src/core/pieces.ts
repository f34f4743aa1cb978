/** Long text cut into pieces that browsers lay out quickly: breaking one paragraph into lines takes the square of its length. */

const PIECE = 2000;
/** Markdown keeps paragraphs whole, so that texts with lines beyond this are shown as they were written. */
const HUGE_LINE = /[^\n]{8000}/;

export const hasHugeLine = (text: string): boolean => HUGE_LINE.test(text);

/** The text in pieces of at most 2,000 letters, each ending after a line break where there is one, else after a blank. */
export function pieces(text: string): string[] {
  if (text.length <= 2 * PIECE) return [text];
  const made: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = at + PIECE;
    if (end >= text.length) {
      made.push(text.slice(at));
      break;
    }
    const part = text.slice(at, end);
    const cut = part.lastIndexOf("\n") + 1 || part.lastIndexOf(" ") + 1 || (/[\ud800-\udbff]$/.test(part) ? PIECE - 1 : PIECE);
    made.push(part.slice(0, cut));
    at += cut;
  }
  return made;
}
