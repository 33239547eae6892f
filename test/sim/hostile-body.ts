import type { EventBody } from "../../src/contracts/event.ts";
import type { RunState } from "../../src/graph/run-state.ts";
import type { Random } from "./random.ts";
import { artifactId } from "./simulated-artifact.ts";

/** An event that nothing in the record asks for, as a damaged or forged one would be. */
export function hostileBody(random: Random, state: RunState, mark: number): EventBody {
  const step = random.pick(state.steps);
  const attempt = Math.max(1, step.attempt + random.below(3) - 1);
  const id = step.plan.id;
  const key = `hostile/${mark}`;
  const reason = "hostile";
  switch (random.below(10)) {
    case 0:
      return { kind: "STEP_STARTED", key, data: { step_id: id, attempt, cause: "ready", inputs: [] } };
    case 1:
      return { kind: "RUN_SUCCEEDED", key, data: { reason } };
    case 2:
      return { kind: "STEP_SKIPPED", key, data: { step_id: id, attempt, reason, because: id } };
    case 3:
      return { kind: "RUN_SEALED", key, data: { outcome: "succeeded", events: 0, counts: {} } };
    case 4:
      return { kind: "STEP_INTERRUPTED", key, data: { step_id: id, attempt, reason: "crash" } };
    case 5:
      return {
        kind: "ROUTE_TAKEN",
        key,
        data: { route_id: null, action: "goto", step_id: id, target: random.pick(state.steps).plan.id, reason },
      };
    case 6:
      return { kind: "RERUN_REQUESTED", key, data: { step_ids: [id], reason } };
    case 7:
      return { kind: "RUN_REOPENED", key, data: { reason } };
    case 8: {
      const [original = artifactId] = step.outputs.get("o") ?? [];
      const data = { original_artifact_id: original, replacement_artifact_id: original, artifact_id: original, step_id: id, name: "o", reason };
      return { kind: "ARTIFACT_REPLACED", key, data };
    }
    default:
      return { kind: "RUN_UNBLOCKED", key, data: { reason } };
  }
}
