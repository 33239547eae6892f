import type { LedgerEvent } from "../contracts/event.ts";
import { type RunId, runStream } from "../contracts/ids.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { KernelCore } from "./core.ts";
import type { Runs } from "./kernel.ts";

const watchPollMs = 200;

export async function* watchRun(
  core: KernelCore,
  runText: string,
  options: { readonly fromSeq?: number; readonly signal?: AbortSignal },
): AsyncGenerator<LedgerEvent, void, void> {
  const runId = await core.findRun(runText);
  const ledger = await core.ledger();
  let next = options.fromSeq ?? 0;
  let resting = false;
  for (;;) {
    for await (const event of ledger.readStream(runStream(runId), { fromSeq: next })) {
      yield event;
      next = event.seq + 1;
      resting = event.kind === "RUN_SEALED" || (resting && event.kind === "RECORD_RECOVERED");
    }
    // Whoever starts behind the end of a run that rests has nothing to wait for.
    if (!resting && next > 0) resting = await restsBefore(ledger, runId, next);
    if (resting || options.signal?.aborted === true) return;
    await core.parts.clock.sleep(watchPollMs, options.signal);
  }
}

async function restsBefore(ledger: Ledger, runId: RunId, next: number): Promise<boolean> {
  const { size } = await ledger.head(runStream(runId));
  if (next < size) return false;
  let resting = false;
  for await (const event of ledger.readStream(runStream(runId), { fromSeq: size - 1 })) resting = event.kind === "RUN_SEALED";
  return resting;
}

export type LogFilter = NonNullable<Parameters<Runs["logs"]>[1]>;

export async function runLogs(core: KernelCore, runText: string, filter: LogFilter): ReturnType<Runs["logs"]> {
  const runId = await core.findRun(runText);
  const dir = core.parts.folders.runDir(runId);
  const found = (await core.parts.folders.logs(runId)).filter((log) => isWantedLog(log.path, filter));
  return found.map((log) => ({ ...log, absolutePath: `${dir}/${log.path}` }));
}

/** `steps/ID/ATTEMPT/...` or `gates/ID/ATTEMPT/...`; a gate that was judged again after a crash has `ATTEMPT-TRY` there. */
export function isWantedLog(path: string, { step, gate, attempt }: LogFilter): boolean {
  const [kind, id, number = ""] = path.split("/");
  const isNamed = (step === undefined && gate === undefined) || id === (kind === "steps" ? step : gate);
  return isNamed && (attempt === undefined || number.split("-")[0] === String(attempt));
}
