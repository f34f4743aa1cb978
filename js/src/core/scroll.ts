/**
 * Scroll by a key what is around its target, in `root` and no further: left to itself a browser goes on with what is
 * around `root`, the notebook, when all in it has come to its end or needs no scrolling.
 */
export function scrollByKey(root: HTMLElement, event: KeyboardEvent): void {
  const { key, shiftKey } = event;
  const target = event.target as HTMLElement;
  const pages: Record<string, number> = { Home: -1e6, End: 1e6, PageUp: -0.9, PageDown: 0.9, ArrowUp: -0.1, ArrowDown: 0.1, " ": shiftKey ? -0.9 : 0.9 };
  const by = pages[key];
  // Space presses a button, and Shift with an arrow selects text.
  if (by === undefined || (key === " " ? target.closest("button, summary, a, input, audio") : shiftKey)) return;
  event.preventDefault();
  for (let el: HTMLElement | null = target; el && el !== root; el = el.parentElement) {
    const left = by < 0 ? el.scrollTop : el.scrollHeight - el.clientHeight - el.scrollTop;
    if (left >= 1 && /auto|scroll/.test(getComputedStyle(el).overflowY)) return el.scrollBy(0, by * el.clientHeight);
  }
}

/** Scroll as little as brings a line into view; `head` px of the box are covered by headings that stay. */
export function showLine(box: HTMLElement | null, line: number, rowHeight: number, head = 0): void {
  if (!box || line < 0) return;
  const top = line * rowHeight;
  const room = box.clientHeight - head - rowHeight;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top > box.scrollTop + room) box.scrollTop = top - room;
}
