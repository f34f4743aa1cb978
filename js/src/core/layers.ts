/** A picture of a graph in layers from top to bottom, within a width: places of nodes, ways of edges. No DOM. */

export interface Placed {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Edge {
  from: number;
  to: number;
  isBack: boolean;
}

export interface Way {
  /** SVG path, and that of the arrow's head. */
  line: string;
  head: string;
  /** Where its label stands. */
  x: number;
  y: number;
}

export interface Picture {
  nodes: Placed[];
  ways: Way[];
  width: number;
  height: number;
}

const WIDEST = 210;
const NARROWEST = 168;
/** Where many edges pass beside them. */
const SQUEEZED = 120;
/** Room for an edge that passes between nodes. */
const PASS = 14;
const GAP = 16;
const BETWEEN = 36;
const EDGE = 12;
/** Room at the right for edges that lead back. */
const SIDE = 30;

/** A node, or a place that a long edge passes (`node` is -1). */
interface Item {
  node: number;
  layer: number;
  width: number;
  x: number;
  up: Item[];
  down: Item[];
}

export function picture(heights: readonly number[], edges: readonly Edge[], width: number): Picture {
  const room = Math.max(NARROWEST, width - 2 * EDGE - (edges.some((edge) => edge.isBack) ? SIDE : 0));
  const forward = edges.filter((edge) => !edge.isBack);
  const most = Math.max(1, Math.floor((room + GAP) / (NARROWEST + GAP)));
  const layerOf = split(longestPaths(heights.length, forward), most);
  const layers: Item[][] = Array.from({ length: Math.max(-1, ...layerOf) + 1 }, () => []);
  const add = (node: number, layer: number): Item => {
    const item = { node, layer, width: 0, x: 0, up: [], down: [] };
    layers[layer]?.push(item);
    return item;
  };
  const items = layerOf.map((layer, node) => add(node, layer));
  const chains = new Map<Edge, Item[]>();
  for (const edge of forward) {
    let last = items[edge.from] as Item;
    const chain = [last];
    const join = (next: Item): void => {
      last.down.push(next);
      next.up.push(last);
      chain.push((last = next));
    };
    for (let layer = last.layer + 1; layer < (layerOf[edge.to] as number); layer++) join(add(-1, layer));
    join(items[edge.to] as Item);
    chains.set(edge, chain);
  }
  const fits = layers.map((layer) => {
    const nodes = layer.filter((item) => item.node >= 0).length;
    return nodes === 0 ? WIDEST : Math.max(Math.floor((room - (nodes - 1) * GAP - (layer.length - nodes) * PASS) / nodes), SQUEEZED);
  });
  const wide = Math.min(WIDEST, ...fits);
  sortLayers(layers);
  spread(layers, wide, room);

  const tops: number[] = [];
  let y = EDGE;
  for (const layer of layers) {
    tops.push(y);
    y += Math.max(0, ...layer.map((item) => (item.node < 0 ? 0 : (heights[item.node] as number)))) + BETWEEN;
  }
  const nodes = items.map((item) => ({ x: EDGE + item.x - wide / 2, y: tops[item.layer] as number, width: wide, height: heights[item.node] as number }));
  const bottomOf = (layer: number): number => (tops[layer + 1] ?? y) - BETWEEN;
  const ways = edges.map((edge) => {
    const chain = chains.get(edge);
    return chain ? down(chain, nodes, tops, bottomOf) : back(edge, nodes, layerOf, bottomOf);
  });
  return { nodes, ways, width, height: Math.max(0, y - BETWEEN) + EDGE };
}

function longestPaths(n: number, edges: readonly Edge[]): number[] {
  const layer = new Array<number>(n).fill(0);
  // Forward edges have no cycle, so this settles after at most n rounds; in practice after the depth of the graph.
  for (let round = 0, moved = true; moved && round <= n; round++) {
    moved = false;
    for (const { from, to } of edges) {
      if ((layer[to] as number) > (layer[from] as number)) continue;
      layer[to] = (layer[from] as number) + 1;
      moved = true;
    }
  }
  return layer;
}

/** Break layers that have more nodes than fit beside each other into several. */
function split(layer: number[], most: number): number[] {
  const count: number[] = [];
  const nth = layer.map((at) => (count[at] = (count[at] ?? 0) + 1) - 1);
  const first = [0];
  for (const each of count) first.push((first.at(-1) as number) + Math.ceil(each / most));
  return layer.map((at, node) => {
    const rows = Math.ceil((count[at] as number) / most);
    return (first[at] as number) + Math.floor(((nth[node] as number) * rows) / (count[at] as number));
  });
}

/** Order each layer by the middle of its neighbours', down and up again, so that few edges cross. */
function sortLayers(layers: Item[][]): void {
  const place = (): void => layers.forEach((layer) => layer.forEach((item, at) => (item.x = layer.length === 1 ? 0.5 : at / (layer.length - 1))));
  const sweep = (order: Item[][], side: "up" | "down"): void => {
    for (const layer of order) {
      const middle = new Map(layer.map((item) => [item, item[side].length === 0 ? item.x : mean(item[side])]));
      layer.sort((a, b) => (middle.get(a) as number) - (middle.get(b) as number));
      place();
    }
  };
  place();
  for (let round = 0; round < 4; round++) {
    sweep(layers, "up");
    sweep([...layers].reverse(), "down");
  }
}

const mean = (items: readonly Item[]): number => items.reduce((sum, item) => sum + item.x, 0) / items.length;

/** Give items their middle in px: as near to their neighbours' as the order and the room allow. */
function spread(layers: Item[][], wide: number, room: number): void {
  for (const layer of layers) {
    const nodes = layer.filter((item) => item.node >= 0).length;
    const passing = layer.length - nodes;
    const narrow = Math.max(0, Math.min(PASS, (room - nodes * (wide + GAP) + GAP) / Math.max(1, passing)));
    for (const item of layer) item.width = item.node < 0 ? narrow : wide;
    fit(layer, layer.map((_, at) => (room * (at + 0.5)) / layer.length), room);
  }
  for (let round = 0; round < 3; round++) {
    for (const [order, side] of [[layers, "up"], [[...layers].reverse(), "down"]] as const) {
      for (const layer of order) fit(layer, layer.map((item) => (item[side].length === 0 ? item.x : mean(item[side]))), room);
    }
  }
}

function fit(layer: Item[], wanted: number[], room: number): void {
  const gap = (a: Item, b: Item): number => (a.width + b.width) / 2 + (a.node < 0 || b.node < 0 ? 0 : GAP);
  layer.forEach((item, at) => {
    const before = layer[at - 1];
    item.x = Math.max(wanted[at] as number, before ? before.x + gap(before, item) : item.width / 2);
  });
  for (let at = layer.length - 1; at >= 0; at--) {
    const item = layer[at] as Item;
    const after = layer[at + 1];
    item.x = Math.min(item.x, after ? after.x - gap(item, after) : room - item.width / 2);
  }
}

const px = (value: number): string => String(Math.round(value * 10) / 10);

function down(chain: readonly Item[], nodes: readonly Placed[], tops: readonly number[], bottomOf: (layer: number) => number): Way {
  const first = nodes[(chain[0] as Item).node] as Placed;
  const last = nodes[(chain.at(-1) as Item).node] as Placed;
  let [x, y] = [first.x + first.width / 2, first.y + first.height];
  let line = `M${px(x)} ${px(y)}`;
  const curve = (toX: number, toY: number): void => {
    const half = (y + toY) / 2;
    line += `C${px(x)} ${px(half)} ${px(toX)} ${px(half)} ${px(toX)} ${px(toY)}`;
    [x, y] = [toX, toY];
  };
  // Down to the end of its own layer first, where a taller neighbour would be in the way.
  const bottom = bottomOf((chain[0] as Item).layer);
  if (bottom > y + 2) {
    line += `V${px(bottom)}`;
    y = bottom;
  }
  for (const item of chain.slice(1, -1)) {
    curve(EDGE + item.x, tops[item.layer] as number);
    line += `V${px((y = bottomOf(item.layer)))}`;
  }
  const [toX, toY] = [last.x + last.width / 2, last.y];
  const [fromX, fromY] = [x, y];
  curve(toX, toY);
  return { line, head: `M${px(toX - 4)} ${px(toY - 6)}L${px(toX)} ${px(toY)}L${px(toX + 4)} ${px(toY - 6)}`, x: (fromX + toX) / 2, y: (fromY + toY) / 2 };
}

/**
 * Straight up when the node it leads back to is in the layer above; else round the right of all that is between,
 * and from and to there in the room between layers.
 */
function back(edge: Edge, nodes: readonly Placed[], layerOf: readonly number[], bottomOf: (layer: number) => number): Way {
  const [from, to] = [nodes[edge.from] as Placed, nodes[edge.to] as Placed];
  const [low, high] = [layerOf[edge.to] as number, layerOf[edge.from] as number];
  if (edge.from === edge.to) {
    const [x, top, bottom] = [from.x + from.width, from.y + 10, from.y + from.height - 10];
    const head = `M${px(x + 6)} ${px(top - 3)}L${px(x)} ${px(top)}L${px(x + 5)} ${px(top + 5)}`;
    return { line: `M${px(x)} ${px(bottom)}C${px(x + 16)} ${px(bottom)} ${px(x + 16)} ${px(top)} ${px(x)} ${px(top)}`, head, x: x - 8, y: from.y - 6 };
  }
  const [fromX, toX] = [from.x + from.width / 2 + 18, to.x + to.width / 2 + 18];
  const toY = to.y + to.height;
  const head = `M${px(toX - 4)} ${px(toY + 6)}L${px(toX)} ${px(toY)}L${px(toX + 4)} ${px(toY + 6)}`;
  if (high - low === 1) {
    const bottom = Math.max(toY, bottomOf(low));
    // Beside the edge that it answers, and on the side where the two do not cross.
    const half = bottom + (from.y - bottom) * (fromX < toX ? 0.9 : 0.1);
    return { line: `M${px(fromX)} ${px(from.y)}C${px(fromX)} ${px(half)} ${px(toX)} ${px(half)} ${px(toX)} ${px(bottom)}V${px(toY)}`, head, x: fromX + 12, y: from.y - 7 };
  }
  const between = nodes.filter((_, at) => (layerOf[at] as number) > low && (layerOf[at] as number) < high);
  const far = Math.max(toX, fromX, ...between.map((node) => node.x + node.width)) + 12;
  const [start, end] = [from.y - BETWEEN / 2, bottomOf(low) + BETWEEN / 2];
  return { line: rounded([[fromX, from.y], [fromX, start], [far, start], [far, end], [toX, end], [toX, toY]]), head, x: far, y: (start + end) / 2 };
}

/** A line along points, with its corners rounded. */
function rounded(points: readonly [number, number][]): string {
  const toward = ([x, y]: readonly [number, number], [toX, toY]: readonly [number, number]): string => {
    const long = Math.hypot(toX - x, toY - y) || 1;
    const part = Math.min(8, long / 2) / long;
    return `${px(x + (toX - x) * part)} ${px(y + (toY - y) * part)}`;
  };
  return points.map((point, at) => {
    const [before, after] = [points[at - 1], points[at + 1]];
    if (!before) return `M${px(point[0])} ${px(point[1])}`;
    return after ? `L${toward(point, before)}Q${px(point[0])} ${px(point[1])} ${toward(point, after)}` : `L${px(point[0])} ${px(point[1])}`;
  }).join("");
}
