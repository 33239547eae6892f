/** A process that builds the authority of a workspace again, and says on stdout how that went: argv is the workspace folder. */
import process from "node:process";
import { isLilyError } from "../../src/base/lily-error.ts";
import { recoverAuthority } from "../../src/presets/local.ts";

const told = await recoverAuthority(process.argv[2] ?? "").then(
  () => "recovered",
  (thrown: unknown) => (isLilyError(thrown) ? `refused ${thrown.code}` : `threw ${String(thrown)}`),
);
process.stdout.write(`${told}\n`);
