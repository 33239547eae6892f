import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMemorySecurityMonitor } from "../../src/adapters/memory/security-monitor.ts";
import type { LedgerEvent } from "../../src/contracts/event.ts";
import type { Kernel, RunHandle } from "../../src/kernel/kernel.ts";
import { localSecurity } from "../../src/presets/local.ts";
import { Bed, flow, refusalOf, sh, stepOf, traceOf, until } from "./bed.ts";
import { openChanged, openWith } from "./parts-bed.ts";

let bed: Bed;
let file: string;
beforeEach(() => {
  bed = new Bed();
  file = join(bed.workspaceDir, "security.json");
});
afterEach(() => bed.remove());

const definitions = new URL("../../src/runtime/define-module.ts", import.meta.url).href;

const lilyFile = join(import.meta.dirname, "../../src/cli/lily.ts");

/** What closes a run, from the escalation on. */
function closing(events: readonly LedgerEvent[]): readonly LedgerEvent[] {
  const at = events.findIndex((event) => event.kind === "SECURITY_ESCALATED");
  return at < 0 ? [] : events.slice(at);
}

function expectClosed(events: readonly LedgerEvent[], interrupted: readonly string[]): void {
  const last = closing(events);
  expect(traceOf(last)).toEqual([
    "SECURITY_ESCALATED",
    ...interrupted.map((step) => `STEP_INTERRUPTED ${step}/1`),
    "SECURITY_SNAPSHOT",
    "RUN_INCOMPLETE",
    "RUN_SEALED",
  ]);
  // One time stands for one batch.
  expect(new Set(last.map((event) => event.at)).size).toBe(1);
  expect(last.find((event) => event.kind === "SECURITY_SNAPSHOT")?.data).toMatchObject({ phase: "post", context: "Post-execution (escalation)" });
}

const isAlive = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
};
const pidsIn = (path: string): readonly number[] => (bed.has(path) ? bed.read(path).trim().split("\n").map(Number) : []);

const ways: readonly (readonly [string, string, () => Promise<unknown>])[] = [
  ["an operator degrades the workspace", "DEGRADED", async () => (await localSecurity(bed.workspaceDir)).set("DEGRADED", "odd traffic")],
  ["an operator locks it down", "LOCKDOWN", async () => (await bed.kernel()).security.set("LOCKDOWN", "key leaked")],
  ["the file is broken", "LOCKDOWN", async () => writeFileSync(file, "{")],
  ["a folder takes its place", "LOCKDOWN", async () => mkdirSync(file)],
  ["a link takes its place", "LOCKDOWN", async () => symlinkSync("elsewhere", file)],
];

