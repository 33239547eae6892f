/**
 * `figures.mjs CSV SUMMARY PAGE`: recomputes the year's days and its rain from the file that the run was given, without the table and with
 * whole numbers, and looks for both in the page. So the page is judged by the data and not by what the other steps made of it.
 */
import { readFileSync } from "node:fs";
import process from "node:process";

const [csv = "", summaryText = "", page = ""] = process.argv.slice(2).map((file) => readFileSync(file, "utf8"));
const summary = JSON.parse(summaryText);
const rows = csv.split("\n").filter((line) => line.startsWith(`${summary.year}-`));
const tenths = rows.reduce((sum, line) => sum + Math.round(Number(line.split(",")[1]) * 10), 0);
const wanted = [`| days | ${rows.length} |`, `| rain and snow | ${tenths / 10} mm |`];

const absent = wanted.filter((text) => !page.includes(text));
process.stdout.write(`${summary.year}: ${rows.length} days, ${tenths / 10} mm\n`);
for (const text of absent) process.stderr.write(`the page does not say: ${text}\n`);
process.exitCode = absent.length === 0 ? 0 : 1;
