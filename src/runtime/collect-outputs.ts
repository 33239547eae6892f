/**
 * Takes what a step declared to produce out of its folder into the store. Only regular files inside the folder count; links, devices
 * and files that were there before and were not written are refused by name. Read once: what is hashed is what is stored (A1).
 */
import { assert } from "../base/assert.ts";
import { canonicalJson } from "../base/canonical-json.ts";
import { clipText } from "../base/clip-text.ts";
import { sha256Hex } from "../base/digest.ts";
import { isLilyError, LilyError } from "../base/lily-error.ts";
import { parseJson } from "../base/parse-json.ts";
import { parseRelativePath, type RelativePath } from "../base/relative-path.ts";
import type { PreparedArtifact } from "../artifacts/artifact-store.ts";
import type { ArtifactId } from "../contracts/ids.ts";
import type { PlanOutput } from "../contracts/plan-document.ts";
import type { StepState } from "../graph/run-state.ts";
import type { FileTree, TreeEntry } from "../ports/file-tree.ts";
import { mediaTypeOf } from "./media-type.ts";
import type { RunContext } from "./run-context.ts";
import type { SecretGuard } from "./secret-guard.ts";

/** Files of one glob output. */
const globFilesMax = 100_000;
/** A file output with a schema is parsed whole. */
const jsonBytesMax = 64 * 1024 * 1024;

export interface Producer {
  readonly step: StepState;
  readonly attempt: number;
  readonly inputs: readonly ArtifactId[];
  readonly secrets: SecretGuard;
}

/** One output: the artifacts that became of it. A path gives one, a glob any number, an optional one may give none. */
export interface CollectedOutput {
  readonly name: string;
  readonly plural: boolean;
  readonly artifacts: readonly PreparedArtifact[];
}

/** Marks of the files that an output names, before the step starts. */
export type OutputMarks = ReadonlyMap<string, string>;

export async function markOutputs(tree: FileTree, outputs: Readonly<Record<string, PlanOutput>>): Promise<OutputMarks> {
  const marks = new Map<string, string>();
  for (const output of Object.values(outputs)) {
    for (const entry of await entriesOf(tree, output)) marks.set(entry.path, entry.mark);
  }
  return marks;
}

async function entriesOf(tree: FileTree, output: PlanOutput): Promise<readonly TreeEntry[]> {
  if (output.glob !== null) return tree.glob([output.glob], globFilesMax);
  if (output.path === null) return [];
  const entry = await statOrNull(tree, parseRelativePath(output.path));
  return entry === null ? [] : [entry];
}

/** A link on the way is not the output; it is named when the output is collected. */
async function statOrNull(tree: FileTree, path: RelativePath): Promise<TreeEntry | null> {
  try {
    return await tree.stat(path);
  } catch (thrown) {
    if (isLilyError(thrown, "PATH_INVALID", "INPUT_NOT_FOUND")) return null;
    throw thrown;
  }
}

/** Throws STEP_OUTPUT_MISSING or STEP_OUTPUT_INVALID naming output and path. */
export async function collectFile(
  run: RunContext,
  producer: Producer,
  tree: FileTree,
  name: string,
  output: PlanOutput,
  before: OutputMarks,
): Promise<CollectedOutput> {
  if (output.glob !== null) return collectGlob(run, producer, tree, name, output, output.glob, before);
  assert(output.path !== null, "A3: an output that is a file has a path or a glob");
  const path = parseRelativePath(output.path);
  const entry = await checkedStat(tree, name, path);
  const stale = entry !== null && before.get(path) === entry.mark;
  if (entry === null || stale) {
    if (output.optional) return { name, plural: false, artifacts: [] };
    const why = stale ? "was there before the step started, and the step did not write it" : "was not produced";
    throw new LilyError("STEP_OUTPUT_MISSING", `output ${name}: ${path} ${why}`, { details: { output: name, path } });
  }
  return { name, plural: false, artifacts: [await storeFile(run, producer, tree, name, output, entry, name)] };
}

