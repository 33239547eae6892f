import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** Path of a table that the package vega-datasets carries; see README.md. Throws when the package is not installed. */
export function tableFile(name: "airports.csv" | "seattle-weather.csv"): string {
  for (let folder = path.dirname(fileURLToPath(import.meta.resolve("vega-datasets"))); folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const file = path.join(folder, "data", name);
    if (existsSync(file)) return file;
  }
  throw new Error(`the package vega-datasets holds no data/${name}`);
}
