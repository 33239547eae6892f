/** The checks: each is given every row, and then says whether the table is as it should be, why, and with which figures. */
import { driftOf } from "./drift.mjs";
import { Profile } from "./profile.mjs";
import { keyOf, numberOf, shown, spanOf, timeOf } from "./values.mjs";
import { UniqueKeys } from "./unique-keys.mjs";

const linesShownMax = 5;

/** Throws for an unknown check, and for options that mean nothing. */
export function checkOf(name, options) {
  if (!Object.hasOwn(checks, name)) throw new Error(`there is no check ${shown(name)}; there are ${Object.keys(checks).join(", ")}`);
  return checks[name](options);
}

const checks = {
  row_count({ min = 1, max = null }) {
    return check({
      end: ({ rows }) => {
        const metrics = { rows };
        if (rows < min) return failed(`${rows} rows, and at least ${min} are required`, metrics);
        if (max !== null && rows > max) return failed(`${rows} rows, and at most ${String(max)} are allowed`, metrics);
        return passed(`${rows} rows`, metrics);
      },
    });
  },

  required_columns(options) {
    const wanted = texts(options, "columns");
    const isClosed = options.only === true;
    return check({
      end: ({ columns }) => {
        const missing = wanted.filter((name) => !columns.includes(name));
        const extra = isClosed ? columns.filter((name) => !wanted.includes(name)) : [];
        const metrics = { missing: missing.length, extra: extra.length };
        const reasons = [];
        if (missing.length > 0) reasons.push(`missing: ${missing.join(", ")}${nearby(missing, columns)}`);
        if (extra.length > 0) reasons.push(`not expected: ${extra.join(", ")}`);
        return reasons.length === 0 ? passed(`all ${wanted.length} columns are there`, metrics) : failed(reasons.join("; "), metrics);
      },
    });
  },

  no_nulls(options) {
    const names = texts(options, "columns");
    const share = options.max_share ?? 0;
    const nulls = new Map(names.map((name) => [name, new Lines()]));
    return check({
      columns: names,
      row: (row) => {
        for (const name of names) if ((row.get(name) ?? null) === null) nulls.get(name).add(row.line);
      },
      end: ({ rows }) => {
        const over = [...nulls].filter(([, lines]) => lines.count > share * rows);
        const metrics = { rows, nulls: sum([...nulls.values()].map((lines) => lines.count)) };
        if (over.length === 0) return passed(`no column has more nulls than allowed`, metrics);
        return failed(over.map(([name, lines]) => `${name}: ${lines.count} of ${rows} values are null, ${lines.text()}`).join("; "), metrics);
      },
    });
  },

  unique(options) {
    const names = texts(options, "columns");
    const keys = new UniqueKeys(options.keys_max);
    return check({
      columns: names,
      begin: () => keys.begin(),
      row: (row) => {
        const values = names.map((name) => row.get(name) ?? null);
        // As in SQL, a key with a null in it equals no other.
        if (!values.includes(null)) keys.add(keyOf(values), row.line);
      },
      again: () => keys.again(),
      end: ({ rows }) => {
        const { count, shown: pairs } = keys.duplicates();
        const metrics = { rows, duplicates: count };
        if (count === 0) return passed(`${names.join(", ")} names each row once`, metrics);
        const seen = pairs.map(({ key, line, first }) => `line ${line} repeats ${key} of line ${first}`).join("; ");
        return failed(`${count} ${count === 1 ? "row repeats" : "rows repeat"} a key of ${names.join(", ")}: ${seen}`, metrics);
      },
    });
  },

  in_range(options) {
    const name = text(options, "column");
    const [min, max] = [bound(options, "min"), bound(options, "max")];
    if (min === null && max === null) throw new Error("in_range needs min or max");
    const other = new Lines();
    const outside = new Lines();
    let [least, most] = [null, null];
    return check({
      columns: [name],
      row: (row) => {
        const value = row.get(name) ?? null;
        if (value === null) return;
        const measure = numberOf(value) ?? timeOf(value);
        if (measure === null || (min ?? max).isTime !== (numberOf(value) === null)) return other.add(row.line, shown(value));
        if (least === null || measure < least) least = measure;
        if (most === null || measure > most) most = measure;
        if ((min !== null && measure < min.measure) || (max !== null && measure > max.measure)) outside.add(row.line, shown(value));
      },
      end: ({ rows }) => {
        const metrics = { rows, outside: outside.count, not_comparable: other.count, ...(least === null ? {} : { least, most }) };
        const reasons = [];
        if (outside.count > 0) reasons.push(`${outside.count} values of ${name} are outside of ${rangeText(min, max)}, ${outside.text()}`);
        if (other.count > 0) reasons.push(`${other.count} values of ${name} are no ${(min ?? max).isTime ? "date" : "number"}, ${other.text()}`);
        return reasons.length === 0 ? passed(`${name} stays within ${rangeText(min, max)}`, metrics) : failed(reasons.join("; "), metrics);
      },
    });
  },

  matches(options) {
    const name = text(options, "column");
    const pattern = patternOf(text(options, "pattern"));
    const others = new Lines();
    return check({
      columns: [name],
      row: (row) => {
        const value = row.get(name) ?? null;
        if (value === null) return;
        const written = typeof value === "string" ? value : JSON.stringify(value);
        if (!pattern.test(written)) others.add(row.line, shown(value));
      },
      end: ({ rows }) => {
        const metrics = { rows, mismatches: others.count };
        if (others.count === 0) return passed(`every value of ${name} matches`, metrics);
        return failed(`${others.count} values of ${name} do not match ${options.pattern}, ${others.text()}`, metrics);
      },
    });
  },

  fresh(options) {
    const name = text(options, "column");
    const asOf = timeOf(text(options, "as_of"));
    const span = spanOf(text(options, "max_age"));
    if (asOf === null) throw new Error(`as_of is a date or a time, as 2026-01-31 or 2026-01-31T06:00:00Z, not ${shown(options.as_of)}`);
    if (span === null) throw new Error(`max_age is a number with s, m, h or d, as 48h, not ${shown(options.max_age)}`);
    const other = new Lines();
    let newest = null;
    return check({
      columns: [name],
      row: (row) => {
        const value = row.get(name) ?? null;
        if (value === null) return;
        const time = timeOf(value);
        if (time === null) other.add(row.line, shown(value));
        else if (newest === null || time > newest.time) newest = { time, value, line: row.line };
      },
      end: ({ rows }) => {
        const metrics = { rows, not_a_time: other.count, ...(newest === null ? {} : { age_hours: Math.round((asOf - newest.time) / 36_000) / 100 }) };
        if (other.count > 0) return failed(`${other.count} values of ${name} are no date and no time, ${other.text()}`, metrics);
        if (newest === null) return failed(`${name} holds no time at all`, metrics);
        if (newest.time > asOf) return failed(`the newest ${name} is ${newest.value} in line ${newest.line}, which is after ${options.as_of}`, metrics);
        const words = `the newest ${name} is ${newest.value}, ${metrics.age_hours} hours before ${options.as_of}`;
        return asOf - newest.time > span ? failed(`${words}; ${options.max_age} are allowed`, metrics) : passed(words, metrics);
      },
    });
  },

  no_drift(options) {
    const profile = new Profile();
    return check({
      row: (row, columns) => profile.row(row, columns),
      end: ({ columns, rows }) => {
        const changes = driftOf(options.profile, profile.result(columns), options);
        const metrics = { rows, changes: changes.length };
        if (changes.length === 0) return passed("the columns are those of the stored profile", metrics);
        return failed(changes.slice(0, 20).join("; "), metrics);
      },
    });
  },
};