describe("a rise of the security state while steps run", () => {
  test.each(ways)("S1 H5 E6: %s: what is in flight is ended, and the run is INCOMPLETE in one batch, for ever", async (_, state, raise) => {
    bed.write("lily.yaml", "modules: {here: ./here.mjs, apart: ./apart.mjs}\n");
    for (const name of ["here", "apart"])
      bed.write(
        `${name}.mjs`,
        `import { appendFileSync } from "node:fs";\nimport { defineModule } from ${JSON.stringify(definitions)};\nexport const m = defineModule({ name: "m", version: "1", async run(context) { context.effect({ category: "network", description: "told ${name}" }); appendFileSync(context.cwd + "/${name === "here" ? "here" : "pids"}", (${name === "here"} ? 1 : process.pid) + "\\n"); await new Promise((resolve) => { const alive = setInterval(() => {}, 50); context.signal.addEventListener("abort", () => { clearInterval(alive); resolve(); }); }); } });\n`,
      );
    const handle = await bed.start(
      flow({
        plain: sh("echo $$ >> pids; sleep 60 & echo $! >> pids; wait"),
        stubborn: sh("trap '' TERM; echo $$ >> pids; while :; do sleep 1; done"),
        here: { module: "here" },
        apart: { module: "apart", isolation: "process" },
        gated: sh("true", { gates: [{ id: "slow", run: ["sh", "-c", "echo $$ >> pids; sleep 60"] }] }),
        after: sh("true", { needs: ["plain"] }),
      }),
      { parallel: 8 },
    );
    await until(() => pidsIn("pids").length === 5 && bed.has("here"));
    await raise();
    const { view, events } = await bed.finish(handle);
    expect(view.status).toBe("incomplete");
    expectClosed(events, ["plain", "stubborn", "here", "apart", "gated"]);
    expect(closing(events)[0]?.data).toMatchObject({ from: "OPERATIONAL", to: state });
    expect(pidsIn("pids").filter(isAlive)).toEqual([]);
    expect(events.flatMap((event) => (event.kind === "SIDE_EFFECT_OBSERVED" ? [event.data.description] : [])).sort()).toEqual(["told apart", "told here"]);
    expect(stepOf(view, "after").attempts).toEqual([]);
    await bed.expectAnchored(view.run_id);
    await expectFinal(view.run_id);
  });

  async function expectFinal(runId: string): Promise<void> {
    const kernel = await bed.kernel();
    const document = flow({ a: sh("true") });
    expect(await refusalOf(() => bed.start(document))).toMatchObject({ code: "SECURITY_NOT_OPERATIONAL" });
    rmSync(file, { recursive: true, force: true });
    await kernel.security.set("OPERATIONAL", "looked into it");
    expect(await refusalOf(() => kernel.runs.resume(runId))).toMatchObject({ code: "SECURITY_ESCALATED", message: expect.stringContaining("never resumed") });
    expect(await refusalOf(() => kernel.runs.resume(runId, { unblockReason: "go" }))).toMatchObject({ code: "SECURITY_ESCALATED" });
    expect(await refusalOf(() => kernel.runs.cancel(runId, "no"))).toMatchObject({
      code: "RUN_STATE_CONFLICT",
      message: expect.stringContaining("nothing is left to cancel"),
    });
    const before = await bed.events(runId);
    expect((await bed.run(document)).view.status).toBe("succeeded");
    expect(await bed.events(runId)).toEqual(before);
  }

  test("S1 E6: trusted code that does not stop is named as such, and the run is closed without waiting for it", async () => {
    const hub = new Map<string, () => void>();
    Reflect.set(globalThis, "security-hub", hub);
    bed.write("lily.yaml", "modules: {m: ./m.mjs}\n");
    bed.write(
      "m.mjs",
      `import { defineModule } from ${JSON.stringify(definitions)};\nexport const m = defineModule({ name: "m", version: "1", async run() { await new Promise((resolve) => globalThis["security-hub"].set("free", resolve)); } });\n`,
    );
    const handle = await bed.start(flow({ deaf: { module: "m" }, other: sh("sleep 60") }), { parallel: 2 });
    await until(() => hub.has("free"));
    await (await bed.kernel()).security.set("LOCKDOWN", "r");
    const { view, events } = await bed.finish(handle);
    expectClosed(events, ["deaf", "other"]);
    const reasons = closing(events).flatMap((event) => (event.kind === "STEP_INTERRUPTED" ? [event.data.reason] : []));
    expect(reasons).toEqual(["abandoned", "security"]);
    expect(view.status).toBe("incomplete");
    expect(events.find((event) => event.kind === "RUN_INCOMPLETE")?.data).toMatchObject({
      reason: expect.stringContaining("module code of deaf did not stop"),
    });
    hub.get("free")?.();
  });

  test("S1 E6: trusted code that does not stop does not keep the command that led the run", async () => {
    await bed.kernel();
    await bed.close();
    bed.write("lily.yaml", "modules: {m: ./m.mjs}\n");
    bed.write(
      "m.mjs",
      `import { writeFileSync } from "node:fs";\nimport { defineModule } from ${JSON.stringify(definitions)};\nexport const m = defineModule({ name: "m", version: "1", async run(context) { writeFileSync(context.cwd + "/up", ""); setInterval(() => {}, 1000); await new Promise(() => {}); } });\n`,
    );
    bed.write("w.json", JSON.stringify(flow({ deaf: { module: "m" } })));
    const child = spawn(process.execPath, [lilyFile, "run", "start", "w.json"], { cwd: bed.dir, env: { ...process.env, XDG_DATA_HOME: bed.dataHome } });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    await until(() => bed.has("up"));
    await (await localSecurity(bed.workspaceDir)).set("LOCKDOWN", "r");
    expect(await ended).toBe(3);
  });

  test("S1: a monitor that hangs is not waited for", async () => {
    const monitor = createMemorySecurityMonitor();
    const kernel = await openWith(bed, () => ({ security: monitor }));
    try {
      const handle = await kernel.runs.start({ document: flow({ a: sh("touch up; sleep 60") }), dir: bed.dir });
      await until(() => bed.has("up"));
      monitor.break("hang");
      expect((await handle.done()).status).toBe("incomplete");
      expect(monitor.attending).toBe(0);
    } finally {
      await kernel.close();
    }
    expectClosed(await eventsOfNewest(), ["a"]);
  });

  test("S1: during a backoff, and before the first start, the run ends without another attempt", async () => {
    const handle = await bed.start(flow({ a: sh("exit 1", { retry: { max: 5, backoff: "1h", max_backoff: "1h" } }) }));
    const kernel = await bed.kernel();
    await until(async () => (await bed.events(handle.runId)).some((event) => event.kind === "STEP_FAILED"));
    await kernel.security.set("DEGRADED", "r");
    const { events } = await bed.finish(handle);
    expectClosed(events, []);
    expect(events.filter((event) => event.kind === "STEP_STARTED")).toHaveLength(1);
  });
});

