/** `rows.mjs TABLE`: the service reports daily, so the table must hold every day of 2012 to 2015 exactly once: 1461 days in order. */
import { readFileSync } from "node:fs";
import process from "node:process";

const dayMs = 86_400_000;
const expected = [];
for (let at = Date.UTC(2012, 0, 1); at <= Date.UTC(2015, 11, 31); at += dayMs) expected.push(new Date(at).toISOString().slice(0, 10));

const dates = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")).days.map((day) => day.date);
const seen = new Set(dates);
const missing = expected.filter((date) => !seen.has(date));
const strange = dates.filter((date, at) => !expected.includes(date) || dates.indexOf(date) !== at);
const wrong = [];
if (missing.length > 0) wrong.push(`${missing.length} days are missing, the first are ${missing.slice(0, 3).join(", ")}`);
if (strange.length > 0) wrong.push(`${strange.length} rows are of other days or stand twice, the first is ${strange[0]}`);
for (const text of wrong) process.stderr.write(`${text}\n`);

// The last line of stdout is the gate's report: why, and numbers to compare over runs. The verdict is the exit code alone.
const reason = wrong.length === 0 ? `all ${expected.length} days are there once` : wrong.join("; ");
process.stdout.write(`${JSON.stringify({ reason, metrics: { rows: dates.length, missing: missing.length } })}\n`);
process.exitCode = wrong.length === 0 ? 0 : 1;
