/** Small shared pieces: glyphs, busy line, tabs, copy button, grips. */

import type { ComponentChildren, JSX, TargetedKeyboardEvent, TargetedPointerEvent } from "preact";
import { useRef, useState } from "preact/hooks";
import { usePrefix } from "./context.ts";

const GLYPHS: Record<string, string> = {
  span: "S",
  llm: "L",
  embedding: "E",
  retriever: "R",
  reranker: "K",
  tool: "T",
  agent: "A",
  chain: "C",
  guardrail: "G",
  evaluator: "V",
  event: "•",
};

/** Class that sets the hue of a kind; unknown kinds look like plain spans. */
export const kindClass = (kind: string): string => `sb-k-${kind in GLYPHS ? kind : "span"}`;

export const glyphLetter = (kind: string): string => GLYPHS[kind] ?? "S";

export function Glyph({ kind }: { kind: string }): JSX.Element {
  return (
    <span class={`sb-glyph ${kindClass(kind)}`} aria-hidden="true" title={kind}>
      {glyphLetter(kind)}
    </span>
  );
}

export const BUSY = "Kernel busy, will load when the cell ends";

export function Busy({ text = BUSY }: { text?: string }): JSX.Element {
  return (
    <div class="sb-busy" role="status">
      {text}
    </div>
  );
}

export interface TabSpec {
  id: string;
  label: string;
  isError?: boolean;
}

interface TabsProps {
  label: string;
  class: string;
  tabs: readonly TabSpec[];
  active: string;
  choose(id: string): void;
  /** Ids of tabs and panels start with this; the panel's is `${name}-panel`. */
  name: string;
}

export function Tabs({ label, class: className, tabs, active, choose, name }: TabsProps): JSX.Element {
  const prefix = usePrefix();
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    const at = tabs.findIndex((tab) => tab.id === active);
    const moves: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = (to + tabs.length) % tabs.length;
    choose((tabs[next] as TabSpec).id);
    list.current?.querySelectorAll<HTMLElement>('[role="tab"]')[next]?.focus();
  };
  return (
    <div class={className} role="tablist" aria-label={label} ref={list} onKeyDown={onKeyDown}>
      {tabs.map((tab) => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          id={`${prefix}-${name}-${tab.id}`}
          class={tab.isError ? "sb-err" : undefined}
          aria-selected={tab.id === active}
          aria-controls={`${prefix}-${name}-panel`}
          tabIndex={tab.id === active ? 0 : -1}
          onClick={() => choose(tab.id)}
        >
          {tab.label}
        </button>
      ))}
    </div>
  );
}

export async function toClipboard(text: string, near: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Frames and plain http pages have no clipboard API; the old way still works there.
    const area = document.createElement("textarea");
    area.value = text;
    area.style.cssText = "position:absolute;opacity:0";
    near.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    near.focus();
  }
}

interface CopyProps {
  text: () => string | Promise<string>;
  label?: string;
  title: string;
  class?: string;
  /** Whether Tab stops here; false where a key of the line does the same. */
  isStop?: boolean;
}

export function Copy({ text, label = "copy", title, class: className = "", isStop = true }: CopyProps): JSX.Element {
  const [said, say] = useState<string | null>(null);
  const onClick = async (event: MouseEvent): Promise<void> => {
    const button = event.currentTarget as HTMLElement;
    event.stopPropagation();
    try {
      await toClipboard(await text(), button);
      say("copied");
    } catch (error) {
      say((error as Error).message);
    }
    setTimeout(() => say(null), 1400);
  };
  return (
    <button type="button" class={`sb-small ${className}`} tabIndex={isStop ? 0 : -1} title={title} onClick={(event) => void onClick(event)}>
      <span aria-live="polite">{said ?? label}</span>
    </button>
  );
}

interface GripProps {
  axis: "x" | "y";
  label: string;
  value: number;
  min: number;
  max: number;
  /** Pointer: how far in px since the last event. Keys: one step in either direction. */
  drag(px: number): void;
  step(by: 1 | -1): void;
}

/** A separator that can be dragged and moved by arrow keys. */
export function Grip({ axis, label, value, min, max, drag, step }: GripProps): JSX.Element {
  const last = useRef<number | null>(null);
  const at = (event: PointerEvent): number => (axis === "x" ? event.clientX : event.clientY);
  const onPointerDown = (event: TargetedPointerEvent<HTMLDivElement>): void => {
    event.preventDefault();
    event.currentTarget.setPointerCapture(event.pointerId);
    last.current = at(event);
  };
  const onPointerMove = (event: TargetedPointerEvent<HTMLDivElement>): void => {
    if (last.current === null) return;
    drag(at(event) - last.current);
    last.current = at(event);
  };
  const release = (): void => {
    last.current = null;
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    const forward = axis === "x" ? "ArrowRight" : "ArrowDown";
    const back = axis === "x" ? "ArrowLeft" : "ArrowUp";
    if (event.key !== forward && event.key !== back) return;
    event.preventDefault();
    step(event.key === forward ? 1 : -1);
  };
  return (
    <div
      class={`sb-grip sb-grip-${axis}`}
      role="separator"
      tabIndex={0}
      aria-label={label}
      aria-orientation={axis === "x" ? "vertical" : "horizontal"}
      aria-valuenow={Math.round(value)}
      aria-valuemin={min}
      aria-valuemax={max}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={release}
      onPointerCancel={release}
      onKeyDown={onKeyDown}
    />
  );
}

export function Section({ title, side, children }: { title: string; side?: ComponentChildren; children: ComponentChildren }): JSX.Element {
  return (
    <section class="sb-section">
      <h4>
        {title}
        {side}
      </h4>
      {children}
    </section>
  );
}
