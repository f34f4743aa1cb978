/** The context of the parts of a comparison. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Comparing } from "../core/comparing.ts";

export const ComparingContext = createContext<Comparing | null>(null);

export function useComparing(): Comparing {
  const comparing = useContext(ComparingContext);
  if (!comparing) throw new Error("useComparing needs a ComparingContext above it.");
  return comparing;
}
