import type { EventKind } from "./events.ts";
import type { RunStatus } from "./run-view.ts";

/** The status of a run right after an event of these kinds; every other kind leaves it as it was. For lists of runs; a run's own view is folded in full. */
export const statusAfter: Readonly<Partial<Record<EventKind, RunStatus>>> = {
  RUN_CREATED: "created",
  PLAN_COMMITTED: "planned",
  RUN_STARTED: "running",
  RUN_RESUMED: "running",
  RUN_UNBLOCKED: "running",
  RUN_REOPENED: "running",
  RUN_SUCCEEDED: "succeeded",
  RUN_FAILED: "failed",
  RUN_BLOCKED: "blocked",
  RUN_CANCELED: "canceled",
  RUN_INCOMPLETE: "incomplete",
};