async function eventsOfNewest(): Promise<readonly LedgerEvent[]> {
  const [run] = await (await bed.kernel()).runs.list();
  return bed.events(run?.run_id ?? "");
}

describe("a run that rests, or is not led", () => {
  test("S1: one that ended before is left as it was", async () => {
    const { view } = await bed.run(flow({ a: sh("true") }));
    const before = await bed.events(view.run_id);
    await (await bed.kernel()).security.set("LOCKDOWN", "r");
    expect(await bed.events(view.run_id)).toEqual(before);
  });

  test("S1 H3: a blocked one stays blocked, and goes on only once the state is OPERATIONAL, from a new snapshot", async () => {
    const escalate = [{ id: "up", when: { step: "a" }, do: { escalate: "look" } }];
    const { view } = await bed.run(flow({ a: sh("test -e go") }, { routes: escalate }));
    expect(view.status).toBe("blocked");
    const kernel = await bed.kernel();
    await kernel.security.set("DEGRADED", "r");
    expect(await refusalOf(() => kernel.runs.resume(view.run_id, { unblockReason: "go" }))).toMatchObject({ code: "SECURITY_NOT_OPERATIONAL" });
    await kernel.security.set("OPERATIONAL", "r");
    bed.write("go", "");
    const ran = await bed.finish(await kernel.runs.resume(view.run_id, { unblockReason: "go" }));
    expect(ran.view.status).toBe("succeeded");
    const phases = ran.events.flatMap((event) => (event.kind === "SECURITY_SNAPSHOT" ? [event.data.phase] : []));
    expect(phases).toEqual(["pre", "post", "pre", "post"]);
  });

  test("S1: one whose process crashed is not resumed until the state is OPERATIONAL, and can be canceled at any time", async () => {
    const crashed = async (): Promise<string> => {
      rmSync(join(bed.dir, "up"), { force: true });
      const child = leading(flow({ a: sh("touch up; sleep 60") }));
      await until(() => bed.has("up"));
      child.kill("SIGKILL");
      await child.ended;
      const [run] = await (await bed.kernel()).runs.list();
      return run?.run_id ?? "";
    };
    const first = await crashed();
    const kernel = await bed.kernel();
    await kernel.security.set("COMPROMISED", "r");
    expect(await refusalOf(() => kernel.runs.resume(first))).toMatchObject({ code: "SECURITY_NOT_OPERATIONAL" });
    expect((await kernel.runs.cancel(first, "over")).status).toBe("canceled");
    const post = (await bed.events(first)).find((event) => event.kind === "SECURITY_SNAPSHOT" && event.data.phase === "post");
    expect(post?.data).toMatchObject({ security_state: "COMPROMISED", context: "Post-execution (failed)" });
  });
});

