/** The graph: steps and tools put together by name, what calls what, what follows what, and where it goes round. */

import type { JSX, TargetedKeyboardEvent } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { SpanTable } from "../core/columns.ts";
import { formatCount, formatDuration, formatMoney, plural } from "../core/format.ts";
import { isChord, runKey } from "../core/keys.ts";
import { graphOf, type Graph as Data, type GraphNode } from "../core/graph.ts";
import { picture, type Placed } from "../core/layers.ts";
import type { ViewProps } from "../core/more.ts";
import { Glyph, kindClass, Split, useExplorer } from "../ui/kit.ts";
import { useRevision } from "./useRevision.ts";

const LINE = 16;

export function Graph({ toTree }: ViewProps): JSX.Element {
  return <Split what="graph">{(focusDetail) => <Pane focusDetail={focusDetail} toTree={toTree} />}</Split>;
}

const hasMore = (node: GraphNode): boolean => node.tokens > 0 || node.cost >= 0 || node.errors > 0 || node.running > 0;

function Pane({ focusDetail, toTree }: ViewProps & { focusDetail(): void }): JSX.Element {
  const x = useExplorer();
  const table = x.table.value as SpanTable;
  const revision = useRevision(500);
  const graph = useMemo(() => graphOf(x.tree.peek(), table, (row) => x.rowEnd(table, row)), [table, revision]);
  const box = useRef<HTMLDivElement>(null);
  const width = useSignal(0);
  useLayoutEffect(() => {
    const el = box.current;
    if (!el) return;
    const measure = (): void => {
      width.value = el.clientWidth;
    };
    const observer = new ResizeObserver(measure);
    observer.observe(el);
    measure();
    return () => observer.disconnect();
  }, []);
  const drawn = useMemo(() => picture(graph.nodes.map((node) => 30 + LINE * (hasMore(node) ? 2 : 1)), graph.edges, width.value), [graph, width.value]);
  const selected = x.selected.value;
  const here = graph.nodeOf[selected] ?? -1;
  const node = graph.nodes[here];
  const at = node ? node.rows.indexOf(selected) : -1;
  useLayoutEffect(() => {
    const el = box.current;
    const place = drawn.nodes[here];
    if (!el || !place || width.value === 0) return;
    if (place.y < el.scrollTop) el.scrollTop = place.y - LINE;
    else if (place.y + place.height > el.scrollTop + el.clientHeight) el.scrollTop = place.y + place.height + LINE - el.clientHeight;
  }, [here, drawn]);
  const step = (by: 1 | -1): void => {
    if (node) x.select(node.rows[(at + by + node.rows.length) % node.rows.length] as number);
  };
  const inTree = (): void => {
    if (!node) return;
    x.setView("tree");
    x.find.show(node.name, node.rows);
    toTree();
  };
  const focus = (to: number): void => {
    if (to >= 0) box.current?.querySelectorAll<HTMLElement>(".sb-gnode")[to]?.focus();
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    if (isChord(event)) return;
    const from = Number((event.target as HTMLElement).dataset.node ?? Math.max(0, here));
    const keys: Record<string, () => void> = {
      ArrowDown: () => focus(beside(drawn.nodes, from, 0, 1)), ArrowUp: () => focus(beside(drawn.nodes, from, 0, -1)),
      ArrowRight: () => focus(beside(drawn.nodes, from, 1, 0)), ArrowLeft: () => focus(beside(drawn.nodes, from, -1, 0)),
      Home: () => focus(0), End: () => focus(graph.nodes.length - 1),
      n: () => step(1), N: () => step(-1),
    };
    if (event.key === "Enter" && from === here) keys.Enter = focusDetail;
    runKey(keys, event);
  };
  const main = Math.max(0, here);
  return (
    <div class="sb-graph">
      <div class="sb-bar-top">
        {node ? (
          <>
            <span class="sb-t"><b>{node.name}</b> {formatCount(at + 1)} of {formatCount(node.rows.length)}</span>
            {node.rows.length > 1 && <button type="button" aria-label={`Previous span of ${node.name}`} title="Previous span of this step (N)" onClick={() => step(-1)}>‹</button>}
            {node.rows.length > 1 && <button type="button" aria-label={`Next span of ${node.name}`} title="Next span of this step (n)" onClick={() => step(1)}>›</button>}
            <button type="button" title="Show the spans of this step in the tree" onClick={inTree}>Show in tree</button>
          </>
        ) : (
          <span>Choose a step</span>
        )}
        <span class="sb-shown sb-legend" aria-hidden="true"><i class="sb-calls" /> calls <i /> then</span>
      </div>
      {graph.left > 0 && <div class="sb-note">{plural(graph.left, "span")} of other names are not drawn; the tree has them.</div>}
      <div class="sb-gbox" ref={box} role="group" aria-label="Steps of the trace" onKeyDown={onKeyDown}>
        <div class="sb-gspace" style={{ height: `${drawn.height}px` }}>
          <svg width={drawn.width} height={drawn.height} aria-hidden="true">
            {graph.edges.map((edge, i) => {
              const way = drawn.ways[i];
              const isNear = edge.from === here || edge.to === here;
              return way && (
                <g key={`${edge.from} ${edge.to} ${edge.what}`} class={`sb-edge sb-${edge.what}${edge.isBack ? " sb-cycle" : ""}${isNear ? " sb-here" : ""}`}>
                  <path d={way.line} />
                  <path class="sb-head-of" d={way.head} />
                  {(edge.count > 1 || edge.isBack) && <text x={way.x} y={way.y + 3.5}>{`×${formatCount(edge.count)}`}</text>}
                </g>
              );
            })}
          </svg>
          {drawn.nodes.map((place, i) => (
            <Node
              key={i}
              at={i}
              node={graph.nodes[i] as GraphNode}
              place={place}
              links={links(graph, i)}
              isHere={i === here}
              isMain={i === main}
              choose={() => (i === here ? step(1) : x.select(graph.nodes[i]?.rows[0] ?? -1))}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

interface NodeProps {
  at: number;
  node: GraphNode;
  place: Placed;
  links: string;
  isHere: boolean;
  isMain: boolean;
  choose(): void;
}

function Node({ at, node, place, links: said, isHere, isMain, choose }: NodeProps): JSX.Element {
  const times = node.rows.length;
  return (
    <button
      type="button"
      class={`sb-gnode ${kindClass(node.kind)}${isMain ? " sb-main" : ""}${node.errors > 0 ? " sb-bad" : ""}`}
      data-node={at}
      style={{ left: `${place.x}px`, top: `${place.y}px`, width: `${place.width}px`, height: `${place.height}px` }}
      tabIndex={isMain ? 0 : -1}
      aria-pressed={isHere}
      title={node.name}
      onClick={choose}
    >
      <span class="sb-gname">
        <Glyph kind={node.kind} />
        <span class="sb-t" dir="auto">{node.name}</span>
        {times > 1 && <b class="sb-times">×{formatCount(times)}</b>}
        <span class="sb-sr"> {node.kind}, </span>
      </span>
      <span class="sb-gfacts">{`${formatDuration(node.total_ms)}${times > 1 ? ` · median ${formatDuration(node.median_ms)}` : ""}`}</span>
      {hasMore(node) && (
        <span class="sb-gfacts">
          {node.errors > 0 && <span class="sb-err">{plural(node.errors, "error")} </span>}
          {[node.running > 0 ? `${formatCount(node.running)} running` : "", node.tokens > 0 ? `${formatCount(node.tokens)} tok` : "", node.cost >= 0 ? formatMoney(node.cost) : ""].filter(Boolean).join(" · ")}
        </span>
      )}
      {said !== "" && <span class="sb-sr">, {said}</span>}
    </button>
  );
}

/** The edges from a node in words. */
function links({ nodes, edges }: Data, at: number): string {
  const to = (what: string): string =>
    edges
      .filter((edge) => edge.from === at && edge.what === what)
      .map((edge) => `${nodes[edge.to]?.name}${edge.count > 1 ? ` ${formatCount(edge.count)} times` : ""}`)
      .join(", ");
  const [calls, then] = [to("calls"), to("then")];
  return [calls && `calls ${calls}`, then && `then ${then}`].filter(Boolean).join(", ");
}

/** The nearest node in a direction, in the next layer or beside it; -1 when there is none. */
function beside(nodes: readonly Placed[], from: number, right: number, below: number): number {
  const now = nodes[from];
  if (!now) return -1;
  let best = -1;
  let least = Infinity;
  nodes.forEach((node, at) => {
    const [dx, dy] = [node.x - now.x, node.y - now.y];
    const ahead = right === 0 ? dy * below : dy === 0 ? dx * right : 0;
    if (ahead <= 0) return;
    const far = right === 0 ? ahead * 1000 + Math.abs(dx) : ahead;
    if (far < least) [best, least] = [at, far];
  });
  return best;
}
