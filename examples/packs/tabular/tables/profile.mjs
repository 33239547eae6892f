/** What a table holds, column by column, in one pass. */
import { DistinctCount } from "./distinct.mjs";
import { joinTypes, numberOf, timeOf, typeOf } from "./values.mjs";

const textShownMax = 200;

/** Collects the profile: give it every row, then ask. Memory grows with the columns, not with the rows. */
export class Profile {
  #columns = new Map();
  #rows = 0;

  /** Columns have to be known before their rows: those of a list of objects and of JSON lines come with the row. */
  row(row, columns) {
    this.#rows++;
    for (const name of columns) {
      const value = row.get(name);
      const column = this.#columns.get(name) ?? this.#begin(name);
      if (value === null || value === undefined) column.nulls++;
      else add(column, value);
    }
  }

  /** Fits the schema tabular.profile.v1. */
  result(columns) {
    for (const name of columns) if (!this.#columns.has(name)) this.#begin(name);
    return { rows: this.#rows, columns: [...this.#columns.values()].map(described) };
  }

  #begin(name) {
    // A column that appears late was missing before.
    const column = {
      name,
      type: null,
      nulls: Math.max(0, this.#rows - 1),
      least: null,
      most: null,
      firstText: null,
      lastText: null,
      distinct: new DistinctCount(),
    };
    this.#columns.set(name, column);
    return column;
  }
}

function add(column, value) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  // What was seen before changes nothing. A number of JSON and the text that looks like it have one type and one measure.
  const key = typeof value === "object" ? `json ${text}` : text;
  if (column.distinct.has(key)) return;
  column.distinct.add(key);
  const type = typeOf(value);
  column.type = column.type === null ? type : joinTypes(column.type, type);
  const measure = numberOf(value) ?? timeOf(value);
  if (measure !== null) {
    if (column.least === null || measure < column.least.measure) column.least = { measure, value };
    if (column.most === null || measure > column.most.measure) column.most = { measure, value };
  }
  if (column.firstText === null || text < column.firstText) column.firstText = text.slice(0, textShownMax);
  if (column.lastText === null || text > column.lastText) column.lastText = text.slice(0, textShownMax);
}

function described({ name, type, nulls, least, most, firstText, lastText, distinct }) {
  const isMeasured = ["integer", "number", "date", "datetime"].includes(type);
  const asNumber = (value) => (type === "integer" || type === "number" ? Number(value) : value);
  return {
    name,
    type: type ?? "empty",
    nulls,
    min: isMeasured ? asNumber(least.value) : firstText,
    max: isMeasured ? asNumber(most.value) : lastText,
    distinct: distinct.count,
    distinct_exact: distinct.isExact,
  };
}
