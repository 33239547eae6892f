import { expect, test } from "vitest";
import { type Performer, RunShell } from "./run-shell.ts";
import { LilyError } from "../base/lily-error.ts";
import { parseRunId, runStream } from "../contracts/ids.ts";
import { createRunState } from "../graph/run-state.ts";
import { digestBytes } from "../base/digest.ts";
import { createFakeClock } from "../testkit/fake-clock.ts";
import type { StreamWriter } from "../ledger/ledger.ts";

const policy = { tools: null, write: null, network: "allow", sandbox: "off", attempts_max: 1 } as const;
const plan = {
  v: 1,
  workflow: "none",
  title: null,
  params: {},
  inputs: {},
  policy,
  policy_digest: digestBytes(""),
  steps: [],
  gates: [],
  routes: [],
  code: [],
  uses: [],
  modules: [],
  schemas: [],
} as const;

test("L3: a shell that is told of a lost lease stops with that fault, and keeps the first one", async () => {
  const performer: Performer = {
    startStep: () => ({ done: Promise.resolve({ bodies: [] }), end: () => {} }),
    startGate: () => ({ done: Promise.resolve({ bodies: [] }), end: () => {} }),
    inputsOf: () => [],
    isUnsettled: () => false,
  };
  const stream = runStream(parseRunId("run-a"));
  const writer: StreamWriter = { stream, token: 1, head: { stream, size: 0, bytes: 0, hash: null }, events: 0, append: async () => [] };
  const shell = new RunShell({
    state: createRunState(plan, parseRunId("run-a")),
    writer,
    clock: createFakeClock(),
    principal: "user:ada",
    performer,
    onEvents: () => {},
  });
  const driven = shell.drive();
  shell.fail(new LilyError("LEDGER_TOKEN_STALE", "another process leads"));
  shell.fail(new LilyError("STORAGE_FAILED", "later"));
  await expect(driven).rejects.toMatchObject({ code: "LEDGER_TOKEN_STALE" });
});
