/** Images and other files of a trace: raster images are shown, sounds played, everything else is named; all can be saved. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { isPlayed, isShown } from "../core/blobs.ts";
import { formatBytes } from "../core/format.ts";
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
  const [wanted, want] = useState(size === null || size <= MOST_AT_ONCE);
  const caption = [name, mimeType, size === null ? "" : formatBytes(size)].filter(Boolean).join(" · ");
  if (isPlayed(mimeType)) return <Sound digest={digest} caption={caption} save={<Save digest={digest} mimeType={mimeType} name={name} />} />;
  if (!isShown(mimeType)) return <span class="sb-file">{caption} <Save digest={digest} mimeType={mimeType} name={name} /></span>;
  return (
    <div class="sb-media">
      {wanted ? <Image digest={digest} alt={name || "image"} /> : <button type="button" class="sb-link" onClick={() => want(true)}>show image</button>}
      <span class="sb-small">
        {caption} <Save digest={digest} mimeType={mimeType} name={name} />
      </span>
    </div>
  );
}

/** A sound, fetched when it is to be played. */
function Sound({ digest, caption, save }: { digest: string; caption: string; save: JSX.Element }): JSX.Element {
  const x = useExplorer();
  const [url, setUrl] = useState("");
  const [problem, setProblem] = useState("");
  const play = (): void => void x.blobs.image(digest).then(setUrl, (error: Error) => setProblem(error.message));
  return (
    <div class="sb-media">
      {url === "" ? <button type="button" class="sb-link" onClick={play}>play</button> : <audio controls autoplay src={url} aria-label={caption} />}
      <span class="sb-small">{caption} {save}</span>
      {problem && <span class="sb-err">{problem}</span>}
    </div>
  );
}

function Image({ digest, alt }: { digest: string; alt: string }): JSX.Element {
  const x = useExplorer();
  const { value, error } = useFetched(digest, () => x.blobs.image(digest));
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
