/** A Python traceback read into its frames, so that the one in the user's cell can be pointed out. */

export interface Frame {
  file: string;
  line: number;
  name: string;
  /** The lines of source below the frame, with the marks of where in the line it was. */
  code: string;
  /** In a notebook cell, in code that is neither installed nor of Python itself, or in a library. */
  where: "cell" | "own" | "library";
}

export type Block = { frame: Frame } | { text: string };

const FRAME = /^  File "(.+)", line (\d+)(?:, in (.+))?$/;
/** How kernels name a cell's code: ipykernel's temporary files, IPython's own names, marimo's cells. */
const CELL = /[\\/]ipykernel_\d+[\\/]\d+\.py$|^<ipython-input-[^>]*>$|^Cell In ?\[|[\\/]?__marimo__cell_\w+|[\\/]xpython_\d+[\\/]\d+\.py$|^<stdin>$/;
const LIBRARY = /[\\/](?:site|dist)-packages[\\/]|[\\/]lib[\\/]python\d|^<frozen |[\\/]Python3?\d*[\\/]Lib[\\/]|[\\/]Frameworks[\\/]Python/i;

export function whereIs(file: string): Frame["where"] {
  if (CELL.test(file)) return "cell";
  return LIBRARY.test(file) || (file.startsWith("<") && file !== "<string>") ? "library" : "own";
}

/** The frames and the text between them, in order; text alone when it is no traceback that can be read. */
export function readTraceback(text: string): Block[] {
  const blocks: Block[] = [];
  let frame: Frame | null = null;
  for (const line of text.replace(/\n$/, "").split("\n")) {
    const found = FRAME.exec(line);
    if (found) {
      frame = { file: found[1] as string, line: Number(found[2]), name: found[3] ?? "", code: "", where: whereIs(found[1] as string) };
      blocks.push({ frame });
    } else if (frame && /^    /.test(line)) {
      frame.code += (frame.code === "" ? "" : "\n") + line.slice(4);
    } else {
      frame = null;
      const last = blocks[blocks.length - 1];
      if (last && "text" in last) last.text += `\n${line}`;
      else blocks.push({ text: line });
    }
  }
  return blocks;
}

/** The frame to look at first: the innermost one in a cell, else the innermost in code of the user's own. */
export function culprit(blocks: readonly Block[]): Frame | null {
  const frames = blocks.flatMap((block) => ("frame" in block ? [block.frame] : []));
  for (const where of ["cell", "own"] as const) {
    const found = frames.filter((frame) => frame.where === where);
    if (found.length > 0) return found[found.length - 1] as Frame;
  }
  return null;
}

/** Neighbouring frames of libraries as one run each. */
export function foldLibraries(blocks: readonly Block[]): (Block | { library: Frame[] })[] {
  const folded: (Block | { library: Frame[] })[] = [];
  for (const block of blocks) {
    const last = folded[folded.length - 1];
    if ("frame" in block && block.frame.where === "library") {
      if (last && "library" in last) last.library.push(block.frame);
      else folded.push({ library: [block.frame] });
    } else {
      folded.push(block);
    }
  }
  return folded;
}

/** The name of the package a library's file belongs to; "Python" for the standard library. */
export function packageOf(file: string): string {
  const parts = file.split(/[\\/]/);
  const at = parts.findLastIndex((part) => part === "site-packages" || part === "dist-packages");
  return at >= 0 && parts[at + 1] ? (parts[at + 1] as string).replace(/\.py$/, "") : "Python";
}

/** A file as short as it still says something: a cell's temporary file says nothing. */
export function fileName(frame: Frame): string {
  if (frame.where === "cell") return "your cell";
  const parts = frame.file.split(/[\\/]/);
  const at = parts.findLastIndex((part) => part === "site-packages" || part === "dist-packages");
  return at >= 0 ? parts.slice(at + 1).join("/") : parts.slice(-2).join("/");
}
