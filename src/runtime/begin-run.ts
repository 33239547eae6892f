/** From a led run and a compiled plan to the first decision: plan, environment and inputs into the record, in one batch. */
import { assert } from "../base/assert.ts";
import { sha256Hex } from "../base/digest.ts";
import { isJsonObject, type JsonValue } from "../base/json-value.ts";
import { LilyError } from "../base/lily-error.ts";
import { parseJson } from "../base/parse-json.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import { timeText } from "../base/time-text.ts";
import type { PreparedArtifact } from "../artifacts/artifact-store.ts";
import type { EventBody } from "../contracts/event.ts";
import type { ArtifactId } from "../contracts/ids.ts";
import type { PlanInput } from "../contracts/plan-document.ts";
import type { FileTree } from "../ports/file-tree.ts";
import { mediaTypeOf } from "./media-type.ts";
import type { RunContext } from "./run-context.ts";
import { snapshotBody } from "./security-watch.ts";
import { storedBody } from "./step-report.ts";

/** Where an input's bytes come from: a file of the workflow's folder, or one that the caller named. */
export interface InputFile {
  readonly tree: FileTree;
  readonly path: string;
}

/** Longest name of an artifact. */
const nameMax = 256;
const jsonBytesMax = 64 * 1024 * 1024;

/** The events that start the run, not yet appended. Objects they name are durable. */
export async function beginBodies(run: RunContext, inputs: Readonly<Record<string, InputFile>>, parallel: number): Promise<readonly EventBody[]> {
  const bodies = [...(await planBodies(run))];
  const ids: Record<string, ArtifactId> = {};
  for (const [name, input] of Object.entries(run.plan.inputs)) {
    const stored = await storeInput(run, name, input, inputs[name]);
    bodies.push(storedBody(stored));
    ids[name] = stored.artifact.artifact_id;
  }
  bodies.push(snapshotBody("pre", run.securityAtStart, null, run.state.events));
  bodies.push({ kind: "RUN_STARTED", key: "RUN_STARTED", data: { inputs: ids, parallel, ...(run.reuse ? {} : { reuse: false as const }) } });
  return bodies;
}

/** The plan and the environment, which every run records before it starts. */
export async function planBodies(run: RunContext): Promise<readonly EventBody[]> {
  const plan = await storePlan(run);
  const environment = await storeEnvironment(run);
  return [
    storedBody(plan),
    {
      kind: "PLAN_COMMITTED",
      key: "PLAN_COMMITTED",
      data: { plan_hash: run.planHash, artifact_id: plan.artifact.artifact_id, workflow: run.plan.workflow, source_dir: run.sourceDir },
    },
    storedBody(environment),
    { kind: "ENVIRONMENT_CAPTURED", key: "ENVIRONMENT_CAPTURED", data: { artifact_id: environment.artifact.artifact_id } },
  ];
}

function origin(
  run: RunContext,
  type: string,
  name: string,
): {
  readonly run_id: string;
  readonly artifact_type: string;
  readonly name: string;
  readonly producer_id: string;
  readonly producer_kind: "system";
  readonly attempt: number;
  readonly inputs: readonly ArtifactId[];
} {
  return { run_id: run.runId, artifact_type: type, name, producer_id: "kernel", producer_kind: "system", attempt: 0, inputs: [] };
}

async function storePlan(run: RunContext): Promise<PreparedArtifact> {
  return run.deps.artifacts.prepareJson({ ...origin(run, "plan", "plan"), value: planJson(run.plan) });
}

/** The plan as the JSON it is. */
function planJson(plan: object): JsonValue {
  assert(isJsonObject(plan), "A1: a plan is a plain object");
  return plan;
}

async function storeEnvironment(run: RunContext): Promise<PreparedArtifact> {
  const { probe, clock } = run.deps;
  const commands = run.plan.steps.flatMap((step) => (step.executor.kind === "process" ? step.executor.argv.slice(0, 1) : []));
  const value = await probe.snapshot({ sourceDir: run.sourceDir, tools: [...new Set(commands)], at: timeText(clock.nowMs()) });
  return run.deps.artifacts.prepareJson({ ...origin(run, "environment_snapshot.v1", "environment_snapshot"), schema_id: "environment_snapshot.v1", value });
}

/** An input as an artifact, checked against its schema. Throws SCHEMA_MISMATCH. */
export async function storeInput(run: RunContext, name: string, input: PlanInput, file: InputFile | undefined): Promise<PreparedArtifact> {
  assert(file !== undefined, `A3: whoever starts a run says where input ${name} comes from`);
  const path = parseRelativePath(file.path);
  const base = path.slice(path.lastIndexOf("/") + 1);
  const fileName = name.length + base.length < nameMax ? base : sha256Hex(base).slice(0, 32);
  const shared = { ...origin(run, "file", name), producer_id: "input", name: `${name}/${fileName}` };
  if (input.schema !== null) {
    const value = parseJson(await file.tree.read(path, jsonBytesMax));
    const problems = await run.deps.schemas.problems(input.schema, value);
    if (problems.length > 0)
      throw new LilyError("SCHEMA_MISMATCH", `input ${name}: ${path} does not fit ${input.schema}: ${problems.slice(0, 5).join("; ")}`, {
        details: { input: name },
      });
    return run.deps.artifacts.prepareJson({ ...shared, artifact_type: input.schema, schema_id: input.schema, value });
  }
  const source = await file.tree.open(path);
  try {
    return await run.deps.artifacts.prepareSource({ ...shared, media_type: input.media_type ?? mediaTypeOf(path), source });
  } finally {
    await source.close();
  }
}
