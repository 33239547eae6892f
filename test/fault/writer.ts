/**
 * A real writer process: the real ledger, database, record files and object store in a folder, appending until it is ended. Each
 * acknowledgement goes to stdout as one line, after it was given: `event STREAM SEQ HASH`, `object DIGEST`. It prints `ready` first.
 * With `ack` it waits after each round until a byte comes in, so that the world can be frozen right behind an acknowledgement.
 *
 *     node test/fault/writer.ts DIR SEED free|ack
 */
import { existsSync, mkdirSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { openFsObjectStore } from "../../src/adapters/fs/object-store.ts";
import { openFsRecordFiles } from "../../src/adapters/fs/record-files.ts";
import { createEnvironmentProbe } from "../../src/adapters/process/environment-probe.ts";
import { isOwnerAlive } from "../../src/adapters/process/owner-liveness.ts";
import { createSqliteAuthority, openSqliteAuthority } from "../../src/adapters/sqlite/authority-store.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import type { EventDraft, LedgerEvent } from "../../src/contracts/event.ts";
import { parseRunId, runStream } from "../../src/contracts/ids.ts";
import { openLedger, type StreamWriter } from "../../src/ledger/ledger.ts";
import { Random } from "../sim/random.ts";

const [dir = "", seedText = "1", mode = "free"] = process.argv.slice(2);
const random = new Random(Number(seedText));
const parts = { dir, clock: systemClock, isOwnerAlive };
mkdirSync(dir, { recursive: true });
const authority = existsSync(join(dir, "authority.db"))
  ? await openSqliteAuthority(parts)
  : await createSqliteAuthority({ ...parts, identity: { workspaceId: "ws-fault", format: 1, kernelVersion: "0.1.0", createdAt: "2026-01-01T00:00:00.000Z" } });
const ledger = await openLedger({ authority, files: openFsRecordFiles({ root: dir }), clock: systemClock });
const objects = await openFsObjectStore(join(dir, "objects"));
const owner = createEnvironmentProbe({ kernelVersion: "0.1.0" }).owner();
const writers: StreamWriter[] = [];
for (const name of ["one", "two", "three"]) {
  const run = parseRunId(name);
  const grant = await authority.leases.acquire(run, owner, 600_000);
  if (grant.outcome === "held") throw new Error(`run ${name} is held`);
  const writer = await ledger.openWriter(runStream(run), { token: grant.token });
  writers.push(writer);
  report(
    await writer.append([
      { kind: "RUN_CREATED", key: "RUN_CREATED", by: "user:ada", data: { workspace_id: "ws-fault", format: 1, kernel_version: "0.1.0", kind: "workflow" } },
    ]),
  );
}
acknowledge("ready");

const bytesIn = new Uint8Array(1);
for (let round = 0; ; round++) {
  // A put alone, now and then: beside a commit, the sync of the database would make its entries durable, too.
  const appends = random.chance(0.3) ? [] : writers.map((writer, at) => append(writer, `${seedText}/${at}/${round}`));
  await Promise.all([...appends, ...(appends.length === 0 || random.chance(0.5) ? [put()] : [])]);
  if (random.chance(0.05)) await ledger.settle();
  if (mode !== "ack") continue;
  acknowledge("round");
  if (readSync(0, bytesIn) === 0) process.exit(0);
}

async function append(writer: StreamWriter, mark: string): Promise<void> {
  if (random.chance(0.2)) return;
  const drafts: EventDraft[] = Array.from({ length: 1 + random.below(3) }, (_, at) => draft(`${mark}/${at}`));
  report(await writer.append(drafts));
}

function report(events: readonly LedgerEvent[]): void {
  for (const { stream, seq, hash } of events) acknowledge(`event ${stream} ${seq} ${hash}`);
}

function draft(mark: string): EventDraft {
  return { kind: "RUN_RESUMED", key: `RUN_RESUMED/${mark}`, by: "user:ada", data: { reason: "x".repeat(random.below(900)) } };
}

async function put(): Promise<void> {
  const { digest } = await objects.put(random.bytes(1 + random.below(4_000)));
  acknowledge(`object ${digest}`);
}

function acknowledge(line: string): void {
  writeSync(1, `${line}\n`);
}
