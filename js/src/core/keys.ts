/** Keys of a view: what each does, by the name that events give it. */

export type Keys = Record<string, () => void>;

/** Whether the key belongs to the browser or the host: Control, Command or Alt is held. */
export const isChord = (event: KeyboardEvent): boolean => event.ctrlKey || event.metaKey || event.altKey;

/** Do what the key stands for, and let nobody else do something for it; nothing when it is none of these. */
export function runKey(keys: Keys, event: KeyboardEvent): void {
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}
