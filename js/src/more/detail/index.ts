/** Panes of the detail by id. */

import type { More } from "../../core/more.ts";
import { Code } from "./Code.tsx";
import { Diff } from "./Diff.tsx";
import { Events } from "./Events.tsx";
import { Failure } from "./Failure.tsx";
import { Raw } from "./Raw.tsx";
import { Scores } from "./Scores.tsx";
import { Search } from "./Search.tsx";
import { Table } from "./Table.tsx";
import { Tools } from "./Tools.tsx";
import { Usage } from "./Usage.tsx";

export const panes: More["panes"] = { code: Code, diff: Diff, error: Failure, events: Events, raw: Raw, scores: Scores, search: Search, table: Table, tools: Tools, usage: Usage };
