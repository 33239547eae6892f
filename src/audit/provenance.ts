/** Who made what from what, for one run, from its events alone. Reads only. */
import type { LedgerEvent } from "../contracts/event.ts";
import type { ArtifactRef } from "../contracts/artifact-ref.ts";

export interface ProvenanceNode {
  readonly id: string;
  readonly kind: "artifact" | "step" | "gate" | "input";
  readonly label: string;
  readonly digest: string | null;
}

export interface ProvenanceEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: "produced" | "used" | "judged";
}

export interface ProvenanceView {
  readonly nodes: readonly ProvenanceNode[];
  readonly edges: readonly ProvenanceEdge[];
}

/** Attempts, not steps, are the nodes that made things: every attempt that ran keeps what it used and produced (E2). */
export function foldProvenance(events: Iterable<LedgerEvent>): ProvenanceView {
  const nodes = new Map<string, ProvenanceNode>();
  const edges: ProvenanceEdge[] = [];
  const refs = new Map<string, ArtifactRef>();
  const artifactNode = (id: string): string => {
    const ref = refs.get(id);
    if (!nodes.has(id))
      nodes.set(id, { id, kind: ref?.producer_id === "input" ? "input" : "artifact", label: ref?.artifact_name ?? id, digest: ref?.digest ?? null });
    return id;
  };
  for (const event of events) {
    switch (event.kind) {
      case "ARTIFACT_STORED":
        refs.set(event.data.artifact.artifact_id, event.data.artifact);
        break;
      case "RUN_STARTED":
        for (const id of Object.values(event.data.inputs)) artifactNode(id);
        break;
      case "STEP_STARTED": {
        const id = stepNode(nodes, event.data.step_id, event.data.attempt);
        for (const input of event.data.inputs) edges.push({ from: artifactNode(input), to: id, kind: "used" });
        break;
      }
      case "STEP_COMPLETED": {
        const id = stepNode(nodes, event.data.step_id, event.data.attempt);
        for (const output of event.data.artifacts) edges.push({ from: id, to: artifactNode(output), kind: "produced" });
        break;
      }
      case "ARTIFACT_REPLACED": {
        const { original_artifact_id, replacement_artifact_id } = event.data;
        const id = `replacement ${replacement_artifact_id}`;
        nodes.set(id, { id, kind: "step", label: `replaced by ${event.by}`, digest: null });
        edges.push({ from: artifactNode(original_artifact_id), to: id, kind: "used" });
        edges.push({ from: id, to: artifactNode(replacement_artifact_id), kind: "produced" });
        break;
      }
      case "GATE_PASSED":
      case "GATE_FAILED":
      case "GATE_ERROR": {
        const { gate_id, step_id, attempt, result_artifact_id } = event.data;
        const again = event.data.dry_run === true ? " dry run" : "";
        const id = `gate ${gate_id} ${attempt}${again}`;
        const verdict = event.kind.slice("GATE_".length).toLowerCase();
        nodes.set(id, { id, kind: "gate", label: `${gate_id} #${attempt}${again}: ${verdict}`, digest: null });
        const inputs = refs.get(result_artifact_id)?.inputs ?? [];
        for (const input of inputs) edges.push({ from: artifactNode(input), to: id, kind: "judged" });
        if (inputs.length === 0 && step_id !== undefined) edges.push({ from: stepNode(nodes, step_id, attempt), to: id, kind: "judged" });
        break;
      }
      default:
        break;
    }
  }
  return { nodes: [...nodes.values()], edges };
}

function stepNode(nodes: Map<string, ProvenanceNode>, stepId: string, attempt: number): string {
  const id = `step ${stepId} ${attempt}`;
  if (!nodes.has(id)) nodes.set(id, { id, kind: "step", label: `${stepId} #${attempt}`, digest: null });
  return id;
}
