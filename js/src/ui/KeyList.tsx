/** The list of all keys of a view. */

import type { JSX } from "preact";
import type { Signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";

interface KeyListProps {
  isShown: Signal<boolean>;
  keys: [string[], string][];
  close(): void;
}

export function KeyList({ isShown, keys, close }: KeyListProps): JSX.Element | null {
  const box = useRef<HTMLDivElement>(null);
  const shown = isShown.value;
  useLayoutEffect(() => {
    if (shown) box.current?.focus();
  }, [shown]);
  if (!shown) return null;
  return (
    <div class="sb-keys" role="dialog" aria-label="Keys" tabIndex={-1} ref={box}>
      <h3>
        Keys <button type="button" class="sb-small" onClick={close}>close</button>
      </h3>
      <dl>
        {keys.map(([each, what]) => [<dt key={what}>{each.map((key) => <kbd key={key}>{key}</kbd>)}</dt>, <dd key={`${what}.`}>{what}</dd>])}
      </dl>
    </div>
  );
}
