/** Images and other files of a trace: raster images are shown, sounds played, everything else is named; all can be saved. */

import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { isPlayed, isShown } from "../core/blobs.ts";
import { formatBytes } from "../core/format.ts";
import { isLong, type Long } from "../core/types.ts";
import { BUSY } from "./Small.tsx";
import { useExplorer, useFetched } from "./context.ts";

/** Larger images are fetched on click. */
const MOST_AT_ONCE = 8_000_000;

interface MediaProps {
  digest: string;
  mimeType: string;
  size: number | null;
  name?: string;
}

export function Media({ digest, mimeType, size, name }: MediaProps): JSX.Element {
  const caption = [name, mimeType, size === null ? "" : formatBytes(size)].filter(Boolean).join(" · ");
  const x = useExplorer();
  const save = <Save digest={digest} mimeType={mimeType} name={name} />;
  if (!isShown(mimeType) && !isPlayed(mimeType)) return <span class="sb-file">{caption} {save}</span>;
  return <Shown of={digest} load={() => x.blobs.image(digest)} mimeType={mimeType} size={size} alt={name || "image"} caption={caption} more={save} />;
}

/** The media type of a text that is a `data:` URL of a picture or a sound; "" for every other text. */
export function mediaTypeOf(text: string): string {
  const type = /^data:([a-z]+\/[\w.+-]+);base64,/i.exec(text.slice(0, 100))?.[1] ?? "";
  return isShown(type) || isPlayed(type) ? type : "";
}

/** A `data:` URL as what it is, and on demand as the text that it is too. */
export function DataUrl({ value, row, mimeType, children }: { value: string | Long; row: number; mimeType: string; children: ComponentChildren }): JSX.Element {
  const x = useExplorer();
  const [isText, showText] = useState(false);
  const bytes = (isLong(value) ? value.size : value.length) * 0.75;
  const load = async (): Promise<string> => x.blobs.inline(await x.fullText(row, value), mimeType);
  const more = <button type="button" class="sb-link" aria-expanded={isText} onClick={() => showText(!isText)}>as text</button>;
  return (
    <>
      <Shown of={value} load={load} mimeType={mimeType} size={bytes} alt="image" caption={`${mimeType} · ${formatBytes(bytes)}`} more={more} />
      {isText && children}
    </>
  );
}

interface ShownProps {
  /** What is shown; another one is loaded anew. */
  of: unknown;
  load: () => Promise<string>;
  mimeType: string;
  size: number | null;
  alt: string;
  caption: string;
  more: JSX.Element;
}

/** A picture or a sound, with what it is below it. */
function Shown({ of, load, mimeType, size, alt, caption, more }: ShownProps): JSX.Element {
  const [wanted, want] = useState(size === null || size <= MOST_AT_ONCE);
  if (isPlayed(mimeType)) return <Sound load={load} caption={caption} more={more} />;
  return (
    <div class="sb-media">
      {wanted ? <Image of={of} load={load} alt={alt} /> : <button type="button" class="sb-link" onClick={() => want(true)}>show image</button>}
      <span class="sb-small">{caption} {more}</span>
    </div>
  );
}

/** A sound, fetched when it is to be played. */
function Sound({ load, caption, more }: { load: () => Promise<string>; caption: string; more: JSX.Element }): JSX.Element {
  const [url, setUrl] = useState("");
  const [problem, setProblem] = useState("");
  const play = (): void => void load().then(setUrl, (error: Error) => setProblem(error.message));
  return (
    <div class="sb-media">
      {url === "" ? <button type="button" class="sb-link" onClick={play}>play</button> : <audio controls autoplay src={url} aria-label={caption} />}
      <span class="sb-small">{caption} {more}</span>
      {problem && <span class="sb-err">{problem}</span>}
    </div>
  );
}

function Image({ of, load, alt }: { of: unknown; load: () => Promise<string>; alt: string }): JSX.Element {
  const x = useExplorer();
  const { value, error } = useFetched(of, load);
  if (error) return <span>{x.closed.value === null ? error : "No kernel: re-run this cell to see this image."}</span>;
  if (!value) return <span>{x.details.isSlow.value ? BUSY : "loading…"}</span>;
  return <img src={value} alt={alt} />;
}

function Save({ digest, mimeType, name }: { digest: string; mimeType: string; name: string | undefined }): JSX.Element {
  const x = useExplorer();
  const [problem, setProblem] = useState("");
  const save = async (near: HTMLElement): Promise<void> => {
    try {
      const link = near.ownerDocument.createElement("a");
      link.href = await x.blobs.file(digest);
      link.download = (name || `${digest.slice(0, 12)}.${mimeType.split("/")[1] ?? "bin"}`).replace(/[^\w.-]+/g, "_").replace(/^\.+/, "_").slice(-100);
      near.after(link);
      link.click();
      link.remove();
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  return (
    <>
      <button type="button" class="sb-link" onClick={(event) => void save(event.currentTarget)}>save</button>
      {problem && <span class="sb-err"> {problem}</span>}
    </>
  );
}
