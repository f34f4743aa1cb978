/** What a call used and cost: each part, its share, the price it was charged at. */

import type { JSX } from "preact";
import { formatCount, formatDuration } from "../../core/format.ts";
import type { PaneProps } from "../../core/more.ts";
import { costLines, costSource, formatCosts, formatRate } from "../../core/pricing.ts";
import { Copy } from "../../ui/kit.ts";

export function Usage({ detail }: PaneProps): JSX.Element | null {
  if (!detail) return null;
  const { span } = detail;
  const price = detail.price ?? null;
  const lines = costLines(span, price);
  const usage = span.usage ?? {};
  const money = formatCosts(span.cost_usd);
  const total = (usage.input_tokens ?? 0) + (usage.output_tokens ?? 0);
  const hasShares = lines.some(({ share }) => share !== null);
  const first = span.time_to_first_token_ms ?? null;
  const streamed = first !== null && typeof span.duration_ms === "number" ? span.duration_ms - first : null;
  const speed = streamed !== null && streamed >= 20 && usage.output_tokens ? usage.output_tokens / (streamed / 1000) : null;
  const copied = (): string =>
    [["part", "tokens", "usd_per_million", "cost_usd"], ...lines.map(({ label, tokens, rate, cost }) => [label, tokens, rate ?? "", cost ?? ""]), ["total", total, "", span.cost_usd ?? ""]]
      .map((line) => line.join("\t"))
      .join("\n");
  return (
    <>
      <table class="sb-table sb-usage">
        <thead>
          <tr>
            <th scope="col"><span class="sb-sr">Part</span></th>
            <th scope="col" class="sb-num">tokens</th>
            {hasShares && <th scope="col" class="sb-num sb-sh">share</th>}
            {price && <th scope="col" class="sb-num">$ per million</th>}
            <th scope="col" class="sb-num">cost</th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <tr key={line.id} class={line.level === "part" ? "sb-part" : "sb-sumline"}>
              <th scope="row">{line.label}</th>
              <td class="sb-num">{line.level === "part" ? formatCount(line.tokens) : <b>{formatCount(line.tokens)}</b>}</td>
              {hasShares && <td class="sb-num sb-sh">{line.share === null ? "" : <Share of={line.share} />}</td>}
              {price && <td class="sb-num">{line.rate === null ? "" : formatRate(line.rate)}</td>}
              <td class="sb-num">{line.cost === null ? "" : line.level === "part" ? money(line.cost) : <b>{money(line.cost)}</b>}</td>
            </tr>
          ))}
          {(lines.length > 0 || typeof span.cost_usd === "number") && (
            <tr class="sb-total">
              <th scope="row">total</th>
              <td class="sb-num">{total > 0 && <b>{formatCount(total)}</b>}</td>
              {hasShares && <td class="sb-sh" />}
              {price && <td />}
              <td class="sb-num">{typeof span.cost_usd === "number" ? <b>{money(span.cost_usd)}</b> : <span class="sb-muted">unknown</span>}</td>
            </tr>
          )}
        </tbody>
      </table>
      <p class="sb-muted sb-below">
        {costSource(span, price)} <Copy title="Copy usage and cost as tab-separated values" label="copy TSV" text={copied} />
      </p>
      {(first !== null || speed !== null) && (
        <p class="sb-muted">
          {first !== null && <>First token after <b>{formatDuration(first)}</b>. </>}
          {speed !== null && <>Then <b>{formatCount(speed)}</b> tokens a second.</>}
        </p>
      )}
    </>
  );
}

function Share({ of }: { of: number }): JSX.Element {
  return (
    <span class="sb-share">
      <i aria-hidden="true" style={{ width: `${Math.round(36 * of)}px` }} />
      {of > 0 && of < 0.005 ? "<1" : Math.round(of * 100)} %
    </span>
  );
}
