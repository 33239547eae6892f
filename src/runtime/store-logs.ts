import { isLilyError } from "../base/lily-error.ts";
import { decodeUtf8 } from "../base/parse-json.ts";
import { inlineBytesMax, type PreparedArtifact } from "../artifacts/artifact-store.ts";
import type { RunId } from "../contracts/ids.ts";
import type { AttemptFolder } from "../ports/attempt-folders.ts";
import type { ByteSource } from "../ports/object-store.ts";
import type { RunContext } from "./run-context.ts";

/** Takes the captured streams (redacted already) into the record: short text rides in it, the rest goes to the object store. */
export async function storeLogs(
  run: Pick<RunContext, "deps"> & { readonly runId: RunId },
  producer: { readonly attempt: number },
  folder: AttemptFolder,
  written: { readonly stdout: boolean; readonly stderr: boolean },
  artifactType: "log" | "gate_log",
  producerId: string,
): Promise<readonly PreparedArtifact[]> {
  const logs: PreparedArtifact[] = [];
  for (const stream of ["stdout", "stderr"] as const) {
    if (!written[stream]) continue;
    const origin = {
      run_id: run.runId,
      artifact_type: artifactType,
      producer_id: producerId,
      producer_kind: "system" as const,
      attempt: producer.attempt,
      inputs: [],
      name: `${stream}.txt`,
    };
    const text = await shortText(folder, stream);
    if (text !== null) {
      logs.push(await run.deps.artifacts.prepareText({ ...origin, text }));
      continue;
    }
    const source = await folder.openLog(stream);
    // On a full disk a stream was written, and its log was not.
    if (source === null) continue;
    try {
      logs.push(await run.deps.artifacts.prepareSource({ ...origin, media_type: "text/plain", source }));
    } finally {
      await source.close();
    }
  }
  return logs;
}

/** The whole log when it is short and UTF-8; null when it is absent, long or binary. */
async function shortText(folder: AttemptFolder, stream: "stdout" | "stderr"): Promise<string | null> {
  const source = await folder.openLog(stream);
  if (source === null) return null;
  try {
    if (source.size > inlineBytesMax) return null;
    return decodeUtf8(await readAll(source, source.size));
  } catch (thrown) {
    if (isLilyError(thrown, "INPUT_NOT_UTF8")) return null;
    throw thrown;
  } finally {
    await source.close();
  }
}

async function readAll(source: ByteSource, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let filled = 0;
  while (filled < size) {
    const count = await source.read(bytes.subarray(filled));
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}
