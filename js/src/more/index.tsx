/** The parts of the explorer that are not needed at first sight; one file, asked for when the first of them is. */

import { giveScore, nextBy, stop } from "../core/acts.ts";
import type { More } from "../core/more.ts";
import { visitCell } from "./cell.ts";
import { Conversation } from "./Conversation.tsx";
import { panes } from "./detail/index.ts";
import { CorrectForm, ScoreForm } from "./forms/index.tsx";
import { Graph } from "./Graph.tsx";
import { KEYS } from "./keys.ts";
import { Log } from "./Log.tsx";
import { Timeline } from "./Timeline.tsx";

export const more: More = {
  keys: KEYS,
  forms: { score: ScoreForm, correct: CorrectForm },
  giveScore,
  stop,
  nextBy,
  visitCell,
  views: { timeline: Timeline, conversation: Conversation, graph: Graph, log: Log },
  panes,
};