function leading(document: object): { readonly ended: Promise<string>; kill(signal: NodeJS.Signals): void } {
  const job = JSON.stringify({ dir: bed.dir, workspaceDir: bed.workspaceDir, dataHome: bed.dataHome, document });
  const child = spawn(process.execPath, [join(import.meta.dirname, "lead-child.ts"), job], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const ended = new Promise<string>((resolve) => child.on("close", (code, signal) => resolve(`${text}${signal ?? code}`)));
  return { ended, kill: (signal) => void child.kill(signal) };
}

describe("SIGUSR2", () => {
  test("S1: to a process that leads runs is LOCKDOWN for it, and for it alone", async () => {
    await bed.kernel();
    const child = leading(flow({ a: sh("touch up; sleep 60") }));
    await until(() => bed.has("up"));
    child.kill("SIGUSR2");
    expect(await child.ended).toContain("end incomplete");
    const events = await eventsOfNewest();
    expectClosed(events, ["a"]);
    expect(closing(events)[0]?.data).toMatchObject({ to: "LOCKDOWN", reason: expect.stringContaining("SIGUSR2") });
    expect((await (await bed.kernel()).security.show()).state).toBe("OPERATIONAL");
    expect((await bed.run(flow({ a: sh("true") }))).view.status).toBe("succeeded");
  });
});

describe("setting the state", () => {
  const workspaceEvents = async (): Promise<readonly { readonly kind: string; readonly by: string; readonly data: object }[]> =>
    readFileSync(join(bed.workspaceDir, "streams", "workspace.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));

  test("S1: is recorded in the workspace stream, with who, why, from and to", async () => {
    await bed.kernel();
    const security = await localSecurity(bed.workspaceDir);
    expect(await security.show()).toEqual({ state: "OPERATIONAL", boundary: "no security.json", reason: null });
    expect(await security.set("DEGRADED", "odd")).toMatchObject({ from: "OPERATIONAL", to: "DEGRADED", reason: "odd", unrecorded: null });
    expect(await security.set("OPERATIONAL", "fine")).toMatchObject({ from: "DEGRADED", to: "OPERATIONAL" });
    await bed.close();
    const changes = (await workspaceEvents()).filter((event) => event.kind === "SECURITY_STATE_CHANGED");
    expect(changes.map(({ data }) => data)).toEqual([
      { from: "OPERATIONAL", to: "DEGRADED", reason: "odd" },
      { from: "DEGRADED", to: "OPERATIONAL", reason: "fine" },
    ]);
    expect(changes[0]?.by).toMatch(/^user:/);
  });

  test.each([
    ["gone", (db: string) => rmSync(db)],
    ["no database", (db: string) => writeFileSync(db, "nonsense that is no database at all, whatever one looks at")],
  ])("S1: the kill switch works where the database is %s, and says that it is not recorded", async (_, damage) => {
    await bed.kernel();
    await bed.close();
    for (const tail of ["-wal", "-shm"]) rmSync(join(bed.workspaceDir, `authority.db${tail}`), { force: true });
    damage(join(bed.workspaceDir, "authority.db"));
    const security = await localSecurity(bed.workspaceDir);
    const change = await security.set("LOCKDOWN", "now");
    expect(change.unrecorded).not.toBeNull();
    expect(await security.show()).toMatchObject({ state: "LOCKDOWN", reason: "now" });
  });

  test("S1: a step may raise the state, and is refused to lower it; the refusal is recorded", async () => {
    const kernel: Kernel = await bed.kernel();
    const asStep = async <T>(work: () => Promise<T>): Promise<T> => {
      process.env["LILY_RUN"] = "run-x/step/1";
      try {
        return await work();
      } finally {
        delete process.env["LILY_RUN"];
      }
    };
    await asStep(() => kernel.security.set("DEGRADED", "the step saw something"));
    await asStep(() => kernel.security.set("DEGRADED", "again"));
    expect(await refusalOf(() => asStep(() => kernel.security.set("OPERATIONAL", "never mind")))).toMatchObject({ code: "UNAUTHORIZED" });
    expect((await kernel.security.show()).state).toBe("DEGRADED");
    await bed.close();
    const denied = (await workspaceEvents()).filter((event) => event.kind === "AUTH_DENIED");
    expect(denied.map(({ data }) => data)).toMatchObject([
      { action: "security.set", target: "DEGRADED to OPERATIONAL", reason: expect.stringContaining("run-x/step/1") },
    ]);
  });

  test.each([
    ["operational", "r"],
    ["UNKNOWN", "r"],
    ["", "r"],
    ["LOCKDOWN", ""],
    ["LOCKDOWN", " \n"],
  ])("USAGE_INVALID: refuses the state %j for the reason %j", async (state, reason) => {
    const { security } = await bed.kernel();
    expect(await refusalOf(() => security.set(state, reason))).toMatchObject({ code: "USAGE_INVALID" });
    expect((await security.show()).state).toBe("OPERATIONAL");
  });

  test("WORKSPACE_NOT_FOUND: there is nothing to lock down where there is no folder", async () => {
    expect(await refusalOf(() => localSecurity(join(bed.dir, "missing")))).toMatchObject({ code: "WORKSPACE_NOT_FOUND" });
  });

  test("S1: without a port the state is UNKNOWN: runs proceed, and nothing can be set", async () => {
    const kernel = await openChanged(bed, ({ security, ...parts }) => parts);
    try {
      const handle: RunHandle = await kernel.runs.start({ document: flow({ a: sh("true") }), dir: bed.dir });
      expect((await handle.done()).status).toBe("succeeded");
      expect(await refusalOf(() => kernel.security.set("LOCKDOWN", "r"))).toMatchObject({ code: "SECURITY_NOT_OPERATIONAL" });
    } finally {
      await kernel.close();
    }
  });
});

test("S1: with security: operational nothing starts where no monitor vouches for the workspace", async () => {
  const document = flow({ a: sh("true") }, { policy: { security: "operational" } });
  expect((await bed.run(document)).view.status).toBe("succeeded");
  const kernel = await openChanged(bed, ({ security, ...parts }) => parts);
  try {
    expect(await refusalOf(() => kernel.runs.start({ document, dir: bed.dir }))).toMatchObject({
      code: "SECURITY_NOT_OPERATIONAL",
      details: { state: "UNKNOWN" },
    });
  } finally {
    await kernel.close();
  }
});

test("S7: the state of the workspace is not an output that a step can declare", async () => {
  const { view } = await bed.run(flow({ a: sh("true", { outputs: { state: { path: ".lily/security.json" } } }) })).catch(() => ({ view: null }));
  expect(view?.status ?? "refused").not.toBe("succeeded");
});
