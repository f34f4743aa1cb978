/** The gate every address from a trace passes before it may become a link. */

const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/** The normalised address when it is absolute and http, https or mailto; null otherwise. */
export function safeHref(address: string): string | null {
  // Browsers drop tabs and newlines inside addresses, so "java\nscript:" has to fail before parsing.
  if (/[\u0000-\u0020\u007f]/.test(address.trim())) return null;
  try {
    const url = new URL(address.trim());
    return SCHEMES.has(url.protocol) ? url.href : null;
  } catch {
    return null; // not an absolute address: shown as text
  }
}

/** What is shown beside a link's text so that the reader sees where it leads. */
export function linkTarget(href: string): string {
  const url = new URL(href);
  if (url.protocol === "mailto:") return url.pathname;
  const path = url.pathname === "/" ? "" : url.pathname;
  const tail = path + url.search;
  return url.host + (tail.length > 28 ? `${tail.slice(0, 27)}…` : tail);
}
