/** Exit codes of outcomes. The numbers are those of the error table; nothing else in the CLI assigns one. */
import { constants } from "node:os";
import { errorTable } from "../base/error-table.ts";
import type { RunStatus, RunView, VerifyView } from "../contracts/run-view.ts";

/** The code of a run that rests; one that does not rest is not settled. */
export function runExitCode(status: RunStatus): number {
  switch (status) {
    case "succeeded":
      return 0;
    case "failed":
      return errorTable.RUN_FAILED.exit;
    case "canceled":
      return errorTable.RUN_CANCELED.exit;
    case "incomplete":
      return errorTable.SECURITY_ESCALATED.exit;
    case "blocked":
    case "created":
    case "planned":
    case "running":
      return errorTable.RUN_BLOCKED.exit;
  }
}

/** As other programs that run a command use them: timeout(1), and the shells. */
const timeoutExit = 124;
const notStartedExit = 127;

/**
 * The command's own code; 1 when it exited 0 and a gate or an output failed; 124 when it ran longer than its timeout; 127 when it could
 * not be started; 128 and the signal's number when a signal ended it.
 */
export function execExitCode(view: RunView): number {
  if (view.status !== "failed") return runExitCode(view.status);
  const attempt = view.steps[0]?.attempts.at(-1);
  if (attempt?.outcome === "timeout") return timeoutExit;
  if (attempt?.error?.code === "STEP_SPAWN_FAILED") return notStartedExit;
  const summary = attempt?.executor_summary ?? {};
  const code = summary["exit_code"];
  if (typeof code === "number" && code !== 0) return code;
  const signal = summary["signal"];
  if (typeof signal === "string") return signalCode(signal) ?? errorTable.RUN_FAILED.exit;
  return errorTable.RUN_FAILED.exit;
}

function signalCode(signal: string): number | null {
  const entry = Object.entries(constants.signals).find(([name]) => name === signal);
  return entry === undefined ? null : 128 + entry[1];
}

export function verifyExitCode(result: VerifyView["result"]): number {
  switch (result) {
    case "anchored":
      return 0;
    case "unanchored":
      return errorTable.RECORD_UNANCHORED.exit;
    case "behind_anchor":
      return errorTable.RECORD_BEHIND_ANCHOR.exit;
    case "corrupt":
      return errorTable.LEDGER_DAMAGED.exit;
  }
}

const severity: readonly VerifyView["result"][] = ["anchored", "unanchored", "behind_anchor", "corrupt"];

/** The worst of several results. Empty evidence never verifies (S5). */
export function worstResult(results: readonly VerifyView["result"][]): VerifyView["result"] {
  if (results.length === 0) return "unanchored";
  return severity[Math.max(...results.map((result) => severity.indexOf(result)))] ?? "corrupt";
}
