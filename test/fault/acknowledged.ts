/** What a writer was told to be durable, and whether a workspace still holds it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openFsObjectStore } from "../../src/adapters/fs/object-store.ts";
import { openFsRecordFiles } from "../../src/adapters/fs/record-files.ts";
import { openSqliteAuthority } from "../../src/adapters/sqlite/authority-store.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { parseDigest } from "../../src/base/digest.ts";
import { parseRunId, parseStreamId, runOfStream, type StreamId } from "../../src/contracts/ids.ts";
import { type Ledger, openLedger } from "../../src/ledger/ledger.ts";
import type { PythonChecker } from "../checker/python-checker.ts";

export class Acknowledged {
  readonly events = new Map<string, string[]>();
  readonly objects: string[] = [];
  #rest = "";
  rounds = 0;
  ready = false;

  /** Takes a piece of the writer's output. */
  take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    const [kind, one = "", seq = "", hash = ""] = line.split(" ");
    if (kind === "ready") this.ready = true;
    if (kind === "round") this.rounds++;
    if (kind === "object") this.objects.push(one);
    if (kind !== "event") return;
    const hashes = this.events.get(one) ?? [];
    hashes[Number(seq)] = hash;
    this.events.set(one, hashes);
  }

  /** What a second process may rely on: a copy that later acknowledgements do not change. */
  copy(): { readonly events: ReadonlyMap<string, readonly string[]>; readonly objects: readonly string[] } {
    return { events: new Map([...this.events].map(([stream, hashes]) => [stream, [...hashes]])), objects: [...this.objects] };
  }
}

export interface CheckOptions {
  readonly dir: string;
  readonly acknowledged: { readonly events: ReadonlyMap<string, readonly string[]>; readonly objects: readonly string[] };
  /** Objects from this position on are read; earlier ones were by an earlier check. */
  readonly objectsFrom?: number;
  readonly python?: PythonChecker | null;
}

/** Opens the folder as the next process would, unaided, and throws an Error naming what was lost. */
export async function checkAcknowledged(options: CheckOptions): Promise<void> {
  const { dir, acknowledged } = options;
  const authority = await openSqliteAuthority({ dir, clock: systemClock, isOwnerAlive: () => false });
  const files = openFsRecordFiles({ root: dir });
  try {
    const problems = await authority.check();
    if (problems.length > 0) throw new Error(`the database is damaged: ${problems.join("; ")}`);
    const ledger = await openLedger({ authority, files, clock: systemClock });
    for (const [stream, hashes] of acknowledged.events) await checkStream(ledger, parseStreamId(stream), hashes);
    const objects = await openFsObjectStore(join(dir, "objects"));
    for (const digest of acknowledged.objects.slice(options.objectsFrom ?? 0)) await objects.get(parseDigest(digest));
    for (const stream of acknowledged.events.keys()) await appendOne(ledger, authority, parseStreamId(stream));
    await ledger.close();
    await checkByPython(options);
  } finally {
    await files.close();
    await authority.close();
  }
}

async function checkStream(ledger: Ledger, stream: StreamId, hashes: readonly string[]): Promise<void> {
  const found: string[] = [];
  for await (const event of ledger.readStream(stream)) found.push(event.hash);
  hashes.forEach((hash, seq) => {
    if (found[seq] !== hash)
      throw new Error(
        `L2: event ${seq} of ${stream} was acknowledged and is ${found[seq] === undefined ? "lost" : "another"}; ${found.length} events were found`,
      );
  });
}

/** Recovery is complete when the stream takes the next event. */
async function appendOne(ledger: Ledger, authority: Awaited<ReturnType<typeof openSqliteAuthority>>, stream: StreamId): Promise<void> {
  const run = runOfStream(stream) ?? parseRunId("none");
  const grant = await authority.leases.acquire(run, { host: "checker", bootId: "b", pid: process.pid, startTime: "0" }, 1_000);
  if (grant.outcome === "held") throw new Error(`L3: the lease of ${run} is held by a dead process`);
  const writer = await ledger.openWriter(stream, { token: grant.token });
  await writer.append([{ kind: "RUN_RESUMED", key: `RUN_RESUMED/after/${grant.token}`, by: "user:checker", data: { reason: "after" } }]);
}

async function checkByPython({ dir, acknowledged, python }: CheckOptions): Promise<void> {
  if (python === undefined || python === null) return;
  for (const [stream, hashes] of acknowledged.events) {
    const answer = await python.ask(readFileSync(join(dir, "runs", stream.slice(4), "record.jsonl")));
    if (!answer.startsWith("ok ")) throw new Error(`the independent checker refuses ${stream}: ${answer}`);
    if (Number(answer.split(" ")[1]) < hashes.length) throw new Error(`the independent checker sees ${answer} of ${hashes.length} events of ${stream}`);
  }
}
