/** What a table holds, as the output `profile`. A table with a row that is not readable has no profile: the step fails and names the lines. */
import { defineModule } from "lily-kernel";
import { Profile } from "../tables/profile.mjs";
import { badRowsText, readTable } from "../tables/table.mjs";

export const profile = defineModule({
  name: "tabular.profile",
  version: "1",
  async run(context, input) {
    const { table, ...options } = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null));
    const found = new Profile();
    const summary = await readTable(table, options, (row, columns) => found.row(row, columns), context.cwd);
    const bad = badRowsText(summary);
    if (bad !== null) throw new Error(bad);
    return { profile: found.result(summary.columns) };
  },
});
