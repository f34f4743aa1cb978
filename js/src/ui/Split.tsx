/** Two panes with a grip between them: a view of the trace, and the detail of the span selected in it. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useExplorer, usePrefix } from "./context.ts";
import { Detail } from "./Detail.tsx";
import { Panes } from "./Panes.tsx";

interface SplitProps {
  /** What the left pane is, for the name of the grip. */
  what: string;
  /** Set when this is the tab panel of that view. */
  panelOf?: string;
  children(focusDetail: () => void): ComponentChildren;
}

export function Split({ what, panelOf, children }: SplitProps): JSX.Element {
  const x = useExplorer();
  const prefix = usePrefix();
  const detail = useRef<HTMLDivElement>(null);
  const row = x.selected.value;
  useFollow(detail, row);
  const name = row >= 0 ? (x.table.value?.name(row) ?? "") : "";
  const panel = panelOf === undefined ? undefined : { id: `${prefix}-view-panel`, tab: `${prefix}-view-${panelOf}` };
  return (
    <Panes x={x} what={what} most={80} row={row} name={name} detail={detail} pane={<Detail />} panel={panel}>
      {children(() => detail.current?.focus())}
    </Panes>
  );
}

/** Keep text that streams in view, until the reader scrolls by hand. */
function useFollow(pane: { current: HTMLElement | null }, row: number): void {
  const x = useExplorer();
  useEffect(() => {
    const el = pane.current;
    if (!el) return;
    let isFollowing = true;
    const letGo = (): void => {
      isFollowing = false;
    };
    const off = x.partialVersion.subscribe(() => {
      if (!isFollowing || !x.partials.has(row)) return;
      requestAnimationFrame(() => isFollowing && (el.scrollTop = el.scrollHeight));
    });
    for (const event of ["wheel", "pointerdown", "keydown"]) el.addEventListener(event, letGo, { passive: true });
    return () => {
      letGo();
      off();
      for (const event of ["wheel", "pointerdown", "keydown"]) el.removeEventListener(event, letGo);
    };
  }, [x, row]);
}
