/** What a value is. Texts of CSV are read as what they look like; a number with leading zeros stays a text, because it is a code. */
const integer = /^[+-]?(?:0|[1-9]\d*)$/;
const number = /^[+-]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$/;
const date = /^(\d{4})-(\d{2})-(\d{2})$/;
const dateTime = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?$/;

/** @returns {"integer" | "number" | "boolean" | "date" | "datetime" | "text" | "json"} */
export function typeOf(value) {
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "number") return Number.isSafeInteger(value) ? "integer" : "number";
  if (typeof value !== "string") return "json";
  if (value === "true" || value === "false") return "boolean";
  if (integer.test(value)) return Number.isSafeInteger(Number(value)) ? "integer" : "text";
  if (number.test(value)) return Number.isFinite(Number(value)) ? "number" : "text";
  if (isDate(value)) return "date";
  return timeOf(value) === null ? "text" : "datetime";
}

/** The type that holds values of both. */
export function joinTypes(one, other) {
  if (one === other) return one;
  const both = new Set([one, other]);
  if (both.has("integer") && both.has("number")) return "number";
  if (both.has("date") && both.has("datetime")) return "datetime";
  return both.has("json") ? "json" : "text";
}

/** The number that a value is, or null. */
export function numberOf(value) {
  const type = typeOf(value);
  if (type !== "integer" && type !== "number") return null;
  const found = Number(value);
  return Number.isFinite(found) ? found : null;
}

/** Milliseconds since 1970, or null. A time without a zone is UTC, as everything that does not say otherwise. */
export function timeOf(value) {
  if (typeof value !== "string") return null;
  if (isDate(value)) return Date.parse(`${value}T00:00:00Z`);
  if (!dateTime.test(value) || !isDate(value.slice(0, 10))) return null;
  const text = value.replace(" ", "T");
  const time = Date.parse(/(?:Z|[+-]\d{2}:?\d{2})$/.test(text.slice(10)) ? text : `${text}Z`);
  return Number.isNaN(time) ? null : time;
}

function isDate(value) {
  const [, year, month, day] = date.exec(value) ?? [];
  if (year === undefined) return false;
  const found = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return found.getUTCMonth() === Number(month) - 1 && found.getUTCDate() === Number(day);
}

/** `90m`, `48h` or `7d` in milliseconds, or null. */
export function spanOf(text) {
  const [, count, unit] = /^(\d{1,6})(s|m|h|d)$/.exec(text) ?? [];
  if (count === undefined) return null;
  return Number(count) * { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit];
}

/** A value as messages show it. */
export function shown(value) {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** A value as a key: the text of CSV and the number of JSON are not the same. */
export function keyOf(values) {
  return JSON.stringify(values);
}
