/** An error with its traceback: first where it is in the reader's own code, then all of it, libraries folded. */

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { formatCount } from "../../core/format.ts";
import type { PaneProps } from "../../core/more.ts";
import { culprit, fileName, foldLibraries, packageOf, readTraceback, type Frame } from "../../core/traceback.ts";
import { hasLong, textOf } from "../../core/types.ts";
import { Copy, ErrorHead, Section, useExplorer, useFetched } from "../../ui/kit.ts";

export function Failure({ row, detail }: PaneProps): JSX.Element | null {
  const x = useExplorer();
  const error = detail?.error;
  const given = error?.traceback ?? null;
  // A long one is fetched whole: the frames that matter are its last.
  const fetched = useFetched(hasLong(given) ? row : null, async () => (hasLong(given) ? x.fullText(row, given) : null));
  const text = fetched.value ?? textOf(given);
  const blocks = useMemo(() => readTraceback(text), [text]);
  const first = useMemo(() => culprit(blocks), [blocks]);
  if (!error) return null;
  return (
    <>
      <ErrorHead error={error} row={row} />
      {first && (
        <Section title={first.where === "cell" ? "In your cell" : "In your code"}>
          <FrameView frame={first} isFirst />
        </Section>
      )}
      {text !== "" && (
        <Section title="Traceback" side={<Copy title="Copy traceback" text={() => x.fullText(row, given)} />}>
          <div class="sb-block sb-trace" tabIndex={0} role="group" aria-label="Traceback">
            {foldLibraries(blocks).map((block, i) => {
              if ("library" in block) return <Library key={i} frames={block.library} />;
              if ("frame" in block) return <FrameView key={i} frame={block.frame} isFirst={block.frame === first} />;
              return <pre key={i} class="sb-code">{block.text}</pre>;
            })}
          </div>
        </Section>
      )}
    </>
  );
}

function FrameView({ frame, isFirst = false }: { frame: Frame; isFirst?: boolean }): JSX.Element {
  return (
    <div class={`sb-frame${isFirst ? " sb-at" : ""}`}>
      <div title={`${frame.file}, line ${frame.line}`}>
        {fileName(frame)} <span class="sb-muted">line</span> {frame.line}
        {frame.name && <><span class="sb-muted">, in</span> {frame.name}</>}
      </div>
      {frame.code && <pre class="sb-code">{frame.code}</pre>}
    </div>
  );
}

/** Frames in libraries, of which the packages are named until all are asked for. */
function Library({ frames }: { frames: Frame[] }): JSX.Element {
  const [isOpen, open] = useState(false);
  const packages = [...new Set(frames.map(({ file }) => packageOf(file)))];
  const said = `${formatCount(frames.length)} ${frames.length === 1 ? "frame" : "frames"} in ${packages.slice(0, 3).join(", ")}${packages.length > 3 ? ", …" : ""}`;
  return (
    <>
      <button type="button" class="sb-lib" aria-expanded={isOpen} onClick={() => open(!isOpen)}>{isOpen ? "▾" : "▸"} {said}</button>
      {isOpen && frames.map((frame, i) => <FrameView key={i} frame={frame} />)}
    </>
  );
}
