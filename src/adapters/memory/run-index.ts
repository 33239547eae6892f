/** In-memory run index: the same fold as the database, for tests and for runs that keep nothing. */
import { LilyError } from "../../base/lily-error.ts";
import type { EventOf, LedgerEvent } from "../../contracts/event.ts";
import { runOfStream, type RunId, runStream, type StreamId } from "../../contracts/ids.ts";
import { resultEffectOf } from "../../contracts/result-effect.ts";
import { statusAfter } from "../../contracts/status-after.ts";
import type { StreamHead } from "../../ports/journal.ts";
import type { ArtifactFilter, ArtifactRow, ResultFilter, ResultRow, RunIndex, RunRow } from "../../ports/run-index.ts";

export interface MemoryRunIndex extends RunIndex {
  /** Every call is INDEX_DAMAGED until `clear`. */
  damage(): void;
}

interface Result extends Omit<ResultRow, "workflow" | "materials" | "inline" | "used_at"> {
  readonly artifactId: string;
}
type Batch = { readonly head: StreamHead; readonly events: readonly LedgerEvent[] };

export function createMemoryRunIndex(): MemoryRunIndex {
  return new InMemoryRunIndex();
}

class InMemoryRunIndex implements MemoryRunIndex {
  #cursor = 0;
  #damaged = false;
  #folded = new Map<StreamId, number>();
  #runs = new Map<RunId, RunRow>();
  #artifacts = new Map<string, ArtifactRow>();
  #results = new Map<string, Result>();
  #uses = new Map<string, string>();
  /** Where the result that stands for a step of a run comes from, and by the place of a result what runs that stand on it say against it. */
  #standing = new Map<string, string>();
  #objections = new Map<string, ReadonlyMap<RunId, number>>();
  #materials = new Map<string, Pick<ResultRow, "materials" | "inline">>();

  damage(): void {
    this.#damaged = true;
  }

  async cursor(): Promise<number> {
    this.#check();
    return this.#cursor;
  }

  async folded(stream: StreamId): Promise<number> {
    this.#check();
    return this.#folded.get(stream) ?? 0;
  }