/** Fills in what a check does not need. A column that a check is about has to be there: nothing passes because nothing was looked at. */
function check({ columns = [], begin = () => {}, row = () => {}, again = () => false, end }) {
  return {
    begin,
    row,
    again,
    end: (summary) => {
      const missing = columns.filter((name) => !summary.columns.includes(name));
      if (missing.length === 0) return end(summary);
      return failed(`the table has no column ${missing.join(", ")}${nearby(missing, summary.columns)}`, { rows: summary.rows });
    },
  };
}

/** Counts lines, and keeps the first few. */
class Lines {
  count = 0;
  #shown = [];

  add(line, what = "") {
    this.count++;
    if (this.#shown.length < linesShownMax) this.#shown.push(what === "" ? `${line}` : `${line} (${what})`);
  }

  text() {
    return `${this.count === 1 ? "in line" : "first in lines"} ${this.#shown.join(", ")}`;
  }
}

function passed(reason, metrics) {
  return { passed: true, reason, metrics };
}

function failed(reason, metrics) {
  return { passed: false, reason, metrics };
}

function text(options, name) {
  const value = options[name];
  if (typeof value === "string" && value !== "") return value;
  throw new Error(`${name} is missing: it is a text`);
}

function texts(options, name) {
  const value = options[name];
  if (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string")) return value;
  throw new Error(`${name} is missing: it is a list of texts`);
}

function bound(options, name) {
  const value = options[name] ?? null;
  if (value === null) return null;
  const number = numberOf(value);
  const measure = number ?? timeOf(value);
  if (measure === null) throw new Error(`${name} is a number or a date, not ${shown(value)}`);
  return { measure, isTime: number === null, written: value };
}

function rangeText(min, max) {
  if (min === null) return `up to ${max.written}`;
  return max === null ? `${min.written} and more` : `${min.written} to ${max.written}`;
}

function patternOf(source) {
  try {
    return new RegExp(`^(?:${source})$`, "u");
  } catch (cause) {
    throw new Error(`pattern ${shown(source)} is no regular expression`, { cause });
  }
}

function nearby(missing, columns) {
  const near = missing.flatMap((name) => columns.filter((column) => column.trim().toLowerCase() === name.trim().toLowerCase()));
  return near.length === 0 ? "" : ` (there is ${near.map((name) => JSON.stringify(name)).join(", ")})`;
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
