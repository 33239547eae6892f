/**
 * Adds to what a pure step reports what it depended on. It is read before the attempt and again after it: where the two differ, nobody
 * can say what the step saw, and nothing is recorded, so that the result stands in for nothing later.
 */
import { assert } from "../base/assert.ts";
import { canonicalJson } from "../base/canonical-json.ts";
import { isLilyError } from "../base/lily-error.ts";
import { parseJson } from "../base/parse-json.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import type { EventBody, EventBodyOf } from "../contracts/event.ts";
import type { Material } from "../contracts/materials.ts";
import { digestFile } from "../graph/bind-code.ts";
import type { StepState } from "../graph/run-state.ts";
import type { Delivery } from "./effect.ts";
import { hasStaleImports, noteImports } from "./imported-code.ts";
import type { RunContext } from "./run-context.ts";
import { materialReaderOf, type MaterialsReading, worksInPlace } from "./step-materials.ts";
import { storedArtifacts } from "./step-references.ts";
import { storedBody } from "./step-report.ts";

const inputBytesMax = 64 * 1024 * 1024;

type Known = Extract<MaterialsReading, { readonly kind: "known" }>;

export async function withMaterials(run: RunContext, step: StepState, attempt: number, perform: () => Promise<Delivery>): Promise<Delivery> {
  noteImports(run, step.plan);
  if (!step.plan.pure) return perform();
  const reader = materialReaderOf(run);
  const before = await reader.read(step, { fresh: true });
  const delivery = await perform();
  const completed = delivery.bodies.find((body) => body.kind === "STEP_COMPLETED");
  if (completed === undefined || before.kind === "unknown" || !isClean(delivery.bodies)) return delivery;
  const after = await reader.read(step, { fresh: true });
  if (after.kind === "unknown" || after.key !== before.key || !(await isAsNamed(run, step, completed, after.materials))) return delivery;
  return { ...delivery, bodies: await withRecorded(run, step, attempt, delivery.bodies, before) };
}

/** A step that changed something beside its outputs is more than its outputs. */
function isClean(bodies: readonly EventBody[]): boolean {
  return !bodies.some(({ kind }) => kind === "SIDE_EFFECT_OBSERVED" || kind === "POLICY_VIOLATION");
}

/** Whether what the step really used is what the materials name. */
async function isAsNamed(run: RunContext, { plan }: StepState, { data }: EventBodyOf<"STEP_COMPLETED">, materials: readonly Material[]): Promise<boolean> {
  const { executor, workdir } = plan;
  if (executor.kind === "module" && executor.isolation === "none" && hasStaleImports(run, plan)) return false;
  if (executor.kind === "process" || executor.kind === "shell") {
    const tools = materials.filter(({ kind }) => kind === "tool").map(({ digest }) => digest);
    const used = data.executor.tool_digest;
    const isCode = used !== undefined && materials.some(({ kind, digest }) => kind === "code" && digest === used);
    if (used === undefined || !(tools.includes(used) || isCode)) return false;
    // In the project's folder and without a sandbox a command reads what it likes.
    if (workdir === "source" && data.executor.sandbox === undefined) return false;
  }
  if (!worksInPlace(plan)) return true;
  return (await isCodeBound(run)) && (await areInputsInPlace(run, plan.reads ?? []));
}

async function isCodeBound(run: RunContext): Promise<boolean> {
  try {
    await run.codeGuard.check();
    return true;
  } catch (thrown) {
    if (isLilyError(thrown)) return false;
    throw thrown;
  }
}

/** Inputs that are read in the project's folder are still what was taken when the run started. */
async function areInputsInPlace(run: RunContext, names: readonly string[]): Promise<boolean> {
  for (const name of names) {
    const file = run.plan.inputs[name]?.file ?? null;
    if (file === null) continue;
    const [stored] = storedArtifacts(run.state, { kind: "input", name });
    assert(stored !== undefined, "A3: an input is one artifact");
    try {
      const path = parseRelativePath(file);
      const isSame =
        stored.ref.storage_kind === "json"
          ? canonicalJson(parseJson(await run.tree.read(path, inputBytesMax)), { fractions: true }) === (await payloadText(run, stored))
          : (await digestFile(run.tree, path)) === stored.ref.digest;
      if (!isSame) return false;
    } catch (thrown) {
      if (isLilyError(thrown)) return false;
      throw thrown;
    }
  }
  return true;
}

async function payloadText({ deps }: RunContext, { ref, inline }: ReturnType<typeof storedArtifacts>[number]): Promise<string> {
  return canonicalJson(deps.artifacts.payloadOf(ref, await deps.artifacts.readArtifact(ref, inline ?? undefined)), { fractions: true });
}

async function withRecorded(
  run: RunContext,
  step: StepState,
  attempt: number,
  bodies: readonly EventBody[],
  { key, materials }: Known,
): Promise<readonly EventBody[]> {
  const prepared = await run.deps.artifacts.prepareJson({
    run_id: run.runId,
    artifact_type: "step_materials.v1",
    schema_id: "step_materials.v1",
    producer_id: "kernel",
    producer_kind: "system",
    attempt,
    inputs: [],
    name: `materials/${step.plan.id}/${attempt}`,
    value: { step_id: step.plan.id, key, materials: materials.map((one) => ({ ...one })) },
  });
  const named = { key, artifact_id: prepared.artifact.artifact_id };
  return bodies.flatMap((body): readonly EventBody[] =>
    body.kind === "STEP_COMPLETED" ? [storedBody(prepared), { ...body, data: { ...body.data, materials: named } }] : [body],
  );
}
