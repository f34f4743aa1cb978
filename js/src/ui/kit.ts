/**
 * What the parts that are loaded on first use (src/more) take from the explorer that loads them: one Preact, one
 * context, one set of small pieces. They import from here, and from src/core, and from nothing else in src/ui.
 */

export * from "./context.ts";
export * from "./Small.tsx";
export { CopyBoth } from "./CopyBoth.tsx";
export { ErrorHead } from "./ErrorBox.tsx";
export { Json } from "./Json.tsx";
export { Messages } from "./Messages.tsx";
export { useLength } from "./lines.tsx";
export { Text } from "./Text.tsx";
export { Split } from "./Split.tsx";
