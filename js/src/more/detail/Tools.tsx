/** The tools that a model was offered: name, description, parameters. */

import type { JSX } from "preact";
import type { PaneProps } from "../../core/more.ts";
import { isObject, textOf, type Json as Value } from "../../core/types.ts";
import { CopyBoth, Json, Text } from "../../ui/kit.ts";

/** With more tools than these only their names are seen at first. */
const MOST_OPEN = 4;

interface Tool {
  name: string;
  description: Value;
  schema: Value;
}

/** Name, description and schema of a tool, in either of the forms providers use. */
function toolOf(tool: Value): Tool {
  const outer = isObject(tool) ? tool : {};
  const inner = isObject(outer.function) ? outer.function : outer;
  return {
    name: textOf(inner.name ?? outer.type) || "tool",
    description: inner.description ?? null,
    schema: inner.parameters ?? inner.input_schema ?? outer.parameters ?? null,
  };
}

export function Tools({ row, detail }: PaneProps): JSX.Element {
  const tools = Array.isArray(detail?.tools) ? detail.tools : [];
  return (
    <div class="sb-msgs">
      <p class="sb-small sb-right-line"><CopyBoth value={tools} row={row} what="tools" /></p>
      {tools.map((tool, i) => {
        const { name, description, schema } = toolOf(tool);
        return (
          <details key={i} class="sb-call" open={tools.length <= MOST_OPEN}>
            <summary class="sb-ch"><b>{name}</b> <span>{parameterNames(schema)}</span></summary>
            {textOf(description) !== "" && <div class="sb-cb"><Text value={description} row={row} /></div>}
            {isObject(schema) && <div class="sb-cb"><Json value={isObject(schema.properties) ? schema.properties : schema} row={row} label={`Schema of ${name}`} /></div>}
          </details>
        );
      })}
    </div>
  );
}

/** The parameters as in a call; those that may be left out with a question mark. */
function parameterNames(schema: Value): string {
  if (!isObject(schema) || !isObject(schema.properties)) return "";
  const required = Array.isArray(schema.required) ? schema.required : [];
  const names = Object.keys(schema.properties);
  const shown = names.slice(0, 6).map((name) => (required.includes(name) ? name : `${name}?`));
  return shown.join(", ") + (names.length > 6 ? ", …" : "");
}
