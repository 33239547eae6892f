/** Who made what from what, for one run, from its events alone. Reads only. */
import type { LedgerEvent } from "../contracts/event.ts";
import type { ArtifactRef } from "../contracts/artifact-ref.ts";
import type { EventData } from "../contracts/events.ts";
import { runOfStream } from "../contracts/ids.ts";

export interface ProvenanceNode {
  readonly id: string;
  /** A `run` is one that this run was forked from. */
  readonly kind: "artifact" | "step" | "gate" | "input" | "run";
  readonly label: string;
  readonly digest: string | null;
}

export interface ProvenanceEdge {
  readonly from: string;
  readonly to: string;
  /** `reused`: from the attempt whose results stand in. `forked`: from the run whose prefix is shared. */
  readonly kind: "produced" | "used" | "judged" | "reused" | "forked";
}

export interface ProvenanceView {
  readonly nodes: readonly ProvenanceNode[];
  readonly edges: readonly ProvenanceEdge[];
}

/** Attempts, not steps, are the nodes that made things: every attempt that ran keeps what it used and produced (E2). */
export function foldProvenance(events: Iterable<LedgerEvent>): ProvenanceView {
  const fold = new ProvenanceFold();
  for (const event of events) fold.add(event);
  return fold.view();
}

class ProvenanceFold {
  readonly #nodes = new Map<string, ProvenanceNode>();
  readonly #edges = new Map<string, ProvenanceEdge>();
  readonly #refs = new Map<string, ArtifactRef>();
  #forkedFrom: string | null = null;
  #reuses = 0;

  view(): ProvenanceView {
    return { nodes: [...this.#nodes.values()], edges: [...this.#edges.values()] };
  }

  add(event: LedgerEvent): void {
    switch (event.kind) {
      case "ARTIFACT_STORED":
        this.#refs.set(event.data.artifact.artifact_id, event.data.artifact);
        return;
      case "RUN_STARTED":
        for (const id of Object.values(event.data.inputs)) this.#artifact(id);
        return;
      case "RUN_FORKED":
        return this.#fork(event.data);
      case "STEP_STARTED": {
        const id = this.#attempt(event.data.step_id, event.data.attempt);
        for (const input of event.data.inputs) this.#edge(this.#artifact(input), id, "used");
        return;
      }
      case "STEP_COMPLETED": {
        const id = this.#attempt(event.data.step_id, event.data.attempt);
        for (const output of event.data.artifacts) this.#edge(id, this.#artifact(output), "produced");
        return;
      }
      case "STEP_REUSED":
        return this.#reuse(event.data, runOfStream(event.stream));
      case "ARTIFACT_REPLACED":
        return this.#replace(event.data, event.by);
      case "GATE_PASSED":
      case "GATE_FAILED":
      case "GATE_ERROR":
        return this.#judge(event.kind, event.data);
      default:
        return;
    }
  }

  #fork({ from, prefix }: EventData["RUN_FORKED"]): void {
    const id = `run ${from.run_id}`;
    this.#forkedFrom = id;
    this.#node({ id, kind: "run", label: `run ${from.run_id}, first ${prefix.events} events`, digest: prefix.head });
  }

  /** The artifacts stay those of the attempt that made them, in the run that made them. */
  #reuse({ step_id, from, cause, artifacts }: EventData["STEP_REUSED"], runId: string | null): void {
    const origin = from.run_id === runId ? this.#attempt(from.step_id, from.attempt) : this.#foreign(from);
    this.#reuses++;
    const id = `reuse ${step_id} ${this.#reuses}`;
    this.#node({ id, kind: "step", label: `${step_id}: reused (${cause})`, digest: null });
    this.#edge(origin, id, "reused");
    if (cause === "fork" && this.#forkedFrom !== null) this.#edge(this.#forkedFrom, id, "forked");
    for (const output of artifacts) this.#edge(origin, this.#artifact(output), "produced");
  }

  #replace({ original_artifact_id, replacement_artifact_id }: EventData["ARTIFACT_REPLACED"], by: string): void {
    const id = `replacement ${replacement_artifact_id}`;
    this.#node({ id, kind: "step", label: `replaced by ${by}`, digest: null });
    this.#edge(this.#artifact(original_artifact_id), id, "used");
    this.#edge(id, this.#artifact(replacement_artifact_id), "produced");
  }

  #judge(kind: "GATE_PASSED" | "GATE_FAILED" | "GATE_ERROR", data: EventData["GATE_PASSED"]): void {
    const { gate_id, step_id, attempt, result_artifact_id } = data;
    const again = data.dry_run === true ? " dry run" : "";
    const id = `gate ${gate_id} ${attempt}${again}`;
    this.#nodes.set(id, { id, kind: "gate", label: `${gate_id} #${attempt}${again}: ${kind.slice("GATE_".length).toLowerCase()}`, digest: null });
    const inputs = this.#refs.get(result_artifact_id)?.inputs ?? [];
    for (const input of inputs) this.#edge(this.#artifact(input), id, "judged");
    if (inputs.length === 0 && step_id !== undefined) this.#edge(this.#attempt(step_id, attempt), id, "judged");
  }

  #artifact(id: string): string {
    const ref = this.#refs.get(id);
    const kind = ref?.producer_id === "input" ? "input" : "artifact";
    this.#node({ id, kind, label: ref?.artifact_name ?? id, digest: ref?.digest ?? null });
    return id;
  }

  #attempt(stepId: string, attempt: number): string {
    const id = `step ${stepId} ${attempt}`;
    this.#node({ id, kind: "step", label: `${stepId} #${attempt}`, digest: null });
    return id;
  }

  /** An attempt of another run. */
  #foreign({ run_id, step_id, attempt }: EventData["STEP_REUSED"]["from"]): string {
    const id = `step ${run_id} ${step_id} ${attempt}`;
    this.#node({ id, kind: "step", label: `${step_id} #${attempt} of run ${run_id}`, digest: null });
    return id;
  }

  /** The first word about a node stays. */
  #node(node: ProvenanceNode): void {
    if (!this.#nodes.has(node.id)) this.#nodes.set(node.id, node);
  }

  #edge(from: string, to: string, kind: ProvenanceEdge["kind"]): void {
    this.#edges.set(JSON.stringify([from, to, kind]), { from, to, kind });
  }
}
