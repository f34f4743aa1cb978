/**
 * Modules that are fetched from the kernel on first use: the explorer by the chip, the markdown lexer by the
 * explorer. One import per page and version, whichever widget asked first.
 */

import type { Host } from "./rpc.ts";

const page = globalThis as { __spanbook?: Map<string, Promise<unknown>> };

/** The module of that name, from this page's cache when the same bytes were imported before. */
export async function loadModule<T>(rpc: Host["rpc"], name: string, sha256: string): Promise<T> {
  const modules = (page.__spanbook ??= new Map());
  const known = modules.get(sha256) as Promise<T> | undefined;
  if (known) return known;
  const { result, buffers } = await rpc<{ sha256: string }>("asset", { name, sha256 });
  const code = buffers[0];
  if (!code) throw new Error(`The kernel sent no ${name}; reinstall spanbook.`);
  const url = URL.createObjectURL(new Blob([code as DataView<ArrayBuffer>], { type: "text/javascript" }));
  const loading = (import(url) as Promise<T>).finally(() => URL.revokeObjectURL(url));
  // Kept only now: a request that waits for one busy kernel must not hold up the others of the page.
  modules.set(result.sha256, loading);
  return loading;
}
