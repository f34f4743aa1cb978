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

const WIDEST = 200;
const NARROWEST = 132;
const GAP = 16;
const BETWEEN = 34;
const EDGE = 12;
/** Room at the right for edges that lead back. */
const SIDE = 46;

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
  const widest = Math.max(1, ...layers.map((layer) => layer.filter((item) => item.node >= 0).length));
  const wide = Math.min(WIDEST, Math.floor((room - (widest - 1) * GAP) / widest));
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
    return chain ? down(chain, nodes, tops, bottomOf) : back(edge, nodes, layerOf);
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
    const spare = room - nodes * (wide + GAP) + GAP;
    const narrow = Math.max(0, Math.min(GAP, spare / Math.max(1, layer.length - nodes)) - 4);
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
  const gap = (a: Item, b: Item): number => (a.width + b.width) / 2 + (a.node < 0 || b.node < 0 ? 4 : GAP);
  let right = 0;
  layer.forEach((item, at) => {
    const before = layer[at - 1];
    item.x = Math.max(wanted[at] as number, before ? before.x + gap(before, item) : item.width / 2);
  });
  right = room;
  for (let at = layer.length - 1; at >= 0; at--) {
    const item = layer[at] as Item;
    const after = layer[at + 1];
    item.x = Math.min(item.x, after ? after.x - gap(item, after) : right - item.width / 2);
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

/** Out at the right, past whatever is widest between the two, and in at the right again. */
function back(edge: Edge, nodes: readonly Placed[], layerOf: readonly number[]): Way {
  const [from, to] = [nodes[edge.from] as Placed, nodes[edge.to] as Placed];
  const [low, high] = [layerOf[edge.to] as number, layerOf[edge.from] as number];
  const right = Math.max(...nodes.filter((_, at) => (layerOf[at] as number) >= low && (layerOf[at] as number) <= high).map((node) => node.x + node.width));
  const isLoop = edge.from === edge.to;
  const [fromX, fromY] = [from.x + from.width, from.y + from.height * (isLoop ? 0.75 : 0.5)];
  const [toX, toY] = [to.x + to.width, to.y + to.height * (isLoop ? 0.25 : 0.6)];
  const far = (isLoop ? fromX : right) + Math.min(SIDE - 14, isLoop ? 22 : 16 + 4 * (high - low));
  return {
    line: isLoop || right - Math.min(fromX, toX) < 4
      ? `M${px(fromX)} ${px(fromY)}C${px(far)} ${px(fromY)} ${px(far)} ${px(toY)} ${px(toX)} ${px(toY)}`
      : `M${px(fromX)} ${px(fromY)}C${px(far)} ${px(fromY)} ${px(far)} ${px(fromY)} ${px(far)} ${px(fromY - 14)}V${px(toY + 14)}C${px(far)} ${px(toY)} ${px(far)} ${px(toY)} ${px(toX)} ${px(toY)}`,
    head: `M${px(toX + 6)} ${px(toY - 4)}L${px(toX)} ${px(toY)}L${px(toX + 6)} ${px(toY + 4)}`,
    x: isLoop ? (fromX + 3 * far) / 4 : right - Math.min(fromX, toX) < 4 ? (right + 3 * far) / 4 : far,
    y: (fromY + toY) / 2,
  };
}
