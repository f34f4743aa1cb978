/** Two panes with a grip between them, and the grip of their height. */

import type { ComponentChildren, CSSProperties, JSX, RefObject } from "preact";
import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Grip } from "./Small.tsx";

const BODY_PX = 432;

/** What is laid out; `split` is the left pane's share in percent, `height` px, 0 for the usual. */
export interface LaidOut {
  readonly split: ReadonlySignal<number>;
  readonly height: ReadonlySignal<number>;
  setSplit(percent: number): void;
}

const pxOf = (height: number): number => (height > 0 ? height : BODY_PX);

export function bodyStyle(height: number): CSSProperties {
  return { "--sb-height": `${pxOf(height)}px` } as CSSProperties;
}

interface PanesProps {
  x: LaidOut;
  /** What the left pane is, for the name of the grip. */
  what: string;
  most: number;
  row: number;
  /** Name of the row, for that of the detail. */
  name: string;
  detail: RefObject<HTMLDivElement | null>;
  pane: ComponentChildren;
  /** Set when this is the tab panel of a view: its id, and that of the tab. */
  panel?: { id: string; tab: string } | undefined;
  children: ComponentChildren;
}

export function Panes({ x, what, most, row, name, detail, pane, panel, children }: PanesProps): JSX.Element {
  const body = useRef<HTMLDivElement>(null);
  const split = x.split.value;
  useEffect(() => {
    if (detail.current) detail.current.scrollTop = 0;
  }, [row]);
  const style = { ...bodyStyle(x.height.value), "--sb-left": `${split}fr`, "--sb-rest": `${100 - split}fr` } as CSSProperties;
  return (
    <div class="sb-body" ref={body} style={style} role={panel && "tabpanel"} id={panel?.id} aria-labelledby={panel?.tab}>
      {children}
      <div class="sb-right">
        <Grip
          axis="x"
          label={`Width of the ${what}`}
          value={split}
          min={25}
          max={most}
          drag={(px) => x.setSplit(x.split.peek() + (px / (body.current?.clientWidth || 1)) * 100)}
          step={(by) => x.setSplit(x.split.peek() + 2 * by)}
        />
        <div class="sb-detail" ref={detail} tabIndex={0} role="region" aria-label={name === "" ? "Detail" : `Detail of ${name}`}>
          {pane}
        </div>
      </div>
    </div>
  );
}

export function HeightGrip({ height, set }: { height: ReadonlySignal<number>; set(px: number): void }): JSX.Element {
  const px = pxOf(height.value);
  return <Grip axis="y" label="Height" value={px} min={160} max={1600} drag={(by) => set(px + by)} step={(by) => set(px + 26 * by)} />;
}
