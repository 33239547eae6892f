/** What differs between a stored profile and the profile of a table now, in words. New rows are no drift; new kinds of values are. */
export function driftOf(stored, current, options = {}) {
  if (!isProfile(stored)) throw new Error("profile is to be a profile as the step template tabular.profile makes it");
  const before = new Map(stored.columns.map((column) => [column.name, column]));
  const now = new Map(current.columns.map((column) => [column.name, column]));
  const changes = [];
  for (const [name, column] of before) {
    const found = now.get(name);
    if (found === undefined) changes.push(`column ${name} is gone`);
    else changes.push(...changesOf(column, found, stored.rows, current.rows, options));
  }
  if (options.allow_new !== true) for (const name of now.keys()) if (!before.has(name)) changes.push(`column ${name} is new`);
  return changes;
}

function changesOf(before, now, rowsBefore, rowsNow, { null_share = 0 }) {
  const changes = [];
  if (!holds(before.type, now.type)) changes.push(`column ${before.name} was ${before.type} and is ${now.type}`);
  const share = (nulls, rows) => (rows === 0 ? 0 : nulls / rows);
  const [shareBefore, shareNow] = [share(before.nulls, rowsBefore), share(now.nulls, rowsNow)];
  if (now.nulls > 0 && shareNow > shareBefore + null_share)
    changes.push(`column ${before.name} has ${now.nulls} nulls of ${rowsNow}; it had ${before.nulls} of ${rowsBefore}`);
  return changes;
}

/** A column of numbers may happen to hold whole ones only; a column that was empty may hold anything. */
function holds(before, now) {
  if (before === now || before === "empty" || now === "empty") return true;
  return (before === "number" && now === "integer") || (before === "datetime" && now === "date");
}

function isProfile(value) {
  return (
    typeof value === "object" &&
    value !== null &&
    Number.isInteger(value.rows) &&
    Array.isArray(value.columns) &&
    value.columns.every((column) => typeof column?.name === "string")
  );
}
