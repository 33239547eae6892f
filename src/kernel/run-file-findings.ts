/** Logs, executor.json and run_manifest.json are copies for people: each must say what the record says. Part of `lily doctor`. */
import { canonicalJson } from "../base/canonical-json.ts";
import { isJsonObject, type JsonValue } from "../base/json-value.ts";
import { isLilyError } from "../base/lily-error.ts";
import { parseJson } from "../base/parse-json.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import { type RunId, runOfStream, runStream } from "../contracts/ids.ts";
import type { FileTree } from "../ports/file-tree.ts";
import { logDifference, matchLogs } from "./checked-logs.ts";
import type { KernelCore } from "./core.ts";
import type { DoctorFinding } from "./kernel.ts";
import { foldRunFiles, type RecordedEnd } from "./run-files.ts";

const listedMax = 100;
const summaryBytesMax = 1024 * 1024;
const encoder = new TextEncoder();

export async function runFileFindings(core: KernelCore): Promise<readonly DoctorFinding[]> {
  const tree = await core.parts.trees.openTree(core.parts.workspaceDir);
  const findings: DoctorFinding[] = [];
  let runs = 0;
  for (const { stream } of (await core.parts.authority.journal.changedSince(0)).heads) {
    const runId = runOfStream(stream);
    if (runId === null) continue;
    runs++;
    try {
      findings.push(...(await filesOfRun(core, tree, runId)));
    } catch (thrown) {
      if (!isLilyError(thrown)) throw thrown;
      findings.push(finding("problem", `files of ${runId}`, `cannot be compared: ${thrown.code}: ${thrown.message}`, "mend the record first"));
    }
  }
  const wrong = findings.filter(({ level }) => level === "problem").length;
  const shown = findings.slice(0, listedMax);
  if (findings.length > listedMax)
    shown.push(finding("problem", "run files", `${findings.length - listedMax} more findings of this kind`, "mend those named first"));
  return wrong === 0 ? [finding("ok", "run files", `logs and manifests of ${runs} runs are what their records say`, null), ...shown] : shown;
}

async function filesOfRun(core: KernelCore, tree: FileTree, runId: RunId): Promise<readonly DoctorFinding[]> {
  const found = await core.parts.folders.logs(runId);
  const files = await foldRunFiles((await core.ledger()).readStream(runStream(runId)));
  const findings: DoctorFinding[] = [];
  for (const row of matchLogs(files, found)) {
    const path = `runs/${runId}/${row.path}`;
    const id = row.log?.artifact.artifact_id ?? null;
    const bytes = id === null ? "look into who wrote it" : `lily artifact get ${id} gives the recorded bytes`;
    const difference = await logDifference(tree, runId, row);
    if (difference !== null) findings.push(finding("problem", `log ${path}`, difference, bytes));
    else if (row.isMissing) findings.push(finding("note", `log ${path}`, "the file is gone; the record has its bytes", bytes));
  }
  if (files.manifest !== null) findings.push(...(await fileFinding(tree, `runs/${runId}/run_manifest.json`, (text) => text === files.manifest)));
  for (const [folder, { summary }] of files.ends) {
    if (summary !== null) findings.push(...(await fileFinding(tree, `runs/${runId}/${folder}/executor.json`, (text) => isSummaryOf(text, summary))));
  }
  return findings;
}

/** A file that a crash kept from being written, or that somebody removed, takes nothing from the record. */
async function fileFinding(tree: FileTree, path: string, isRight: (text: string) => boolean): Promise<readonly DoctorFinding[]> {
  try {
    const text = new TextDecoder().decode(await tree.read(parseRelativePath(path), summaryBytesMax));
    return isRight(text) ? [] : [finding("problem", `file ${path}`, "it does not say what the record says", "trust the record: lily record show prints it")];
  } catch (thrown) {
    if (isLilyError(thrown, "INPUT_NOT_FOUND")) return [finding("note", `file ${path}`, "it is gone; the record says the same", "nothing needs it")];
    if (isLilyError(thrown, "PATH_INVALID", "INPUT_TOO_LARGE"))
      return [finding("problem", `file ${path}`, thrown.message, "trust the record: lily record show prints it")];
    throw thrown;
  }
}

/** A command that ended well can fail afterwards, when an output is missing: then the file says `completed` and the record STEP_FAILED. */
function isSummaryOf(text: string, summary: NonNullable<RecordedEnd["summary"]>): boolean {
  let said: JsonValue;
  try {
    said = parseJson(encoder.encode(text));
  } catch (thrown) {
    if (isLilyError(thrown)) return false;
    throw thrown;
  }
  if (!isJsonObject(said) || said["executor"] === undefined) return false;
  if (summary.isCompleted && said["outcome"] !== "completed") return false;
  return (
    said["duration_ms"] === summary.durationMs && canonicalJson(said["executor"]) === canonicalJson(parseJson(encoder.encode(JSON.stringify(summary.executor))))
  );
}

function finding(level: DoctorFinding["level"], subject: string, message: string, remedy: string | null): DoctorFinding {
  return { level, subject, message, remedy };
}
