import type { LedgerEvent } from "../contracts/event.ts";
import type { PersonActView } from "../contracts/run-view.ts";

/** What a person did, when the event says that one did something. A run that is reopened is told by what it was reopened for. */
export function personAct(event: LedgerEvent): PersonActView | null {
  const { at, by } = event;
  switch (event.kind) {
    case "RERUN_REQUESTED":
      return { act: "rerun", at, by, target: `from ${event.data.step_ids.join(", ")}`, reason: event.data.reason };
    case "ARTIFACT_REPLACED": {
      const { step_id, name, original_artifact_id, replacement_artifact_id, reason } = event.data;
      const place = step_id === undefined ? `input ${name}` : `output ${step_id}.${name}`;
      return { act: "replaced", at, by, target: `${place}: ${original_artifact_id} by ${replacement_artifact_id}`, reason };
    }
    case "RUN_UNBLOCKED":
      return { act: "unblocked", at, by, target: null, reason: event.data.reason };
    case "RUN_FORKED":
      return { act: "forked", at, by, target: `run ${event.data.from.run_id} from ${event.data.step_ids.join(", ")}`, reason: event.data.reason };
    default:
      return null;
  }
}
