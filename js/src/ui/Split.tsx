/** Two panes with a grip between them: a view of the trace, and the detail of the span selected in it. */

import type { ComponentChildren, CSSProperties, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useExplorer, usePrefix } from "./context.ts";
import { Detail } from "./Detail.tsx";
import { Grip } from "./Small.tsx";

export const BODY_PX = 432;

export function bodyStyle(height: number): CSSProperties {
  return { "--sb-height": `${height > 0 ? height : BODY_PX}px` } as CSSProperties;
}

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
  const body = useRef<HTMLDivElement>(null);
  const detail = useRef<HTMLDivElement>(null);
  const row = x.selected.value;
  const split = x.split.value;
  useEffect(() => {
    if (detail.current) detail.current.scrollTop = 0;
  }, [row]);
  useFollow(detail, row);
  const style = { ...bodyStyle(x.height.value), "--sb-left": `${split}fr`, "--sb-rest": `${100 - split}fr` } as CSSProperties;
  const name = row >= 0 ? (x.table.value?.name(row) ?? "") : "";
  const panel = panelOf ? `${prefix}-view-panel` : undefined;
  return (
    <div class="sb-body" ref={body} style={style} role={panelOf ? "tabpanel" : undefined} id={panel} aria-labelledby={panelOf && `${prefix}-view-${panelOf}`}>
      {children(() => detail.current?.focus())}
      <div class="sb-right">
        <Grip
          axis="x"
          label={`Width of the ${what}`}
          value={split}
          min={25}
          max={80}
          drag={(px) => x.setSplit(x.split.peek() + (px / (body.current?.clientWidth || 1)) * 100)}
          step={(by) => x.setSplit(x.split.peek() + 2 * by)}
        />
        <div class="sb-detail" ref={detail} tabIndex={0} role="region" aria-label={name === "" ? "Detail" : `Detail of ${name}`}>
          <Detail />
        </div>
      </div>
    </div>
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
