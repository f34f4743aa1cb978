/** Copy a value whole: as text, and as Python. */

import type { JSX } from "preact";
import { toPython } from "../core/python.ts";
import type { Json } from "../core/types.ts";
import { useExplorer } from "./context.ts";
import { Copy } from "./Small.tsx";

export function CopyBoth({ value, row, what }: { value: Json; row: number; what: string }): JSX.Element {
  const x = useExplorer();
  return (
    <>
      <Copy title={`Copy ${what}`} text={() => x.fullText(row, value)} />
      <Copy title={`Copy ${what} as Python`} label="python" text={async () => toPython(await x.whole(row, value))} />
    </>
  );
}
