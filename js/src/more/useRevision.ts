import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { useExplorer } from "../ui/kit.ts";

/** Follow the trace's revision, at most once in `ms`: what is made of the whole trace need not be made anew at 10 Hz. */
export function useRevision(ms: number): number {
  const x = useExplorer();
  const seen = useSignal(x.revision.peek());
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const off = x.revision.subscribe((revision) => {
      if (revision === seen.peek() || timer !== undefined) return;
      timer = setTimeout(() => {
        timer = undefined;
        seen.value = x.revision.peek();
      }, ms);
    });
    return () => {
      off();
      clearTimeout(timer);
    };
  }, [x]);
  return seen.value;
}
