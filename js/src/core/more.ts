/** The parts that are loaded on first use: what they are, and how the file that holds them gets at the explorer's. */

import type { ComponentType } from "preact";

export interface ViewProps {
  /** Leave for the tree, with the focus in it. */
  toTree(): void;
}

export interface More {
  /** Views of the trace by id; each fills the body, and reads the explorer from its context. */
  views: Record<string, ComponentType<ViewProps>>;
}

/** The file is one function of what it imports (see build.mjs). */
export interface MoreModule {
  default(shared: Record<string, unknown>): { more: More; css: string };
}
