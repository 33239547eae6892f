/** The logs of a run as its record vouches for them: a file is shown only when it is what was recorded (A1). */
import { type Digest, streamHasher } from "../base/digest.ts";
import { isLilyError, LilyError } from "../base/lily-error.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import { type RunId, runStream } from "../contracts/ids.ts";
import type { FileTree } from "../ports/file-tree.ts";
import type { ByteSource } from "../ports/object-store.ts";
import type { KernelCore } from "./core.ts";
import { isWantedLog, type LogFilter } from "./follow-run.ts";
import type { CheckedLog } from "./kernel.ts";
import { foldRunFiles, type RecordedLog, type RunFiles } from "./run-files.ts";

const pieceBytes = 64 * 1024;

/** One log file, or one that should be there. */
export interface LogRow {
  /** Relative to the run's folder. */
  readonly path: string;
  readonly size: number;
  readonly isMissing: boolean;
  readonly state: CheckedLog["state"];
  readonly log: RecordedLog | null;
}

/** Joins the files found with the logs recorded, in path order as files are listed; what is recorded and gone comes last. */
export function matchLogs(files: RunFiles, found: readonly { readonly path: string; readonly size: number }[]): readonly LogRow[] {
  const lastTry = lastTries(found);
  const rows = found.map(({ path, size }): LogRow => {
    const { folder, dir, name } = partsOf(path);
    const end = lastTry.get(folder) === dir ? files.ends.get(folder) : undefined;
    const log = end?.logs.get(name) ?? null;
    const state = log !== null ? "recorded" : end?.hasAllLogs === true && size > 0 ? "foreign" : unrecorded(files, folder);
    return { path, size, isMissing: false, state, log };
  });
  const seen = new Set(rows.flatMap((row) => (row.log === null ? [] : [`${partsOf(row.path).folder}/${partsOf(row.path).name}`])));
  for (const [folder, end] of files.ends) {
    for (const [name, log] of end.logs) {
      if (seen.has(`${folder}/${name}`)) continue;
      const dir = lastTry.get(folder) ?? folder;
      rows.push({ path: `${dir}/${name}`, size: log.artifact.size, isMissing: true, state: "recorded", log });
    }
  }
  return rows;
}

function unrecorded(files: RunFiles, folder: string): LogRow["state"] {
  return files.isSealed || files.interrupted.has(folder) || files.ends.has(folder) ? "unrecorded" : "running";
}

/** A gate that a crash cut off is judged again in `ATTEMPT-TRY` (or `ATTEMPT-rN-TRY`); the verdict in the record is that of the last try. */
function lastTries(found: readonly { readonly path: string }[]): ReadonlyMap<string, string> {
  const last = new Map<string, { readonly dir: string; readonly number: number }>();
  for (const { path } of found) {
    const { folder, dir } = partsOf(path);
    const number = Number(dir.slice(folder.length + 1) || "1");
    if ((last.get(folder)?.number ?? 0) < number) last.set(folder, { dir, number });
  }
  return new Map([...last].map(([folder, { dir }]) => [folder, dir]));
}

function partsOf(path: string): { readonly folder: string; readonly dir: string; readonly name: string } {
  const [kind = "", id = "", attempt = "", name = ""] = path.split("/");
  const number = kind === "gates" ? attempt.replace(/^(\d+(?:-(?:r|dry)\d+)?)-\d+$/, "$1") : attempt;
  return { folder: `${kind}/${id}/${number}`, dir: `${kind}/${id}/${attempt}`, name };
}

/** What is wrong with the file of a recorded log; null when its bytes are those recorded. */
export async function logDifference(tree: FileTree, runId: RunId, row: LogRow): Promise<string | null> {
  if (row.state === "foreign") return "the record names no such log of an attempt that ended";
  if (row.log === null || row.isMissing) return null;
  const { digest, size } = row.log.artifact;
  const seen = await fileDigest(tree, `runs/${runId}/${row.path}`);
  if (seen.digest === digest) return null;
  return `it ${seen.digest === null ? seen.problem : `is ${seen.digest} (${row.size} bytes)`}; the record says ${digest} (${size} bytes)`;
}

async function fileDigest(
  tree: FileTree,
  path: string,
): Promise<{ readonly digest: Digest; readonly problem: null } | { readonly digest: null; readonly problem: string }> {
  let source: ByteSource;
  try {
    source = await tree.open(parseRelativePath(path));
  } catch (thrown) {
    if (isLilyError(thrown, "PATH_INVALID", "INPUT_NOT_FOUND")) return { digest: null, problem: `cannot be read (${thrown.message})` };
    throw thrown;
  }
  const hasher = streamHasher();
  for await (const piece of piecesOf(source)) hasher.update(piece);
  return { digest: hasher.digest(), problem: null };
}

async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array, void, void> {
  try {
    for (;;) {
      const piece = new Uint8Array(pieceBytes);
      const count = await source.read(piece);
      if (count === 0) return;
      yield piece.subarray(0, count);
    }
  } finally {
    await source.close();
  }
}

export async function checkedLogs(core: KernelCore, runText: string, filter: LogFilter): Promise<readonly CheckedLog[]> {
  const runId = await core.findRun(runText);
  const { folders, trees, workspaceDir } = core.parts;
  // The files first: an attempt that ends in between is then recorded when the record is read.
  const found = await folders.logs(runId);
  const files = await foldRunFiles((await core.ledger()).readStream(runStream(runId)));
  const tree = await trees.openTree(workspaceDir);
  const rows = matchLogs(files, found).filter((row) => isWantedLog(row.path, filter));
  return rows.map((row): CheckedLog => {
    const { path, size, isMissing, state, log } = row;
    const check = async (): Promise<void> => {
      const difference = await logDifference(tree, runId, row);
      if (difference !== null) throw corrupt(folders.runDir(runId), row, difference);
    };
    return {
      path,
      size,
      absolutePath: `${folders.runDir(runId)}/${path}`,
      state,
      isMissing,
      artifactId: log?.artifact.artifact_id ?? null,
      check,
      bytes: log === null ? null : () => recordedBytes(core, log, check),
    };
  });
}

/** The bytes of the record or object store, after the file was found to be the same. */
async function* recordedBytes(core: KernelCore, { artifact, inline }: RecordedLog, check: () => Promise<void>): AsyncGenerator<Uint8Array, void, void> {
  await check();
  if (inline !== undefined) yield await (await core.artifactStore()).readArtifact(artifact, inline);
  else yield* piecesOf(await core.parts.objects.open(artifact.digest));
}

function corrupt(runDir: string, { path, log }: LogRow, difference: string): LilyError {
  const advice = log === null ? "it was not shown" : `lily artifact get ${log.artifact.artifact_id} gives the recorded bytes`;
  const details = { path: `${runDir}/${path}`, ...(log === null ? {} : { artifact_id: log.artifact.artifact_id }) };
  return new LilyError("OBJECT_CORRUPT", `the log ${runDir}/${path} was changed: ${difference}; ${advice}`, { details });
}
