/** Something that is loaded when it is first wanted. No DOM. */

import { signal } from "@preact/signals";

export class OnDemand<T> {
  private readonly found = signal<T | null>(null);
  private isAsked = false;
  private readonly waiting: ((found: T) => void)[] = [];

  constructor(
    private readonly load: () => Promise<T>,
    /** Says why it could not be loaded, and whether to ask again when it is wanted next. */
    private readonly failed: (error: Error) => boolean,
  ) {}

  /** What was loaded; null, and asked for, as long as it is not here. */
  get(): T | null {
    if (!this.isAsked) {
      this.isAsked = true;
      this.load().then(
        (found) => {
          this.found.value = found;
          for (const run of this.waiting.splice(0)) run(found);
        },
        (error: Error) => {
          this.isAsked = !this.failed(error);
        },
      );
    }
    return this.found.value;
  }

  /** Do something with it as soon as it is here. */
  with(run: (found: T) => void): void {
    const found = this.get();
    if (found) run(found);
    else this.waiting.push(run);
  }
}
