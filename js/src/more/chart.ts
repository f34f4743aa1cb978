/** The timeline on a canvas: only the lanes and spans in sight are drawn, and what is too small to tell apart is one mark. */

import type { SpanTable } from "../core/columns.ts";
import type { Stretch } from "../core/critical.ts";
import { lastBefore, type Lanes } from "../core/lanes.ts";

export const LANE = 22;
const BAR = 18;
/** Room at both ends, so that what happened in the first and the last moment can be seen and hit. */
export const PAD = 8;

export interface Colours {
  text: string;
  muted: string;
  line: string;
  error: string;
  accent: string;
  surface: string;
  /** By kind code. */
  kinds: string[];
  font: string;
}

export interface Scene {
  table: SpanTable;
  lanes: Lanes;
  end(row: number): number;
  isLive: boolean;
  letter(row: number): string;
  from: number;
  to: number;
  width: number;
  height: number;
  top: number;
  ticks: readonly { at: number }[];
  path: readonly Stretch[];
  /** Failed rows in order of start. */
  failed: readonly number[];
  selected: number;
  hovered: number;
  /** The part of the axis that is being marked, in px. */
  range: [number, number] | null;
  colours: Colours;
}

export const toX = (scene: Pick<Scene, "from" | "to" | "width">, ms: number): number =>
  PAD + ((ms - scene.from) / (scene.to - scene.from)) * (scene.width - 2 * PAD);

export const toMs = (scene: Pick<Scene, "from" | "to" | "width">, px: number): number =>
  scene.from + ((px - PAD) / Math.max(1, scene.width - 2 * PAD)) * (scene.to - scene.from);

/** The span under a point of the chart; -1 for none. The smallest marks are hit from 3 px beside them. */
export function spanAt(scene: Pick<Scene, "from" | "to" | "width" | "lanes" | "table" | "end">, px: number, py: number): number {
  const { lanes, table } = scene;
  const lane = Math.floor(py / LANE);
  if (lane < 0 || lane >= lanes.count) return -1;
  const near = lastBefore(lanes, lane, table.c.start, toMs(scene, px + 3));
  let best = -1;
  let distance = 4;
  for (let at = near; at >= Math.max(lanes.offset[lane] as number, near - 8); at--) {
    const row = lanes.rows[at] as number;
    const left = toX(scene, table.c.start[row] as number);
    const right = Math.max(left + 2, toX(scene, scene.end(row)));
    const off = Math.max(left - px, px - right, 0);
    if (off < distance) [best, distance] = [row, off];
  }
  return best;
}

export function drawChart(context: CanvasRenderingContext2D, scene: Scene): void {
  const { width, height, top, colours, lanes } = scene;
  context.clearRect(0, 0, width, height);
  context.fillStyle = colours.line;
  for (const tick of scene.ticks) context.fillRect(Math.round(PAD + tick.at * (width - 2 * PAD)), 0, 1, height);
  context.font = colours.font;
  context.textBaseline = "middle";
  const pen = new Pen(context, scene);
  const last = Math.min(lanes.count, Math.ceil((top + height) / LANE));
  for (let lane = Math.max(0, Math.floor(top / LANE)); lane < last; lane++) pen.lane(lane);
  pen.failures();
  pen.path();
  if (scene.range) {
    const [a, b] = scene.range[0] < scene.range[1] ? scene.range : [scene.range[1], scene.range[0]];
    context.globalAlpha = 0.16;
    context.fillStyle = colours.accent;
    context.fillRect(a, 0, b - a, height);
    context.globalAlpha = 1;
  }
}