  async apply(batches: readonly Batch[], cursor: number): Promise<void> {
    this.#check();
    const before = {
      folded: new Map(this.#folded),
      runs: new Map(this.#runs),
      artifacts: new Map(this.#artifacts),
      results: new Map(this.#results),
      uses: new Map(this.#uses),
      standing: new Map(this.#standing),
      objections: new Map(this.#objections),
      materials: new Map(this.#materials),
    };
    try {
      for (const batch of batches) this.#applyBatch(batch);
    } catch (thrown) {
      this.#folded = before.folded;
      this.#runs = before.runs;
      this.#artifacts = before.artifacts;
      this.#results = before.results;
      this.#uses = before.uses;
      this.#standing = before.standing;
      this.#objections = before.objections;
      this.#materials = before.materials;
      throw thrown;
    }
    this.#cursor = Math.max(this.#cursor, cursor);
  }

  async runs(filter: { readonly status?: string; readonly idPrefix?: string; readonly limit?: number }): Promise<readonly RunRow[]> {
    this.#check();
    return [...this.#runs.values()]
      .filter((row) => (filter.status === undefined || row.status === filter.status) && row.run_id.startsWith(filter.idPrefix ?? ""))
      .sort((a, b) => compareText(b.created_at, a.created_at) || compareText(b.run_id, a.run_id))
      .slice(0, filter.limit);
  }

  async artifacts(filter: ArtifactFilter): Promise<readonly ArtifactRow[]> {
    const { limit, ...members } = filter;
    const wanted = Object.entries(members).filter(([, value]) => value !== undefined);
    return this.#select(({ artifact }) => wanted.every(([name, value]) => Object.entries(artifact).some(([key, is]) => key === name && is === value))).slice(
      0,
      limit,
    );
  }

  async artifact(idPrefix: string): Promise<readonly ArtifactRow[]> {
    return this.#select(({ artifact }) => artifact.artifact_id.startsWith(idPrefix));
  }

  async consumers(id: string): Promise<readonly ArtifactRow[]> {
    return this.#select(({ artifact }) => artifact.inputs.some((input) => input === id));
  }

  async results(filter: ResultFilter, limit: number): Promise<readonly ResultRow[]> {
    this.#check();
    const rows = [...this.#results.values()].flatMap(({ artifactId, ...row }): ResultRow[] => {
      const materials = this.#materials.get(artifactId);
      const workflow = this.#runs.get(row.run_id)?.workflow ?? null;
      const wanted = "key" in filter ? row.key === filter.key : row.step_id === filter.step_id && workflow === filter.workflow;
      const place = placeOf(row);
      const used_at = this.#uses.get(place) ?? row.at;
      const against = row.against ?? this.#objectionTo(place);
      if ((against === null) === (filter.spoiled === true) || !wanted || materials === undefined) return [];
      return [{ ...row, workflow, used_at, against, ...("key" in filter ? { materials: null, inline: null } : materials) }];
    });
    return rows.sort((a, b) => compareText(b.used_at, a.used_at) || compareText(b.run_id, a.run_id) || b.seq - a.seq).slice(0, limit);
  }

  async clear(): Promise<void> {
    this.#damaged = false;
    this.#results.clear();
    this.#uses.clear();
    this.#standing.clear();
    this.#objections.clear();
    this.#materials.clear();
    this.#cursor = 0;
    this.#folded.clear();
    this.#runs.clear();
    this.#artifacts.clear();
  }

  async close(): Promise<void> {}

  #select(wanted: (row: ArtifactRow) => boolean): readonly ArtifactRow[] {
    this.#check();
    return [...this.#artifacts.values()]
      .filter(wanted)
      .sort((a, b) => compareText(a.artifact.created_at, b.artifact.created_at) || compareText(a.stream, b.stream) || a.seq - b.seq);
  }

  #applyBatch({ head, events }: Batch): void {
    let next = this.#folded.get(head.stream) ?? 0;
    const run = runOfStream(head.stream);
    for (const event of events) {
      if (event.seq < next) continue;
      if (event.seq > next)
        throw new LilyError("INDEX_DAMAGED", `the index holds ${next} events of ${head.stream} and was given event ${event.seq}; rebuild it`);
      next++;
      if (run !== null) this.#foldRun(run, event, next);
      if (run !== null) this.#foldResult(run, event);
      if (event.kind === "ARTIFACT_STORED" && this.#isPlaced(event)) {
        this.#artifacts.set(event.data.artifact.artifact_id, {
          artifact: event.data.artifact,
          stream: event.stream,
          seq: event.seq,
          inline: event.data.inline !== undefined,
        });
      }
    }
    if (next > 0) this.#folded.set(head.stream, next);
  }

  /** A run that reuses a result records its artifacts again; where they were made is what counts, in whatever order streams are read. */
  #isPlaced(event: EventOf<"ARTIFACT_STORED">): boolean {
    const { artifact_id, run_id } = event.data.artifact;
    const known = this.#artifacts.get(artifact_id);
    const own = runStream(run_id);
    return known === undefined || (event.stream === own && known.stream !== own);
  }

  #foldResult(run: RunId, event: LedgerEvent): void {
    if (event.kind === "ARTIFACT_STORED" && event.data.artifact.artifact_type === "step_materials.v1") {
      this.#materials.set(event.data.artifact.artifact_id, { materials: event.data.artifact, inline: event.data.inline ?? null });
    }
    const effect = resultEffectOf(event);
    if (effect === null) return;
    if (effect.kind === "completed") {
      const { key, artifact_id } = effect.materials;
      const { step_id, attempt } = effect;
      const result = { run_id: run, step_id, attempt, seq: event.seq, event: event.hash, at: event.at, key, artifactId: artifact_id, against: null };
      this.#results.set(`${run}/${step_id}`, result);
    } else if (effect.kind === "reused") {
      const place = placeOf(effect.from);
      this.#standing.set(`${run}/${effect.step_id}`, place);
      const known = this.#uses.get(place);
      if (effect.isUse && (known === undefined || known < event.at)) this.#uses.set(place, event.at);
    } else {
      const own = effect.kind === "void" ? null : `${run}/${effect.step_id}`;
      for (const [place, result] of this.#results) {
        const isMeant = result.run_id === run && (own === null || own === place);
        if (isMeant && result.against === null) this.#results.set(place, { ...result, against: { run_id: run, seq: event.seq } });
      }
      if (own === null) return;
      const from = this.#standing.get(own);
      if (effect.kind === "superseded") this.#standing.delete(own);
      else if (from !== undefined) this.#objections.set(from, new Map([[run, event.seq], ...(this.#objections.get(from) ?? [])]));
    }
  }

  #objectionTo(place: string): ResultRow["against"] {
    const [first] = [...(this.#objections.get(place) ?? [])].sort(([a], [b]) => compareText(a, b));
    return first === undefined ? null : { run_id: first[0], seq: first[1] };
  }

  #foldRun(run: RunId, event: LedgerEvent, events: number): void {
    if (event.kind === "RUN_CREATED") {
      const { kind, title = null } = event.data;
      this.#runs.set(run, { run_id: run, kind, workflow: null, title, status: "created", created_at: event.at, updated_at: event.at, events });
      return;
    }
    const row = this.#runs.get(run);
    if (row === undefined) return;
    const workflow = event.kind === "PLAN_COMMITTED" ? event.data.workflow : row.workflow;
    this.#runs.set(run, { ...row, workflow, status: statusAfter[event.kind] ?? row.status, updated_at: event.at, events });
  }

  #check(): void {
    if (this.#damaged) throw new LilyError("INDEX_DAMAGED", "the index in memory was damaged on purpose");
  }
}

function placeOf({ run_id, step_id, attempt }: Pick<ResultRow, "run_id" | "step_id" | "attempt">): string {
  return `${run_id}/${step_id}/${attempt}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
