/** What was said of a span. */

import type { JSX } from "preact";
import type { PaneProps } from "../../core/more.ts";
import { textOf } from "../../core/types.ts";

export function Scores({ detail }: PaneProps): JSX.Element {
  return (
    <table class="sb-table">
      <thead>
        <tr>
          <th scope="col">score</th>
          <th scope="col">value</th>
          <th scope="col">source</th>
          <th scope="col">comment</th>
        </tr>
      </thead>
      <tbody>
        {detail?.scores.map((score, i) => (
          <tr key={i}>
            <td><b>{score.name}</b></td>
            <td class={typeof score.value === "number" ? "sb-num" : undefined}>{textOf(score.value)}</td>
            <td>{score.source}</td>
            <td>{score.comment}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
