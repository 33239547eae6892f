/** One module for every gate of the pack: reads the table as often as the check asks for, and returns its verdict. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { defineModule } from "lily-kernel";
import { checkOf } from "../tables/checks.mjs";
import { badRowsText, readTable, TableError } from "../tables/table.mjs";

export const check = defineModule({
  name: "tabular.check",
  version: "1",
  async run(context, input) {
    const { check: name, table, ...options } = withoutNulls(input);
    if (options.profile !== undefined) options.profile = await profileOf(options.profile, context.cwd);
    const one = checkOf(name, options);
    try {
      let summary;
      do {
        one.begin();
        summary = await readTable(table, options, one.row, context.cwd);
      } while (one.again());
      context.log(`${name}: ${summary.rows} rows, columns ${summary.columns.join(", ")}`);
      const bad = badRowsText(summary);
      if (bad !== null) return { passed: false, reason: bad, metrics: { rows: summary.rows, bad_rows: summary.bad.count } };
      return one.end(summary);
    } catch (thrown) {
      if (thrown instanceof TableError) return { passed: false, reason: thrown.message };
      throw thrown;
    }
  },
});

/** What a use left out comes as null from the template. */
function withoutNulls(input) {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null));
}

/** A profile as a step returned it, or a file that holds one. */
async function profileOf(profile, cwd) {
  const path = typeof profile === "string" ? resolve(cwd, profile) : profile.path;
  if (typeof path !== "string") return profile;
  const value = JSON.parse(await readFile(path, "utf8"));
  return value?.payload ?? value;
}
