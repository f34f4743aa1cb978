/** The parts that are loaded on first use: what they are, and how the file that holds them gets at the explorer's. */

import type { ComponentType } from "preact";
import type { FormName, giveScore, nextBy, stop } from "./acts.ts";
import type { Finding } from "./jsonfind.ts";
import type { Cell, Detail, Json } from "./types.ts";

export interface ViewProps {
  /** Leave for the tree, with the focus in it. */
  toTree(): void;
}

/** What a pane is about: a span's row, its detail, or one value in it. */
export interface PaneProps {
  row: number;
  detail?: Detail | undefined;
  value?: Json | undefined;
  label?: string | undefined;
  /** Told what a search in `value` found; null when it is over. */
  onFound?: ((finding: Finding | null) => void) | undefined;
}

export interface FormProps {
  row: number;
  detail: Detail;
}

export interface More {
  /** What each key does, or each of several. */
  keys: [string[], string][];
  /** What a person says of a span; each keeps what it is given by itself, and closes. */
  forms: Record<FormName, ComponentType<FormProps>>;
  giveScore: typeof giveScore;
  stop: typeof stop;
  nextBy: typeof nextBy;
  /** Go to the cell where the page shows it, or copy a link to it; resolves to what is to be said of it. */
  visitCell(from: HTMLElement, cell: Cell, copy: boolean): Promise<string>;
  /** Views of the trace by id; each fills the body, and reads the explorer from its context. */
  views: Record<string, ComponentType<ViewProps>>;
  /** Parts of the detail by id, and ways to look at one value. */
  panes: Record<string, ComponentType<PaneProps>>;
}

/** The file is one function of what it imports (see build.mjs). */
export interface MoreModule {
  default(shared: Record<string, unknown>): { more: More; css: string };
}
