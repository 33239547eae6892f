/**
 * Ctrl-C before there is a run that could be canceled. Begun work goes on to its next safe place: before the run it ends the command,
 * and a run that was made meanwhile is canceled as soon as it can be. So nothing half-made is left.
 */
import { errorTable } from "../base/error-table.ts";
import { LilyError } from "../base/lily-error.ts";
import type { CliContext } from "./cli-context.ts";
import { note } from "./write-output.ts";

export interface EarlyInterrupt {
  /** Throws INTERRUPTED when Ctrl-C was pressed: nothing has been made yet. */
  check(): void;
  /** Ends the listening, because somebody else listens from now on; true when Ctrl-C was pressed before. */
  handOver(): boolean;
}

/** Listens from now until `work` ends or hands over. The second Ctrl-C ends the process. */
export async function withEarlyInterrupt<T>(cli: CliContext, work: (early: EarlyInterrupt) => Promise<T>): Promise<T> {
  let count = 0;
  const stopListening = cli.onInterrupt(() => {
    count++;
    if (count > 1) cli.forceExit(errorTable.INTERRUPTED.exit);
    else note(cli, "interrupted; once more to end at once");
  });
  try {
    return await work({
      check() {
        if (count > 0) throw new LilyError("INTERRUPTED", "interrupted before a run was made");
      },
      handOver() {
        stopListening();
        return count > 0;
      },
    });
  } finally {
    stopListening();
  }
}
