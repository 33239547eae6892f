import type { RollbackScaffold } from "../artifacts/builtin-schemas.ts";

export interface RollbackConfirmation {
  readonly confirmed: boolean;
  readonly text: string;
}

/**
 * What a person's answer means: `yes`, typed in full and in lower case, confirms; anything else, and no answer at all (null), does not.
 * It is an answer and nothing more: nothing is executed, whatever it is (S2).
 */
export function confirmRollback(scaffold: RollbackScaffold, typed: string | null): RollbackConfirmation {
  if (!scaffold.is_rollback_possible) return { confirmed: false, text: `Rollback is not possible: ${scaffold.reason}` };
  if (typed === null) return { confirmed: false, text: "Not confirmed: nobody answered. Type yes at the prompt, or write it to standard input." };
  if (typed.trim() !== "yes") return { confirmed: false, text: "Not confirmed: only a typed yes confirms." };
  return { confirmed: true, text: "Confirmed. NOT EXECUTED: Lily undoes nothing; follow the checklist by hand." };
}
