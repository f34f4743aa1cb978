/**
 * Numbers as people read them; twin of src/spanbook/model/format.py, both held to test/format.json.
 * Rounding is half up through floor(x + 0.5): toFixed and Python's format round ties differently.
 */

export const NOTHING = "–";
/** What became of a trace, in a word. */
export const STATUS_WORDS: Record<string, string> = { ok: "finished", error: "failed", open: "running", interrupted: "interrupted" };

const halfUp = (value: number): number => Math.floor(value + 0.5);

const two = (value: number): string => String(value).padStart(2, "0");

function group(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Fixed-point text of `scaled / 10**digits`, `scaled` being a whole number. */
function fixed(scaled: number, digits: number): string {
  const unit = 10 ** digits;
  return `${group(Math.floor(scaled / unit))}.${String(scaled % unit).padStart(digits, "0")}`;
}

/** From 1e15 on numbers are no amounts of anything, and are shown as `1.0e+15`. */
function signed(given: number | null | undefined, absolute: (value: number) => string): string {
  const value = given as number;
  if (!Number.isFinite(value)) return NOTHING;
  if (Math.abs(value) >= 1e15) return value.toExponential(1);
  return value < 0 ? `-${absolute(-value)}` : absolute(value);
}

/** Milliseconds as `<1 ms`, `35 ms`, `0.71 s`, `34.1 s`, `2 m 05 s`, `1 h 30 m`, `1 d 03 h`. */
export function formatDuration(ms: number | null | undefined): string {
  return signed(ms, (value) => {
    if (value > 0 && value < 0.5) return "<1 ms";
    if (halfUp(value) < 100) return `${halfUp(value)} ms`;
    if (halfUp(value / 10) < 1000) return `${fixed(halfUp(value / 10), 2)} s`;
    if (halfUp(value / 100) < 600) return `${fixed(halfUp(value / 100), 1)} s`;
    const seconds = halfUp(value / 1000);
    if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`;
    const minutes = halfUp(value / 60_000);
    if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} m`;
    const hours = halfUp(value / 3_600_000);
    return `${group(Math.floor(hours / 24))} d ${two(hours % 24)} h`;
  });
}

/** US dollars as `$0`, `<$0.0001`, `$0.0042`, `$1.28`, `$1,234.50`. */
export function formatMoney(usd: number | null | undefined): string {
  return signed(usd, (value) => {
    if (value === 0) return "$0";
    if (value < 0.0001) return "<$0.0001";
    const tenThousandths = halfUp(value * 10_000);
    return tenThousandths < 10_000 ? `$${fixed(tenThousandths, 4)}` : `$${fixed(halfUp(value * 100), 2)}`;
  });
}

/** Whole numbers as `2,431`, `1.2 M`, `7.1 B`. */
export function formatCount(count: number | null | undefined): string {
  return signed(count, (value) => {
    if (halfUp(value) < 1_000_000) return group(halfUp(value));
    const tenths = halfUp(value / 1e5);
    return tenths < 10_000 ? `${fixed(tenths, 1)} M` : `${fixed(halfUp(value / 1e8), 1)} B`;
  });
}

/** Byte sizes in powers of 1,000: `999 B`, `1.9 kB`, `100 kB`, `12.3 MB`. */
export function formatBytes(bytes: number | null | undefined): string {
  return signed(bytes, (value) => {
    if (halfUp(value) < 1000) return `${halfUp(value)} B`;
    const units = ["kB", "MB", "GB", "TB"];
    for (const [power, unit] of units.entries()) {
      const size = value / 1000 ** (power + 1);
      if (halfUp(size * 10) < 1000) return `${fixed(halfUp(size * 10), 1)} ${unit}`;
      if (halfUp(size) < 1000 || unit === "TB") return `${group(halfUp(size))} ${unit}`;
    }
    return NOTHING;
  });
}

/** `1 error`, `3 errors`: the count formatted, the noun in the right number. */
export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : many}`;
}

/** `2nd`, `3rd`, `11th`. */
export function ordinal(count: number): string {
  const teen = count % 100 > 10 && count % 100 < 14;
  return `${formatCount(count)}${(teen ? undefined : ["", "st", "nd", "rd"][count % 10]) || "th"}`;
}
