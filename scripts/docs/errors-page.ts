import { errorTable } from "../../src/base/error-table.ts";
import { heading, type Page, table } from "./page.ts";

const introduction = `
Every error of Lily has one of these codes. \`retry\` says what a program does next: \`never\` (the same call fails again), \`later\` (it may
succeed unchanged), \`after-change\` (something must be mended first). \`HTTP\` is the status an HTTP surface gives, \`exit\` the exit code of the
command line.

| exit | meaning |
| --- | --- |
| 0 | done |
| 1 | the work failed |
| 2 | usage or invalid input |
| 3 | refused |
| 4 | corrupt |
| 5 | not anchored, or behind its anchor |
| 70 | internal fault |
| 75 | not settled yet |
| 130 | interrupted |
`;

/** `docs/reference/errors.md`. */
export const errorsPage: Page = {
  path: "docs/reference/errors.md",
  render() {
    const rows = Object.entries(errorTable).map(([code, entry]) => [`\`${code}\``, entry.retry, String(entry.http), String(entry.exit), entry.doc]);
    return `${[heading("Errors", "src/base/error-table.ts"), introduction, table(["code", "retry", "HTTP", "exit", "what happened, what to do"], rows)].join("\n")}\n`;
  },
};
