/** All keys of the explorer, for the list of them. */

import type { More } from "../core/more.ts";

export const KEYS: More["keys"] = [
  [["↑", "↓"], "previous, next span"],
  [["→", "←"], "open or go in, close or go out"],
  [["Home", "End"], "first, last span"],
  [["Page ↑", "Page ↓"], "a page up, down"],
  [["Space"], "open or close a span"],
  [["-", "*"], "close all, open all"],
  [["Enter"], "to the detail"],
  [["Esc"], "back to the tree"],
  [["e", "E"], "next, previous error"],
  [["s", "S"], "next slowest span, back"],
  [["d", "D"], "next dearest span, back"],
  [["/"], "find or filter"],
  [["n", "N"], "next, previous match"],
  [["p", "c", "f"], "in JSON: copy path, copy value, search"],
  [["+", "-"], "in the timeline: zoom in, out"],
  [["z", "0"], "in the timeline: only the span, all"],
  [["Shift ←", "Shift →"], "in the timeline: back, on"],
];
