/** A part of the detail that is loaded when it is first wanted. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { PaneProps } from "../core/more.ts";
import { SLOW_MS } from "../core/rpc.ts";
import { useExplorer } from "./context.ts";
import { Busy } from "./Small.tsx";

/** `fallback` stands in for a part that cannot be loaded. */
export function Pane({ id, fallback, row, detail, value, label, onFound }: PaneProps & { id: string; fallback?: ComponentChildren }): JSX.Element {
  const x = useExplorer();
  const [isSlow, setSlow] = useState(false);
  const Found = x.parts()?.panes[id];
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, []);
  if (Found) return <Found row={row} detail={detail} value={value} label={label} onFound={onFound} />;
  if (fallback !== undefined && (isSlow || x.moreError.value !== null)) return <>{fallback}</>;
  if (x.moreError.value !== null) return <div class="sb-err">{x.moreError.value}</div>;
  return isSlow ? <Busy /> : <></>;
}
