/** The explorer as a whole: header, the view chosen, footer, and the keys that work everywhere in it. */

import * as preact from "preact";
import { render, type JSX } from "preact";
import * as hooks from "preact/hooks";
import { useEffect, useMemo } from "preact/hooks";
import * as jsx from "preact/jsx-runtime";
import * as signals from "@preact/signals";
import { useSignal } from "@preact/signals";
import { Explorer } from "../core/explorer.ts";
import { isChord, runKey, type Keys } from "../core/keys.ts";
import { SLOW_MS, type Host } from "../core/rpc.ts";
import { scrollByKey } from "../core/scroll.ts";
import { followTheme, keepKeys } from "../core/theme.ts";
import { ExplorerContext, newPrefix, PrefixContext, useExplorer, usePrefix } from "./context.ts";
import { Footer } from "./Footer.tsx";
import { FindNote, Header } from "./Header.tsx";
import { KeyList } from "./KeyList.tsx";
import * as kit from "./kit.ts";
import { bodyStyle, HeightGrip } from "./Panes.tsx";
import { Busy } from "./Small.tsx";
import { Split } from "./Split.tsx";
import { TreePane } from "./Tree.tsx";

/** What has the keys of a view, the tree or another. */
const MAIN = ".sb-tree, .sb-main";

/** Draw an explorer into `el` and keep it until the returned function is called. */
export function mountExplorer(el: HTMLElement, host: Host, css: string): () => void {
  const root = el.ownerDocument.createElement("div");
  root.className = "sb sb-explorer";
  el.append(root);
  const explorer = new Explorer(host, { preact, "preact/hooks": hooks, "preact/jsx-runtime": jsx, "@preact/signals": signals, kit });
  const prefix = newPrefix();
  const onKeyDown = (event: KeyboardEvent): void => {
    if (!event.defaultPrevented) anywhere(explorer, root, event);
  };
  keepKeys(root);
  root.addEventListener("keydown", onKeyDown);
  const stopTheme = followTheme(root);
  const stopFocus = keepFocus(root);
  render(
    <ExplorerContext.Provider value={explorer}>
      <PrefixContext.Provider value={prefix}>
        <style>{css}</style>
        <App root={root} />
      </PrefixContext.Provider>
    </ExplorerContext.Provider>,
    root,
  );
  void explorer.start();
  return () => {
    stopTheme();
    stopFocus();
    explorer.dispose();
    render(null, root);
    root.remove();
  };
}

const focusOn = (root: HTMLElement, selector: string): void => root.querySelector<HTMLElement>(selector)?.focus();

/**
 * When what had the focus is taken away (a button that did its work), move it to the pane around instead of
 * letting it fall to the page, where the next key would be the notebook's.
 */
function keepFocus(root: HTMLElement): () => void {
  let last: HTMLElement | null = null;
  let pane = "";
  const remember = (event: FocusEvent): void => {
    last = event.target as HTMLElement;
    pane = last.closest(".sb-right") ? ".sb-detail" : last.closest(".sb-convo") ? ".sb-convo" : MAIN;
  };
  const check = (): void => {
    if (!last || last.isConnected || !root.isConnected) return;
    last = null;
    if (!root.matches(":focus-within")) focusOn(root, pane);
  };
  // Some browsers say "focusout" just before they remove an element, others never do: hence both ways.
  const forget = (): void => {
    const left = last;
    queueMicrotask(() => {
      if (last !== left) return;
      check();
      last = null;
    });
  };
  const observer = new MutationObserver(check);
  root.addEventListener("focusin", remember);
  root.addEventListener("focusout", forget);
  observer.observe(root, { childList: true, subtree: true });
  return () => observer.disconnect();
}

/** Keys that work wherever the focus is in the explorer, except while typing. */
function anywhere(x: Explorer, root: HTMLElement, event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  if (event.key === "Escape") {
    event.preventDefault();
    if (x.showKeys.peek()) x.showKeys.value = false;
    else if (x.find.query.peek() !== "" && !target.closest(".sb-right")) x.find.clear();
    focusOn(root, MAIN);
    return;
  }
  if (isChord(event) || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
  const keys: Keys = {
    "/": () => {
      x.setView("tree");
      setTimeout(() => focusOn(root, ".sb-find input"), 0);
    },
    "?": () => (x.showKeys.value = !x.showKeys.peek()),
    e: () => x.nextError(1),
    E: () => x.nextError(-1),
    s: () => x.jump("time"),
    S: () => x.jump("time", -1),
    d: () => x.jump("cost"),
    D: () => x.jump("cost", -1),
    n: () => x.nextMatch(1),
    N: () => x.nextMatch(-1),
  };
  runKey(keys, event);
  scrollByKey(root, event);
}

function App({ root }: { root: HTMLElement }): JSX.Element {
  const x = useExplorer();
  const focusTree = useMemo(() => () => setTimeout(() => focusOn(root, MAIN), 0), [root]);
  return (
    <>
      <Header focusTree={focusTree} />
      <FindNote />
      {x.moreCss.value !== "" && <style>{x.moreCss.value}</style>}
      {x.table.value === null ? <NoTrace /> : x.table.value.n === 0 ? <Empty /> : <View focusTree={focusTree} />}
      <Footer />
      <KeyList
        isShown={x.showKeys}
        keys={x.showKeys.value ? (x.parts()?.keys ?? [[["?"], x.moreError.value ?? "Loading…"]]) : []}
        close={() => {
          x.showKeys.value = false;
          focusTree();
        }}
      />
      <HeightGrip height={x.height} set={(px) => root.isConnected && x.setHeight(px)} />
    </>
  );
}

function NoTrace(): JSX.Element {
  const x = useExplorer();
  if (x.problem.value !== null) return <div class="sb-note" role="status">{x.problem.value}</div>;
  if (x.loadIsSlow.value) return <Busy />;
  return <div class="sb-note">Loading…</div>;
}

function Empty(): JSX.Element {
  const x = useExplorer();
  return (
    <div class="sb-note" role="status">
      {x.isLive.value ? "Nothing has happened yet in this trace." : "This trace has no spans. Re-run this cell to make some."}
    </div>
  );
}

function View({ focusTree }: { focusTree: () => void }): JSX.Element {
  const x = useExplorer();
  const view = x.view.value;
  if (view === "tree") return <Split what="tree" panelOf="tree">{(focusDetail) => <TreePane focusDetail={focusDetail} />}</Split>;
  return <div style={bodyStyle(x.height.value)}><OtherView id={view} toTree={focusTree} /></div>;
}

/** A view that is loaded when it is first wanted. */
function OtherView({ id, toTree }: { id: string; toTree: () => void }): JSX.Element {
  const x = useExplorer();
  const prefix = usePrefix();
  const isSlow = useSignal(false);
  useEffect(() => {
    const timer = setTimeout(() => (isSlow.value = true), SLOW_MS);
    return () => clearTimeout(timer);
  }, [id]);
  const Found = x.parts()?.views[id];
  return (
    <div class="sb-view" role="tabpanel" id={`${prefix}-view-panel`} aria-labelledby={`${prefix}-view-${id}`}>
      {Found ? <Found toTree={toTree} /> : x.moreError.value !== null ? <div class="sb-note sb-err">{x.moreError.value}</div> : isSlow.value ? <Busy /> : null}
    </div>
  );
}
