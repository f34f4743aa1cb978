/**
 * Which of the two colour sets fits the page: what the page says first, what it looks like otherwise.
 *
 * CSS alone cannot tell: Lab, VS Code and marimo each mark another element, marimo's is outside our shadow
 * root, VS Code's outside our frame.
 */

type Theme = "light" | "dark";

function declared(doc: Document): Theme | null {
  const { body, documentElement: html } = doc;
  const lab = body?.dataset.jpThemeLight;
  if (lab) return lab === "false" ? "dark" : "light";
  const code = body?.dataset.vscodeThemeKind;
  if (code) return code.includes("light") ? "light" : "dark";
  for (const element of [html, body]) {
    const named = element?.dataset.theme ?? element?.getAttribute("theme");
    if (element?.classList.contains("dark") || named === "dark") return "dark";
    if (element?.classList.contains("light") || named === "light") return "light";
  }
  return null;
}

function parentDocument(doc: Document): Document | null {
  try {
    const parent = doc.defaultView?.parent;
    return parent && parent !== doc.defaultView ? parent.document : null;
  } catch {
    return null; // the outer page is of another origin and may not be read
  }
}

function painted(el: Element): Theme | null {
  for (let at: Element | null = el; at; at = at.parentElement ?? ((at.getRootNode() as ShadowRoot).host as Element | undefined) ?? null) {
    const rgba = getComputedStyle(at).backgroundColor.match(/[\d.]+/g)?.map(Number);
    if (!rgba || rgba.length < 3 || (rgba[3] ?? 1) < 0.5) continue;
    const [r = 0, g = 0, b = 0] = rgba;
    return 0.299 * r + 0.587 * g + 0.114 * b < 128 ? "dark" : "light";
  }
  return null;
}

/** Keep `data-theme` of the root right for as long as it lives; returns the function that stops. */
export function followTheme(root: HTMLElement): () => void {
  const doc = root.ownerDocument;
  const outer = parentDocument(doc);
  const apply = (): void => {
    const parent = root.parentElement;
    const theme = declared(doc) ?? (outer && declared(outer)) ?? (parent && painted(parent));
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  const observer = new MutationObserver(apply);
  for (const each of [doc, outer]) {
    for (const element of [each?.documentElement, each?.body]) if (element) observer.observe(element, { attributes: true });
  }
  // Whether we stand in the page yet is not known while render() runs, and without it nothing is painted.
  const soon = setTimeout(apply, 0);
  apply();
  return () => {
    clearTimeout(soon);
    observer.disconnect();
  };
}

/** Hide the static snapshot that this widget stands in for; returns the function that gives it back. */
export function hideSnapshot(doc: Document, snap: unknown): () => void {
  if (typeof snap !== "string" || !/^[\w-]+$/.test(snap)) return () => undefined;
  const rule = doc.createElement("style"); // a rule, since the snapshot may be replaced while we live
  rule.textContent = `.sb-snap-${snap}{display:none!important}`;
  doc.head.append(rule);
  return () => rule.remove();
}

/**
 * Keep keys pressed in `root` from the notebook ("d d" in command mode deletes the cell); saving goes through.
 *
 * JupyterLab listens where events end, so ending them here is enough. Notebook 7 listens where they begin, before any
 * widget is asked, and leaves out an element with this attribute (not what is in one); while Control or Command is
 * held, keys are the host's again.
 */
export function keepKeys(root: HTMLElement): void {
  const mark = (event: Event): void => {
    const { ctrlKey, metaKey, key } = event as KeyboardEvent;
    const isChord = ctrlKey || metaKey;
    (event.target as Element).toggleAttribute("data-lm-suppress-shortcuts", !isChord);
    if (key && !(isChord && key === "s")) event.stopPropagation();
  };
  for (const type of ["keydown", "keyup", "focusin"]) root.addEventListener(type, mark);
}
