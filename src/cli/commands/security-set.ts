import { errorTable } from "../../base/error-table.ts";
import type { CliContext } from "../cli-context.ts";
import { plainText } from "../render/plain-text.ts";
import { answer } from "../write-output.ts";
import { securityOf } from "./security-show.ts";

export interface SecuritySetFlags {
  readonly reason: string;
}

/** Exits 0 when the state is set and recorded; when it is set and could not be recorded, with the code of why not. */
export async function securitySet(cli: CliContext, flags: SecuritySetFlags, state: string): Promise<number> {
  const change = await (await securityOf(cli)).set(state, flags.reason);
  answer(cli, change, () => `the security state is ${change.to} (it was ${change.from}), set by ${plainText(change.by)}: ${plainText(change.reason)}`);
  const { unrecorded } = change;
  if (unrecorded === null) return 0;
  // Also with --quiet: the operator has to know that nobody will find this change in the record.
  cli.stderr.write(`the state holds, but it is not recorded in the workspace stream (${unrecorded.code}): ${plainText(unrecorded.message)}\n`);
  return errorTable[unrecorded.code].exit;
}
