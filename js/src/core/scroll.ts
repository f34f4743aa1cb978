/** Scroll as little as brings a line into view; `head` px of the box are covered by headings that stay. */
export function showLine(box: HTMLElement | null, line: number, rowHeight: number, head = 0): void {
  if (!box || line < 0) return;
  const top = line * rowHeight;
  const room = box.clientHeight - head - rowHeight;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top > box.scrollTop + room) box.scrollTop = top - room;
}
