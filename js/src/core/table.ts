/** Values that read best as a table: DataFrames, series, arrays, lists of records. */

import { isContainer, specialType } from "./json.ts";
import { isLong, isObject, numeral, textOf, type Json, type JsonObject } from "./types.ts";

export interface TableData {
  columns: string[];
  /** Python's types of the columns, where they are known. */
  dtypes: Record<string, string>;
  /** Cells by row and column; undefined where a record has no such key. */
  rows: (Json | undefined)[][];
  /** What it is, and how much of it: `DataFrame 1,000 × 3`. */
  title: string;
  /** Rows there are in all, when only the first ones were kept. */
  total: number | null;
  /** Whether it is a table by nature, and not a list that can be read as one. */
  isFrame: boolean;
}

export interface Sorting {
  column: number;
  isDown: boolean;
}

const MOST_COLUMNS = 200;

/** Whether a value can be shown as a table; cheap, since every line of a tree asks. */
export function isTable(value: Json): boolean {
  const special = specialType(value);
  if (special !== null) return special === "dataframe" || ((special === "series" || special === "array") && listOf((value as JsonObject).head).length > 1);
  if (!Array.isArray(value) || value.length < 2) return false;
  // The first records say whether all are of one kind; the others only add columns.
  const counts = new Map<string, number>();
  const looked = value.slice(0, 50);
  for (const item of looked) {
    if (!isRecord(item)) return false;
    for (const key of Object.keys(item)) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  if (counts.size === 0 || counts.size > MOST_COLUMNS) return false;
  const shared = [...counts.values()].reduce((sum, count) => sum + count, 0) / (counts.size * looked.length);
  return shared >= 0.5;
}

/**
 * Whether a value is shown as a table at first: as was chosen last; else DataFrames, and lists of records in which
 * most cells are plain values. Series and arrays say more in one line.
 */
export function prefersTable(value: Json, chosen: Json | undefined): boolean {
  const special = specialType(value);
  if (special === "series" || special === "array") return false;
  if (typeof chosen === "boolean") return chosen;
  if (!Array.isArray(value)) return true;
  const cells = value.slice(0, 50).flatMap((item) => (isObject(item) ? Object.values(item) : []));
  return cells.filter((cell) => !isContainer(cell)).length >= 0.7 * cells.length;
}

const isRecord = (value: Json): value is JsonObject => isObject(value) && !isLong(value) && specialType(value) === null;
const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value : []);
const count = (value: unknown): number | null => (typeof value === "number" ? value : null);

export function tableOf(value: Json): TableData | null {
  if (!isTable(value)) return null;
  if (Array.isArray(value)) return recordsTable(value as JsonObject[]);
  const form = value as JsonObject;
  const head = listOf(form.head);
  if (form.$type === "dataframe") {
    const columns = listOf(form.columns).map(textOf);
    const [rows, width] = listOf(form.shape);
    return {
      columns,
      dtypes: isObject(form.dtypes) ? Object.fromEntries(Object.entries(form.dtypes).map(([key, type]) => [key, textOf(type)])) : {},
      rows: head.map((line) => columns.map((column) => (isObject(line) && Object.hasOwn(line, column) ? line[column] : undefined))),
      title: `DataFrame ${sizeText(count(rows))} × ${sizeText(count(width))}`,
      total: count(rows),
      isFrame: true,
    };
  }
  const name = form.$type === "series" ? textOf(form.name) || "value" : "value";
  const total = form.$type === "series" ? count(form.size) : listOf(form.shape).reduce<number>((size, each) => size * (count(each) ?? 1), 1);
  return {
    columns: [name],
    dtypes: { [name]: textOf(form.dtype) },
    rows: head.map((item) => [item]),
    title: form.$type === "series" ? `Series ${textOf(form.name)}`.trim() : `array ${listOf(form.shape).map((each) => sizeText(count(each))).join(" × ")}`,
    total,
    isFrame: true,
  };
}

const sizeText = (value: number | null): string => (value === null ? "?" : value.toLocaleString("en-US"));

function recordsTable(records: JsonObject[]): TableData {
  const columns = new Map<string, number>();
  for (const record of records) {
    for (const key of isObject(record) ? Object.keys(record) : []) if (!columns.has(key) && columns.size < MOST_COLUMNS) columns.set(key, columns.size);
  }
  const names = [...columns.keys()];
  return {
    columns: names,
    dtypes: {},
    rows: records.map((record) => names.map((name) => (isObject(record) && Object.hasOwn(record, name) ? record[name] : undefined))),
    title: `${sizeText(records.length)} records`,
    total: null,
    isFrame: false,
  };
}

/** Whether a column holds numbers alone, so that its cells are set to the right. */
export function isNumeric(table: TableData, column: number): boolean {
  let hasNumber = false;
  for (const row of table.rows) {
    const cell = row[column];
    if (cell === null || cell === undefined) continue;
    if (typeof cell !== "number" && numeral(cell) === null) return false;
    hasNumber = true;
  }
  return hasNumber;
}

/** A cell on one line. */
export function cellText(cell: Json | undefined): string {
  if (cell === undefined || cell === null) return "";
  if (isLong(cell)) return `${cell.head}…`;
  if (isObject(cell) && specialType(cell) !== null) return textOf(cell.text ?? cell.head ?? cell.class ?? cell.$type);
  return textOf(cell);
}

/** The order of rows: numbers before texts, each by size, what is missing, or not a number, last whichever way. */
export function sortedRows(table: TableData, sorting: Sorting | null): number[] {
  const order = table.rows.map((_, index) => index);
  if (!sorting) return order;
  const keys = table.rows.map((row) => sortKey(row[sorting.column]));
  const way = sorting.isDown ? -1 : 1;
  return order.sort((a, b) => {
    const [x, y] = [keys[a] as SortKey, keys[b] as SortKey];
    if (x === null || y === null) return x === y ? a - b : x === null ? 1 : -1;
    if (typeof x !== typeof y) return way * (typeof x === "number" ? -1 : 1);
    return way * (x < y ? -1 : x > y ? 1 : 0) || a - b;
  });
}

type SortKey = number | string | null;

function sortKey(cell: Json | undefined): SortKey {
  if (cell === undefined || cell === null || cell === "") return null;
  if (typeof cell === "number") return cell;
  if (typeof cell === "boolean") return cell ? 1 : 0;
  const digits = numeral(cell);
  if (digits === "nan") return null;
  return digits === null ? cellText(cell).toLowerCase() : Number(digits.replace("inf", "Infinity"));
}

/**
 * Rows as tab-separated values that spreadsheets take; texts that one would run as a formula begin with an
 * apostrophe, as they would be typed.
 */
export function toTsv(columns: readonly string[], rows: readonly (readonly (Json | undefined)[])[]): string {
  const quote = (text: string): string => (/["\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const field = (cell: Json | undefined): string => {
    const text = numeral(cell) === "nan" ? "" : cellText(cell); // as pandas writes it
    return quote(typeof cell !== "number" && /^[=+\-@\t\r]/.test(text) && !Number.isFinite(Number(text)) ? `'${text}` : text);
  };
  return [columns, ...rows].map((row) => row.map(field).join("\t")).join("\n");
}
