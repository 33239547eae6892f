import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { parseRunId, runStream } from "../../contracts/ids.ts";
import { type AuthoritySubject, emptyHead, fillerAppend, journalConformance } from "../../testkit/journal-conformance.ts";
import { leaseStoreConformance } from "../../testkit/lease-store-conformance.ts";
import { TurnClock } from "../../testkit/turn-clock.ts";
import { AuthorityDatabase } from "./authority-database.ts";
import { createSqliteAuthority, openSqliteAuthority } from "./authority-store.ts";
import { sqliteError } from "./sqlite-error.ts";

const identity = { workspaceId: "ws-1", format: 1, kernelVersion: "0.1.0", createdAt: "2026-01-01T00:00:00.000Z" } as const;
const makeDir = (): string => mkdtempSync(join(tmpdir(), "lily-authority-"));

async function make(): Promise<AuthoritySubject> {
  const dir = makeDir();
  const clock = new TurnClock();
  const dead = new Set<number>();
  const options = { dir, clock, isOwnerAlive: (owner: { readonly pid: number }) => !dead.has(owner.pid) };
  const authority = await createSqliteAuthority({ ...options, identity });
  const others: (typeof authority)[] = [];
  return {
    authority,
    another: async () => {
      const opened = await openSqliteAuthority(options);
      others.push(opened);
      return opened;
    },
    advance: (ms) => clock.advance(ms),
    endProcess: (pid) => void dead.add(pid),
    end: async () => {
      for (const each of [authority, ...others]) await each.close();
      rmSync(dir, { recursive: true });
    },
  };
}

journalConformance("sqlite", make);
leaseStoreConformance("sqlite", make);

const open = (dir: string) => openSqliteAuthority({ dir, clock: new TurnClock(), isOwnerAlive: () => true });
const create = (dir: string) => createSqliteAuthority({ dir, identity, clock: new TurnClock(), isOwnerAlive: () => true });

it("L2: runs with WAL and synchronous=FULL, read back", async () => {
  const dir = makeDir();
  await (await create(dir)).close();
  const database = AuthorityDatabase.open(dir);
  expect([database.pragma("journal_mode"), database.pragma("synchronous"), database.pragma("trusted_schema")]).toEqual(["wal", 2, 0]);
  database.close();
  database.close();
  rmSync(dir, { recursive: true });
});

it("keeps the first identity when it is made twice", async () => {
  const dir = makeDir();
  const first = await create(dir);
  const second = await createSqliteAuthority({ dir, identity: { ...identity, workspaceId: "ws-2" }, clock: new TurnClock(), isOwnerAlive: () => true });
  expect(second.identity).toEqual(first.identity);
  await first.close();
  await first.close();
  await second.close();
  rmSync(dir, { recursive: true });
});

it("trims on closing what waited for a commit", async () => {
  const dir = makeDir();
  const stream = runStream(parseRunId("run-a"));
  const first = await create(dir);
  const append = fillerAppend(emptyHead(stream), "x");
  await first.journal.commit([{ appends: [append], leaves: [] }]);
  await first.journal.trim(stream, append.bytes.length);
  await first.close();
  const again = await open(dir);
  expect(await again.journal.rows()).toEqual([]);
  expect((await again.journal.head(stream))?.size).toBe(1);
  await again.close();
  rmSync(dir, { recursive: true });
});

it("refuses a missing, foreign, damaged or newer database, each by its code", async () => {
  const dir = makeDir();
  await expect(open(dir)).rejects.toMatchObject({ code: "AUTHORITY_DAMAGED" });
  const path = join(dir, "authority.db");
  writeFileSync(path, "not a database, but long enough to have a header that SQLite reads ".repeat(80));
  await expect(open(dir)).rejects.toMatchObject({ code: "AUTHORITY_DAMAGED" });
  rmSync(path);
  new DatabaseSync(path).exec("CREATE TABLE other (x)");
  await expect(open(dir)).rejects.toMatchObject({ code: "AUTHORITY_DAMAGED" });
  rmSync(dir, { recursive: true });
  const newer = makeDir();
  await (await create(newer)).close();
  const db = new DatabaseSync(join(newer, "authority.db"));
  db.exec("PRAGMA user_version = 2");
  db.close();
  await expect(open(newer)).rejects.toMatchObject({ code: "WORKSPACE_NEWER" });
  await expect(create(newer)).rejects.toMatchObject({ code: "WORKSPACE_NEWER" });
  rmSync(newer, { recursive: true });
});

it("reports a cut or altered database as damaged", async () => {
  const dir = makeDir();
  const made = await create(dir);
  for (let i = 0; i < 40; i++) {
    await made.journal.commit([{ appends: [fillerAppend(emptyHead(runStream(parseRunId(`run-${i}`))), "x".repeat(5_000))], leaves: [] }]);
  }
  await made.close();
  truncateSync(join(dir, "authority.db"), 40_960);
  await expect(open(dir).then((store) => store.journal.rows())).rejects.toMatchObject({ code: "AUTHORITY_DAMAGED" });
  rmSync(dir, { recursive: true });
});

it("refuses columns that are not what they must be", async () => {
  const dir = makeDir();
  await (await create(dir)).close();
  const db = new DatabaseSync(join(dir, "authority.db"));
  db.exec("INSERT INTO streams VALUES (1, 'run/a', 0, 1, 1, 'sha256:short', 1)");
  db.exec("INSERT INTO leases VALUES (1, '[]', 99999999999999)");
  db.exec("INSERT INTO log_leaves VALUES (1, 'run/a', 1, 'x')");
  db.exec("DELETE FROM meta WHERE name = 'createdAt'");
  db.close();
  await expect(open(dir)).rejects.toMatchObject({ code: "AUTHORITY_DAMAGED" });
  const mend = new DatabaseSync(join(dir, "authority.db"));
  mend.exec("INSERT INTO meta VALUES ('createdAt', 'x')");
  mend.close();
  const store = await open(dir);
  await expect(store.journal.head(runStream(parseRunId("a")))).rejects.toMatchObject({ code: "AUTHORITY_DAMAGED" });
  await expect(store.leases.holder(parseRunId("a"))).rejects.toMatchObject({ code: "AUTHORITY_DAMAGED" });
  await expect(store.journal.leaves(0)).rejects.toMatchObject({ code: "AUTHORITY_DAMAGED" });
  await store.close();
  rmSync(dir, { recursive: true });
});

it("maps result codes of SQLite to the error table", () => {
  const dir = tmpdir();
  const failure = (errcode: number, message = "m"): Error => Object.assign(new Error(message), { errcode });
  expect(sqliteError(failure(13), "x", dir).code).toBe("STORAGE_FULL");
  expect(sqliteError(failure(8), "x", dir).code).toBe("WORKSPACE_READ_ONLY");
  expect(sqliteError(failure(267), "x", dir).code).toBe("AUTHORITY_DAMAGED");
  expect(sqliteError(failure(10), "x", dir).code).toBe("STORAGE_FAILED");
  expect(sqliteError(failure(778, "No space left on device"), "x", dir).code).toBe("STORAGE_FULL");
  expect(sqliteError("odd", "x", dir).code).toBe("STORAGE_FAILED");
});
