/** What a call's tokens were charged at, part by part. */

import type { Price, SpanFacts } from "./types.ts";

export interface CostLine {
  id: string;
  label: string;
  tokens: number;
  /** Of all input, or of all output, 0 to 1. */
  share: number | null;
  /** US dollars per million tokens. */
  rate: number | null;
  cost: number | null;
  /** A sum, or one of its parts, which follow it. */
  level: "sum" | "part";
}

/** Lines of the usage table: the input and its parts, the output and its parts. */
export function costLines(span: SpanFacts, price: Price | null): CostLine[] {
  const usage = span.usage ?? {};
  const lines: CostLine[] = [];
  const side = (
    total: number | null | undefined,
    cost: number | null | undefined,
    plainRate: number | undefined,
    sum: [string, string],
    rest: [string, string],
    parts: [string, string, number | null | undefined, number | null | undefined][],
  ): void => {
    if (typeof total !== "number") return;
    const known = parts.filter(([, , tokens]) => (tokens ?? 0) > 0);
    const priced = (tokens: number, rate: number | null | undefined): number | null => (typeof rate === "number" ? (tokens * rate) / 1e6 : null);
    const share = (tokens: number): number | null => (total > 0 ? tokens / total : null);
    let left = total;
    const made: CostLine[] = known.map(([id, label, tokens, rate]) => {
      const own = id === "reasoning" ? plainRate : (rate ?? plainRate);
      left -= tokens as number;
      return { id, label, tokens: tokens as number, share: share(tokens as number), rate: own ?? null, cost: priced(tokens as number, own), level: "part" };
    });
    if (made.length > 0 && left >= 0) {
      made.unshift({ id: rest[0], label: rest[1], tokens: left, share: share(left), rate: plainRate ?? null, cost: priced(left, plainRate), level: "part" });
    }
    lines.push({ id: sum[0], label: sum[1], tokens: total, share: null, rate: made.length > 0 ? null : (plainRate ?? null), cost: cost ?? null, level: "sum" }, ...made);
  };
  side(usage.input_tokens, span.input_cost_usd, price?.input, ["input", "input"], ["new", "not cached"], [
    ["read", "read from cache", usage.cache_read_tokens, price?.cache_read],
    ["written", "written to cache", usage.cache_write_tokens, price?.cache_write],
    ["audio-in", "audio", usage.audio_input_tokens, price?.audio_input],
  ]);
  side(usage.output_tokens, span.output_cost_usd, price?.output, ["output", "output"], ["text", "answer"], [
    ["reasoning", "reasoning", usage.reasoning_tokens, price?.output],
    ["audio-out", "audio", usage.audio_output_tokens, price?.audio_output],
  ]);
  return lines;
}

/** Costs of one table with as many digits each that they are seen to add up. */
export function formatCosts(largest: number | null | undefined): (usd: number) => string {
  const digits = (largest ?? 0) >= 10 ? 2 : (largest ?? 0) >= 0.1 ? 4 : 6;
  return (usd) => (usd > 0 && usd < 0.5 / 10 ** digits ? `<$${(1 / 10 ** digits).toFixed(digits)}` : `$${usd.toFixed(digits)}`);
}

/** A rate as `$0.15`, with as many digits as it has. */
export function formatRate(rate: number): string {
  const digits = rate >= 1 || rate === 0 ? 2 : Math.min(6, Math.max(2, (String(rate).split(".")[1] ?? "").length));
  return `$${rate.toFixed(digits)}`;
}

/** Where a cost comes from, in a sentence. */
export function costSource(span: SpanFacts, price: Price | null): string {
  if (typeof span.cost_usd !== "number") {
    if (span.counted === false) return "Seen twice: this call's usage is counted once, at the other span.";
    return span.model ? `The price of ${span.model} is not known, so that no cost was computed.` : "The model is not known, so that no cost was computed.";
  }
  if (price) return `Prices in US dollars per million tokens, from ${price.source}.`;
  if (span.cost_source === "client") return "This cost was reported by the client; no price was looked up.";
  if (span.cost_source === "own") return "Computed with your own price for this model.";
  if (span.cost_source) return `From ${span.cost_source}. Its price depends on the size of the call, or has changed since.`;
  return "Where this cost comes from was not recorded.";
}
