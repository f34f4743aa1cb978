import { createContext } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";
import type { Explorer } from "../core/explorer.ts";

export const ExplorerContext = createContext<Explorer | null>(null);

export function useExplorer(): Explorer {
  const explorer = useContext(ExplorerContext);
  if (!explorer) throw new Error("useExplorer needs an ExplorerContext above it.");
  return explorer;
}

/** A prefix for element ids, since a page holds many explorers. */
let instances = 0;
export const newPrefix = (): string => `sb${++instances}-${Math.random().toString(36).slice(2, 7)}`;
export const PrefixContext = createContext("sb");
export const usePrefix = (): string => useContext(PrefixContext);

/** Something fetched for as long as the component lives; refetched when `key` changes. */
export function useFetched<T>(key: unknown, fetch: () => Promise<T>): { value?: T; error?: string } {
  const [state, setState] = useState<{ value?: T; error?: string }>({});
  const latest = useRef(0);
  useEffect(() => {
    const ticket = ++latest.current;
    fetch().then(
      (value) => ticket === latest.current && setState({ value }),
      (error: Error) => ticket === latest.current && setState({ error: error.message }),
    );
    return () => {
      latest.current++;
    };
  }, [key]);
  return state;
}
