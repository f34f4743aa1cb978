/** The parts of the explorer that are not needed at first sight; one file, asked for when the first of them is. */

import { giveScore, nextBy, stop } from "../core/acts.ts";
import type { More } from "../core/more.ts";
import { visitCell } from "./cell.ts";
import { CorrectForm, ScoreForm } from "./forms/index.tsx";

export const more: More = {
  forms: { score: ScoreForm, correct: CorrectForm },
  giveScore,
  stop,
  nextBy,
  visitCell,
  views: {},
};
