/** Files of a trace as object URLs, fetched once each and given back when the view goes. */

import { fromBase64 } from "./base64.ts";
import type { Host } from "./rpc.ts";

/** Raster formats that cannot carry script; everything else is only offered for saving. */
const SHOWN = new Set(["image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp"]);

/** Sounds that browsers play; an element that plays runs nothing. */
const PLAYED = new Set(["audio/mpeg", "audio/mp3", "audio/wav", "audio/x-wav", "audio/ogg", "audio/flac", "audio/mp4", "audio/webm"]);

export const isPlayed = (mimeType: string): boolean => PLAYED.has(mimeType.toLowerCase());
export const isShown = (mimeType: string): boolean => SHOWN.has(mimeType.toLowerCase());

export class Blobs {
  private readonly urls = new Map<string, Promise<string>>();
  private readonly inlined = new Map<string, string>();
  private readonly made: string[] = [];

  constructor(private readonly host: Host) {}

  /** URL of an image to show or a sound to play; rejects what is none of their formats. */
  image(digest: string): Promise<string> {
    return this.url(`show:${digest}`, digest, (mimeType) => {
      if (!isShown(mimeType) && !isPlayed(mimeType)) throw new Error(`${mimeType} is not shown here; save it instead.`);
      return mimeType;
    });
  }

  /** URL of the same bytes for saving, typed so that no browser opens them as a page. */
  file(digest: string): Promise<string> {
    return this.url(`save:${digest}`, digest, () => "application/octet-stream");
  }

  /** URL of the bytes in a `data:` text, as the type that was looked at: one that is shown or played. */
  inline(text: string, mimeType: string): string {
    let url = this.inlined.get(text);
    if (url === undefined) {
      try {
        url = this.kept(fromBase64(text.slice(text.indexOf(",") + 1)), mimeType);
      } catch {
        throw new Error("Its base64 is damaged.");
      }
      this.inlined.set(text, url);
    }
    return url;
  }

  dispose(): void {
    for (const url of this.made) URL.revokeObjectURL(url);
    this.made.length = 0;
    this.inlined.clear();
  }

  private url(key: string, digest: string, typeFor: (mimeType: string) => string): Promise<string> {
    const known = this.urls.get(key);
    if (known) return known;
    const made = this.make(digest, typeFor);
    this.urls.set(key, made);
    made.catch(() => this.urls.delete(key)); // asked again the next time it is wanted
    return made;
  }

  private async make(digest: string, typeFor: (mimeType: string) => string): Promise<string> {
    const { result, buffers } = await this.host.rpc<{ mime_type: string; size: number }>("blob", { digest });
    const bytes = buffers[0];
    if (!bytes) throw new Error("The kernel sent no bytes for this file.");
    return this.kept(bytes, typeFor(result.mime_type));
  }

  private kept(bytes: DataView, type: string): string {
    const url = URL.createObjectURL(new Blob([bytes as DataView<ArrayBuffer>], { type }));
    this.made.push(url);
    return url;
  }
}
