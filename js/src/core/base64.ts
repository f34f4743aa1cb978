/** Base64 text to bytes; the reason is said when it is none. */
export function fromBase64(text: string): DataView {
  try {
    return new DataView(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)).buffer);
  } catch {
    throw new Error("The bytes in this file are damaged; export the trace again.");
  }
}
