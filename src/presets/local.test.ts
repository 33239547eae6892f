import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSqliteAuthority } from "../adapters/sqlite/authority-store.ts";
import { systemClock } from "../adapters/system/clock.ts";
import { initWorkspace, openLocal } from "./local.ts";

let dir: string;
let workspaceDir: string;
let dataHome: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "lily-local-"));
  workspaceDir = join(dir, ".lily");
  dataHome = join(dir, "data");
  mkdirSync(workspaceDir);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("L2: what a crash left of an authority database that was being made does not stop the next try", async () => {
  writeFileSync(join(workspaceDir, ".authority.db-0011223344556677"), "half");
  expect((await initWorkspace(dir, { dataHome })).created).toBe(true);
});

test("L2: the authority database has its name only when it is whole, and nothing else is left", async () => {
  const identity = { workspaceId: "ws", format: 1, kernelVersion: "0.1.0", createdAt: "2026-01-01T00:00:00.000Z" } as const;
  const authority = await createSqliteAuthority({ dir: workspaceDir, clock: systemClock, isOwnerAlive: () => true, identity });
  await authority.close();
  expect(readdirSync(workspaceDir)).toEqual(["authority.db"]);
});

test("L1: the first event of a workspace whose maker died before it is recorded by who opens it", async () => {
  const identity = { workspaceId: "ws", format: 1, kernelVersion: "0.1.0", createdAt: "2026-01-01T00:00:00.000Z" } as const;
  await (await createSqliteAuthority({ dir: workspaceDir, clock: systemClock, isOwnerAlive: () => true, identity })).close();
  for (let time = 0; time < 2; time++) await (await openLocal({ workspaceDir, dataHome })).close();
  const lines = readFileSync(join(workspaceDir, "streams/workspace.jsonl"), "utf8").trimEnd().split("\n");
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('"kind":"WORKSPACE_CREATED"');
});
