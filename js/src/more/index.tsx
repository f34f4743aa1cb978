/** The parts of the explorer that are not needed at first sight; one file, asked for when the first of them is. */

import type { More } from "../core/more.ts";
import { panes } from "./detail/index.ts";
import { Graph } from "./Graph.tsx";
import { Log } from "./Log.tsx";
import { Timeline } from "./Timeline.tsx";

export const more: More = {
  views: { timeline: Timeline, graph: Graph, log: Log },
  panes,
};
