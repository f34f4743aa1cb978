/** Search inside one JSON value: how many matches, the next one, the one before. */

import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { formatCount } from "../../core/format.ts";
import { findInJson, type Finding } from "../../core/jsonfind.ts";
import type { PaneProps } from "../../core/more.ts";

const WAIT_MS = 120;

export function Search({ value = null, label = "value", onFound }: PaneProps): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [finding, setFinding] = useState<Finding | null>(null);
  const show = (next: Finding): void => {
    setFinding(next);
    onFound?.(next);
  };
  useLayoutEffect(() => input.current?.focus({ preventScroll: true }), []);
  useEffect(() => {
    const timer = setTimeout(() => show(findInJson(value, text.trim())), text === "" ? 0 : WAIT_MS);
    return () => clearTimeout(timer);
  }, [text, value]);
  const move = (by: 1 | -1): void => {
    const n = finding?.paths.length ?? 0;
    if (finding && n > 0) show({ ...finding, at: (finding.at + by + n) % n });
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLElement>): void => {
    if (event.key === "Enter" && event.target === input.current) move(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") {
      const tree = event.currentTarget.closest(".sb-jbox")?.querySelector<HTMLElement>(".sb-jl.sb-at, .sb-jl[tabindex='0']");
      onFound?.(null);
      tree?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const n = finding?.paths.length ?? 0;
  const said = !finding || text.trim() === "" ? "" : n === 0 ? "no match" : `${formatCount(finding.at + 1)} of ${formatCount(n)}${finding.isCut ? "+" : ""}`;
  return (
    <span class="sb-jfind" role="group" aria-label={`Search in ${label}`} onKeyDown={onKeyDown}>
      <input ref={input} type="text" aria-label={`Search in ${label}`} placeholder="Keys and values…" spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      <span class="sb-small" aria-live="polite">{said}</span>
      <button type="button" class="sb-small" title="Previous match (Shift+Enter)" aria-label="Previous match" disabled={n === 0} onClick={() => move(-1)}>↑</button>
      <button type="button" class="sb-small" title="Next match (Enter)" aria-label="Next match" disabled={n === 0} onClick={() => move(1)}>↓</button>
      <button type="button" class="sb-small" title="Close search (Escape)" aria-label="Close search" onClick={() => onFound?.(null)}>×</button>
    </span>
  );
}
