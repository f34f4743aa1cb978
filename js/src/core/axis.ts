/** The time axis of the waterfall: how far it reaches and where its labels stand. */

const STEPS = [1, 2, 5];

/** Where the axis ends: at the last moment known; while running a rounded-up one, so that bars do not creep. */
export function axisEnd(lastMs: number, isRunning: boolean): number {
  const last = Math.max(lastMs, 1);
  if (!isRunning) return last;
  const power = 10 ** Math.floor(Math.log10(last));
  for (const step of [1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]) if (last * 1.04 <= step * power) return step * power;
  return 12.5 * power;
}

export interface Tick {
  at: number; // fraction of the axis, 0..1
  label: string;
}

function stepFor(span: number, most: number): number {
  const power = 10 ** Math.floor(Math.log10(span / most));
  for (const scale of [1, 10]) for (const step of STEPS) if (span / (step * scale * power) <= most) return step * scale * power;
  return 100 * power;
}

function unitFor(ms: number): [string, number] {
  return ms < 1000 ? ["ms", 1] : ms < 120_000 ? ["s", 1000] : ms < 7_200_000 ? ["m", 60_000] : ["h", 3_600_000];
}

const digitsOf = (step: number): number => Math.max(0, -Math.floor(Math.log10(step) + 1e-9));

/** At most `most` intervals of a round length; the unit is printed with the last label only. */
export function axisTicks(endMs: number, most: number): Tick[] {
  const [unit, size] = unitFor(endMs);
  const span = endMs / size;
  const step = stepFor(span, Math.max(1, most));
  const digits = digitsOf(step);
  const last = Math.floor(span / step + 1e-6);
  if (last === 0) return [{ at: 0, label: "0" }, { at: 1, label: `${span.toFixed(span < 10 ? 1 : 0)} ${unit}` }];
  return Array.from({ length: last + 1 }, (_, i) => ({
    at: Math.min(1, (i * step) / span),
    label: (i === 0 ? "0" : (i * step).toFixed(digits)) + (i === last ? ` ${unit}` : ""),
  }));
}

/** The same for a part of the axis; `at` is a fraction of the part. */
export function windowTicks(fromMs: number, toMs: number, most: number): Tick[] {
  const [unit, size] = unitFor(toMs);
  const [from, span] = [fromMs / size, (toMs - fromMs) / size];
  const step = stepFor(span, Math.max(1, most));
  const digits = Math.min(9, digitsOf(step));
  const first = Math.ceil(from / step - 1e-6);
  const last = Math.floor((from + span) / step + 1e-6);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => ({
    at: Math.min(1, Math.max(0, ((first + i) * step - from) / span)),
    label: (first + i === 0 ? "0" : ((first + i) * step).toFixed(digits)) + (first + i === last ? ` ${unit}` : ""),
  }));
}