async function collectGlob(
  run: RunContext,
  producer: Producer,
  tree: FileTree,
  name: string,
  output: PlanOutput,
  glob: string,
  before: OutputMarks,
): Promise<CollectedOutput> {
  const artifacts: PreparedArtifact[] = [];
  let staleCount = 0;
  for (const entry of await tree.glob([glob], globFilesMax)) {
    if (entry.kind === "directory") continue;
    if (before.get(entry.path) === entry.mark) {
      staleCount++;
      continue;
    }
    artifacts.push(await storeFile(run, producer, tree, name, output, entry, globName(name, entry.path)));
  }
  if (artifacts.length === 0 && !output.optional) {
    throw new LilyError("STEP_OUTPUT_MISSING", `output ${name}: ${nothingWritten(shownGlob(glob), staleCount)}`, { details: { output: name } });
  }
  return { name, plural: true, artifacts };
}

function nothingWritten(glob: string, staleCount: number): string {
  if (staleCount === 0) return `no file that the step wrote matches ${glob}`;
  const were = staleCount === 1 ? "1 matching file was" : `${staleCount} matching files were`;
  return `${glob}: ${were} there before and the step did not write ${staleCount === 1 ? "it" : "them"}`;
}

/** `x{,/**}`, a file or everything below a folder, as people say it. */
function shownGlob(glob: string): string {
  return glob.endsWith("{,/**}") ? glob.slice(0, -"{,/**}".length) : glob;
}

function globName(output: string, path: string): string {
  const name = `${output}/${path}`;
  return name.length <= 256 ? name : `${output}/${sha256Hex(path).slice(0, 32)}`;
}

async function checkedStat(tree: FileTree, name: string, path: RelativePath): Promise<TreeEntry | null> {
  try {
    return await tree.stat(path);
  } catch (thrown) {
    if (isLilyError(thrown, "INPUT_NOT_FOUND")) return null;
    if (isLilyError(thrown, "PATH_INVALID")) throw invalid(name, path, thrown.message);
    throw thrown;
  }
}

async function storeFile(
  run: RunContext,
  producer: Producer,
  tree: FileTree,
  name: string,
  output: PlanOutput,
  entry: TreeEntry,
  artifactName: string,
): Promise<PreparedArtifact> {
  if (entry.kind !== "file") throw invalid(name, entry.path, `is a ${entry.kind}, not a regular file`);
  const shared = {
    run_id: run.runId,
    producer_id: producer.step.plan.id,
    producer_kind: "tool" as const,
    attempt: producer.attempt,
    inputs: producer.inputs,
    name: artifactName,
  };
  if (output.schema !== null) {
    const value = await readJson(tree, name, entry.path);
    producer.secrets.refuseText(canonicalJson(value, { fractions: true }), name);
    await requireSchema(run, name, entry.path, output.schema, value);
    return run.deps.artifacts.prepareJson({ ...shared, artifact_type: output.schema, schema_id: output.schema, value });
  }
  const source = await openFile(tree, name, entry.path);
  try {
    return await run.deps.artifacts.prepareSource({
      ...shared,
      artifact_type: "file",
      media_type: output.media_type ?? mediaTypeOf(entry.path),
      source: producer.secrets.guardSource(source, name),
    });
  } finally {
    await source.close();
  }
}

async function openFile(tree: FileTree, name: string, path: RelativePath): ReturnType<FileTree["open"]> {
  try {
    return await tree.open(path);
  } catch (thrown) {
    if (isLilyError(thrown, "PATH_INVALID", "INPUT_NOT_FOUND")) throw invalid(name, path, thrown.message);
    throw thrown;
  }
}

async function readJson(tree: FileTree, name: string, path: RelativePath): Promise<ReturnType<typeof parseJson>> {
  try {
    return parseJson(await tree.read(path, jsonBytesMax));
  } catch (thrown) {
    if (isLilyError(thrown, "JSON_INVALID", "INPUT_NOT_UTF8", "INPUT_TOO_LARGE", "PATH_INVALID", "INPUT_NOT_FOUND")) throw invalid(name, path, thrown.message);
    throw thrown;
  }
}

/** Throws STEP_OUTPUT_INVALID with the paths that do not fit. */
export async function requireSchema(run: RunContext, name: string, where: string, schemaId: string, value: ReturnType<typeof parseJson>): Promise<void> {
  const problems = await run.deps.schemas.problems(schemaId, value);
  if (problems.length > 0) throw invalid(name, where, `does not fit ${schemaId}: ${problems.slice(0, 5).join("; ")}`);
}

function invalid(name: string, path: string, why: string): LilyError {
  return new LilyError("STEP_OUTPUT_INVALID", clipText(`output ${name}: ${path}: ${why}`, 2000), { details: { output: name, path } });
}
