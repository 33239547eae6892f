/** Reads a table row by row, whatever it is written as: CSV, JSON lines, or a list of objects that another step returned. */
import { createReadStream } from "node:fs";
import { extname, resolve } from "node:path";
import { csvRecords } from "./csv.mjs";
import { jsonLines } from "./json-lines.mjs";

const badShownMax = 5;
const columnsMax = 10_000;

/** What cannot be read as a table at all. */
export class TableError extends Error {}

/**
 * Calls `onRow({line, get(column)}, columns)` for each sound row, with the columns known so far. A value is a text, a number, true, false, a list, an object, or null; undefined where
 * the row has no such column. Resolves to what was seen: columns in order of appearance, rows, and bad rows with their lines.
 */
export async function readTable(table, options, onRow, cwd) {
  const reading = new Reading(options, onRow);
  if (Array.isArray(table)) reading.list(table);
  else await reading.file(placeOf(table, cwd), formatOf(table, options.format ?? "auto"));
  return reading.summary();
}

class Reading {
  #options;
  #onRow;
  #nulls;
  #columns = new Map();
  #rows = 0;
  #bad = { count: 0, shown: [] };

  constructor(options, onRow) {
    this.#options = options;
    this.#onRow = onRow;
    this.#nulls = new Set(options.nulls ?? [""]);
  }

  list(rows) {
    rows.forEach((object, index) => {
      if (typeof object !== "object" || object === null || Array.isArray(object)) this.#skip(index + 1, "not an object");
      else this.#object(index + 1, object);
    });
  }

  async file(path, format) {
    if (format === "jsonl") {
      for await (const { line, object, problem } of jsonLines(textOf(path))) {
        if (problem === undefined) this.#object(line, object);
        else this.#skip(line, problem);
      }
      return;
    }
    const delimiter = this.#options.delimiter ?? (format === "tsv" ? "\t" : ",");
    if (delimiter.length !== 1 || delimiter === '"') throw new TableError(`the delimiter ${JSON.stringify(delimiter)} is not one character`);
    let hasHeader = false;
    for await (const { line, fields, problem } of csvRecords(textOf(path), delimiter)) {
      if (!hasHeader) {
        this.#header(line, fields, problem);
        hasHeader = true;
      } else if (problem !== undefined) this.#skip(line, problem);
      else this.#record(line, fields);
    }
    if (!hasHeader) throw new TableError("the table is empty: it has no header");
  }

  summary() {
    return { columns: [...this.#columns.keys()], rows: this.#rows, bad: this.#bad };
  }

  #header(line, fields, problem) {
    if (problem !== undefined) throw new TableError(`line ${line}, the header: ${problem}`);
    fields.forEach((name, index) => {
      if (name === "") throw new TableError(`line ${line}: column ${index + 1} of the header has no name`);
      if (this.#columns.has(name)) throw new TableError(`line ${line}: the header names ${name} twice`);
      this.#columns.set(name, index);
    });
  }

  #record(line, fields) {
    const width = this.#columns.size;
    if (width > 1 && fields.length === 1 && fields[0] === "") return;
    if (fields.length !== width) return this.#skip(line, `${fields.length} fields, and the header has ${width}`);
    this.#rows++;
    const get = (column) => {
      const index = this.#columns.get(column);
      if (index === undefined) return undefined;
      return this.#nulls.has(fields[index]) ? null : fields[index];
    };
    this.#onRow({ line, get }, this.#columns.keys());
  }

  #object(line, object) {
    for (const name of Object.keys(object)) if (!this.#columns.has(name)) this.#columns.set(name, this.#columns.size);
    if (this.#columns.size > columnsMax) throw new TableError(`more than ${columnsMax} columns`);
    this.#rows++;
    const get = (column) => {
      if (!Object.hasOwn(object, column)) return undefined;
      const value = object[column];
      return typeof value === "string" && this.#nulls.has(value) ? null : value;
    };
    this.#onRow({ line, get }, this.#columns.keys());
  }

  #skip(line, problem) {
    this.#bad.count++;
    if (this.#bad.shown.length < badShownMax) this.#bad.shown.push({ line, problem });
  }
}

/** The bad rows in words, or null. */
export function badRowsText({ bad }) {
  if (bad.count === 0) return null;
  const shown = bad.shown.map(({ line, problem }) => `line ${line}: ${problem}`).join("; ");
  const more = bad.count > bad.shown.length ? `; and ${bad.count - bad.shown.length} more` : "";
  return `${bad.count} ${bad.count === 1 ? "row is" : "rows are"} not readable: ${shown}${more}`;
}

/** A file as Lily hands it over, or a path in the folder where the step works. */
function placeOf(table, cwd) {
  if (typeof table === "string") return resolve(cwd, table);
  if (typeof table === "object" && table !== null && typeof table.path === "string") return table.path;
  throw new TableError("table is to be a file (${steps.STEP.outputs.NAME}, ${inputs.NAME}), a path, or a list of objects");
}

function formatOf(table, format) {
  if (format !== "auto") return format;
  const type = typeof table === "object" ? (table.media_type ?? "") : "";
  const end = extname(typeof table === "string" ? table : table.path).toLowerCase();
  if ([".jsonl", ".ndjson"].includes(end) || /ndjson|jsonl|json-lines/.test(type)) return "jsonl";
  return end === ".tsv" || type.startsWith("text/tab-separated-values") ? "tsv" : "csv";
}

async function* textOf(path) {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path)) {
      yield decoder.decode(chunk, { stream: true });
      bytes += chunk.length;
    }
    yield decoder.decode();
  } catch (thrown) {
    if (thrown instanceof TypeError) throw new TableError(`the table is not UTF-8, at or after byte ${bytes}`);
    if (thrown?.code === "ENOENT") throw new TableError(`there is no table at ${path}`);
    throw thrown;
  }
}
