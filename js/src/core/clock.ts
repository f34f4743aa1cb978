/** What time it is in a trace, by the kernel's clock where that is known. No DOM. */

import { signal } from "@preact/signals";

const TICK_MS = 200;

export class Clock {
  /** Ms from the trace's start; moves while something runs. */
  readonly now = signal(0);
  private ahead = 0;
  private timer: ReturnType<typeof setInterval> | undefined;

  /** Place `now`, never before the last moment known, and keep it moving while the trace runs. */
  set(startMs: number, last: () => number, isLive: boolean, nowMs?: number): void {
    if (nowMs !== undefined) this.ahead = nowMs - Date.now();
    const tick = (): void => {
      this.now.value = Math.max(Date.now() + this.ahead - startMs, last());
    };
    this.stop();
    tick();
    if (isLive) this.timer = setInterval(tick, TICK_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