class Pen {
  private readonly hatches = new Map<string, CanvasPattern | null>();

  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly scene: Scene,
  ) {}

  lane(lane: number): void {
    const { scene } = this;
    const { lanes, table } = scene;
    const { start, kind } = table.c;
    const y = lane * LANE - scene.top + (LANE - BAR) / 2;
    const first = Math.max(lanes.offset[lane] as number, lastBefore(lanes, lane, start, scene.from));
    let drawn = -Infinity; // px up to which the lane is painted
    let written = 0; // and up to which a name stands beside a bar
    for (let at = first; at < (lanes.offset[lane + 1] as number); at++) {
      const row = lanes.rows[at] as number;
      const left = toX(scene, start[row] as number);
      if (left > scene.width) break;
      const end = toX(scene, scene.end(row));
      const right = Math.max(left + 2, end);
      if (right < 0) continue;
      const isTiny = end - left < 3;
      if (isTiny && left < drawn && row !== scene.selected) {
        // Marks closer than a pixel are one; the next that can be told apart is found by halving.
        at = Math.max(at, lastBefore(lanes, lane, start, toMs(scene, drawn)) - 1);
        continue;
      }
      if (isTiny && row !== scene.selected && row !== scene.hovered) this.fill(scene.colours.kinds[kind[row] as number] as string, 0.7, left, y, 2, BAR);
      else this.bar(row, left, right, y);
      drawn = right;
      written = this.label(row, left, right, y, Math.max(written, this.before(lane, at)), this.after(lane, at));
    }
  }

  /** Failed spans too small for an outline: the last to be drawn, so that none is lost among its neighbours. */
  failures(): void {
    const { scene } = this;
    const { lanes, table } = scene;
    const drawn = new Map<number, number>();
    for (const row of scene.failed) {
      const lane = lanes.lane[row] as number;
      const y = lane * LANE - scene.top + (LANE - BAR) / 2;
      if (y < -LANE || y > scene.height) continue;
      const left = toX(scene, table.c.start[row] as number);
      if (left < -3 || left > scene.width || left < (drawn.get(lane) ?? -1) || toX(scene, scene.end(row)) - left >= 3) continue;
      this.fill(scene.colours.error, 1, left, y, 3, BAR);
      drawn.set(lane, left + 2);
    }
  }

  private before(lane: number, at: number): number {
    const { lanes } = this.scene;
    return at > (lanes.offset[lane] as number) ? toX(this.scene, this.scene.end(lanes.rows[at - 1] as number)) : 0;
  }

  private after(lane: number, at: number): number {
    const { lanes, table, width } = this.scene;
    return at + 1 < (lanes.offset[lane + 1] as number) ? toX(this.scene, table.c.start[lanes.rows[at + 1] as number] as number) : width;
  }

  private fill(colour: string | CanvasPattern, alpha: number, x: number, y: number, width: number, height: number): void {
    const left = Math.max(x, -4);
    this.context.globalAlpha = alpha;
    this.context.fillStyle = colour;
    this.context.fillRect(left, y, Math.min(x + width, this.scene.width + 4) - left, height);
    this.context.globalAlpha = 1;
  }

  /** Pale: waiting for the first token. Full: at work. Hatched: still running. Outlined red: failed. Dashed: cut off. */
  private bar(row: number, left: number, right: number, y: number): void {
    const { context, scene } = this;
    const { table, colours } = scene;
    const hue = colours.kinds[table.c.kind[row] as number] as string;
    const running = table.isOpen(row) && scene.isLive;
    const waited = table.c.firstToken[row] as number;
    if (table.hasError(row)) {
      this.fill(colours.error, 0.22, left, y, right - left, BAR);
      this.outline(colours.error, 1.5, left, y, right - left);
    } else if (table.isInterrupted(row) || (table.isOpen(row) && !running)) {
      context.setLineDash([4, 3]);
      this.outline(colours.muted, 1, left, y, Math.max(6, right - left));
      context.setLineDash([]);
    } else {
      const first = waited >= 0 ? Math.min(right, toX(scene, (table.c.start[row] as number) + waited)) : running && table.kind(row) === "llm" ? right : left;
      this.fill(hue, 0.13, left, y, first - left, BAR);
      this.fill(hue, running ? 0.14 : 0.34, first, y, right - first, BAR);
      if (running) this.fill(this.hatch(hue) ?? hue, 0.34, left, y, right - left, BAR);
      this.fill(hue, 1, left, y, Math.min(2, right - left), BAR);
    }
    if (row === scene.hovered && row !== scene.selected) this.outline(colours.muted, 1, left, y, right - left);
    if (row === scene.selected) this.outline(colours.accent, 2, left - 1, y - 1, right - left + 2, BAR + 2);
  }

  private outline(colour: string, wide: number, x: number, y: number, width: number, height = BAR): void {
    const { context, scene } = this;
    const [a, b] = [Math.max(x, -8), Math.min(x + width, scene.width + 8)];
    context.strokeStyle = colour;
    context.lineWidth = wide;
    context.strokeRect(a + wide / 2, y + wide / 2, Math.max(0, b - a - wide), height - wide);
  }

  private hatch(colour: string): CanvasPattern | null {
    const known = this.hatches.get(colour);
    if (known !== undefined) return known;
    const tile = this.context.canvas.ownerDocument.createElement("canvas");
    tile.width = tile.height = 8;
    const context = tile.getContext("2d");
    if (context) {
      context.strokeStyle = colour;
      context.lineWidth = 3;
      for (const x of [-8, 0, 8]) {
        context.moveTo(x - 1, 9);
        context.lineTo(x + 9, -1);
      }
      context.stroke();
    }
    const pattern = context && this.context.createPattern(tile, "repeat");
    this.hatches.set(colour, pattern);
    return pattern;
  }

  /** The name in the bar, or beside it where there is room; returns where it ends. */
  private label(row: number, left: number, right: number, y: number, before: number, after: number): number {
    const { context, scene } = this;
    const { table, colours, width } = scene;
    const visible = Math.max(left, 0);
    const inside = Math.min(right, width) - visible - 10;
    if (Math.max(inside, after - right, left - before) < 14) return before;
    const name = `${scene.letter(row)}  ${table.name(row)}`;
    const wide = inside > 400 ? 0 : textWidth(context, name);
    const middle = y + BAR / 2 + 0.5;
    context.fillStyle = table.hasError(row) ? colours.error : colours.text;
    if (inside < wide && (inside < 60 || inside < after - right)) {
      if (after - right > wide + 14 && right + wide + 10 < width) {
        this.write(name, right + 5, middle, wide + 2);
        return right + wide + 8;
      }
      if (left - before > wide + 14) {
        this.write(name, left - wide - 6, middle, wide + 2);
        return before;
      }
    }
    if (inside >= 14) this.write(name, visible + 7, middle, inside);
    return before;
  }

  private write(text: string, x: number, y: number, room: number): void {
    const { context } = this;
    let shown = text;
    const wide = textWidth(context, text);
    if (wide > room) {
      const most = Math.floor((text.length * room) / wide) - 1;
      if (most < 1) return;
      shown = most < 4 ? (text[0] as string) : `${text.slice(0, most)}…`;
    }
    context.fillText(shown, x, y);
  }

  /** A line under what is on the critical path, and a thin one where it passes from one span to the next. */
  path(): void {
    const { scene, context } = this;
    const { path, lanes } = scene;
    context.fillStyle = scene.colours.text;
    let low = 0;
    let high = path.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((path[middle] as Stretch).to < scene.from) low = middle + 1;
      else high = middle;
    }
    const bottom = (row: number): number => (lanes.lane[row] as number) * LANE - scene.top + (LANE + BAR) / 2;
    let drawn = -Infinity;
    for (let i = low; i < path.length; i++) {
      const { row, from, to } = path[i] as Stretch;
      if (row >= lanes.lane.length) continue;
      const left = toX(scene, from);
      const right = toX(scene, to);
      if (left > scene.width) break;
      if (right < drawn + 0.5) continue; // thousands of stretches in a pixel are drawn once
      drawn = right;
      const y = bottom(row);
      if (y > -LANE && y < scene.height + LANE) context.fillRect(Math.max(left, 0), y - 2, Math.max(1, Math.min(right, scene.width) - Math.max(left, 0)), 2.5);
      const before = path[i - 1];
      if (before && before.row !== row && before.row < lanes.lane.length && left >= 0) {
        const [a, b] = [Math.max(-1, Math.min(y, bottom(before.row))), Math.min(scene.height + 1, Math.max(y, bottom(before.row)))];
        context.globalAlpha = 0.55;
        if (b > a) context.fillRect(Math.round(left), a - 2, 1, b - a + 2);
        context.globalAlpha = 1;
      }
    }
  }
}

const widths = new Map<string, number>();

function textWidth(context: CanvasRenderingContext2D, text: string): number {
  const key = `${context.font}\n${text}`;
  let wide = widths.get(key);
  if (wide === undefined) {
    if (widths.size > 5000) widths.clear();
    widths.set(key, (wide = context.measureText(text).width));
  }
  return wide;
}
