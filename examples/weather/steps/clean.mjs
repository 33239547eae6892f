/**
 * `clean.mjs CSV OUT`: turns the file of the weather service into a table of days.
 *
 * Weather stations often write 0 for "not measured", so the first reading is strict: a day with a 0 among its readings is dropped. Whether
 * this file is of that kind is not known here; the gate `rows` finds out. When it sends the run back by the route `repair`, a 0 is read as
 * what was measured.
 */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";

const [csvFile = "", outFile = ""] = process.argv.slice(2);
const isZeroMissing = process.env.ROUTE !== "repair";
const readings = ["precipitation", "temp_max", "temp_min", "wind"];

const [header = "", ...lines] = readFileSync(csvFile, "utf8").trimEnd().split("\n");
const names = header.split(",");
const days = [];
for (const line of lines) {
  const cells = line.split(",");
  const row = Object.fromEntries(names.map((name, at) => [name, cells[at]]));
  const day = { date: row.date, weather: row.weather, ...Object.fromEntries(readings.map((name) => [name, Number(row[name])])) };
  if (isZeroMissing && readings.some((name) => day[name] === 0)) continue;
  days.push(day);
}

writeFileSync(outFile, JSON.stringify({ zero_is: isZeroMissing ? "missing" : "measured", days }));
process.stdout.write(`${days.length} of ${lines.length} days kept; a reading of 0 is taken as ${isZeroMissing ? "missing" : "measured"}\n`);
