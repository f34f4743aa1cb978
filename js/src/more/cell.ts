/** The notebook around us, as far as the page shows it: going to a cell, and a link to one. */

import type { Cell } from "../core/types.ts";
import { toClipboard } from "../ui/kit.ts";

/** The cell that has this prompt, in the notebook that `from` stands in; null where the page shows no such thing. */
export function findCell(from: Element, { execution_count: count }: Cell): HTMLElement | null {
  if (typeof count !== "number") return null;
  const notebook = from.closest(".jp-Notebook");
  for (const prompt of notebook?.querySelectorAll(".jp-InputPrompt") ?? []) {
    if (prompt.textContent.trim() === `[${count}]:`) return prompt.closest<HTMLElement>(".jp-Cell");
  }
  return null;
}

/**
 * Show the cell; false where the page is no notebook that can. JupyterLab finds it by its id, which stays when it is
 * run again or the kernel starts anew; elsewhere its prompt has to say its number still.
 */
export function goToCell(from: Element, cell: Cell): boolean {
  const doc = from.ownerDocument;
  if (cell.id && from.closest(".jp-Notebook") && doc.querySelector(".jp-LabShell")) {
    doc.location.hash = ""; // the same twice would be no change
    doc.location.hash = `cell-id=${encodeURIComponent(cell.id)}`;
    return true;
  }
  const found = findCell(from, cell);
  found?.scrollIntoView({ block: "nearest" });
  return found !== null;
}

/** A link that JupyterLab and Notebook follow to a cell: whole where they show the page, else relative to the notebook's folder. */
export function cellLink(from: Element, cell: Cell): string | null {
  if (!cell.id) return null;
  const hash = `#cell-id=${encodeURIComponent(cell.id)}`;
  const { origin, pathname } = from.ownerDocument.location;
  if (from.closest(".jp-Notebook")) return origin + pathname + hash;
  return cell.notebook ? encodeURI(cell.notebook) + hash : null;
}

export async function visitCell(from: HTMLElement, cell: Cell, copy: boolean): Promise<string> {
  if (!copy && goToCell(from, cell)) return "";
  const link = cellLink(from, cell);
  if (link === null) return "this page does not show the cell";
  await toClipboard(link, from);
  return "link copied";
}
