import { mkdirSync, writeFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/base/json-value.ts";
import type { LedgerEvent } from "../../src/contracts/event.ts";
import type { EventData } from "../../src/contracts/events.ts";
import { createProcessRunner } from "../../src/adapters/process/process-runner.ts";
import { openWith } from "../runtime/parts-bed.ts";
import { Bed, flow, sh, stepOf } from "../runtime/bed.ts";

const support = await createProcessRunner().sandbox();
const noSandbox = support.name === null;
const out: JsonObject = { write: { allow: ["out/**"] } };
const definitions = new URL("../../src/runtime/define-module.ts", import.meta.url).href;
let bed: Bed;

function moduleText(name: string, body: string): string {
  const head = `import fs from "node:fs";\nimport { defineModule } from ${JSON.stringify(definitions)};\n`;
  return `${head}export const m = defineModule({ name: "${name}", version: "1", async run(context) { ${body} return {}; } });\n`;
}

beforeEach(() => {
  bed = new Bed();
  mkdirSync(join(bed.dir, "out"));
});
afterEach(() => bed.remove());

function dataOf<K extends LedgerEvent["kind"]>(events: readonly LedgerEvent[], kind: K): readonly EventData[K][] {
  return events.filter((event): event is Extract<LedgerEvent, { kind: K }> => event.kind === kind).map((event) => event.data as EventData[K]);
}

/** Payloads of a type, in the order in which they were stored. */
function payloads(events: readonly LedgerEvent[], type: string): readonly JsonObject[] {
  const stored = dataOf(events, "ARTIFACT_STORED").filter((data) => data.artifact.artifact_type === type);
  return stored.map(({ inline }) => JSON.parse(inline ?? "{}").payload as JsonObject);
}

describe("a violation", () => {
  test("E3: fails the attempt, is not retried, keeps its reason, and its output is not taken", async () => {
    const { view, events } = await bed.run(
      flow({ a: sh("echo x > out/a.txt; echo x > stray.txt", { outputs: { a: { path: "out/a.txt" } }, retry: { max: 3, backoff: "1ms" } }) }, { policy: out }),
    );
    expect(view.status).toBe("failed");
    expect(stepOf(view, "a").attempts).toHaveLength(1);
    const [violation] = dataOf(events, "POLICY_VIOLATION");
    expect(violation).toMatchObject({ step_id: "a", attempt: 1, violation_type: "write_denied", details: '"stray.txt" is not in write.allow' });
    expect(dataOf(events, "STEP_FAILED")).toMatchObject([{ code: "POLICY_VIOLATION", executor: { exit_code: 0, enforcement: { write: "observed" } } }]);
    expect(dataOf(events, "ARTIFACT_STORED").map((data) => data.artifact.artifact_name)).not.toContain("a");
    expect(payloads(events, "policy_evaluation.v1")).toMatchObject([
      { verdict: "block", attempt: 1, decisions: [{ rule: "write", verdict: "block" }], enforcement: { write: "observed" } },
    ]);
    expect(payloads(events, "policy_violation.v1")).toMatchObject([{ violation_type: "write_denied" }]);
    expect(payloads(events, "why.v1")).toMatchObject([{ subject: "denied", step_id: "a", changed: [{ kind: "policy", name: "write_denied" }] }]);
    await bed.expectAnchored(view.run_id);
  });

  test("is found for an attempt that fails, and each broken rule is told", async () => {
    const { events } = await bed.run(flow({ a: sh("echo 0123456789 > stray.txt; exit 4") }, { policy: { ...out, diff_max: "5B" } }));
    expect(dataOf(events, "POLICY_VIOLATION").map((data) => data.violation_type)).toEqual(["write_denied", "diff_too_large"]);
    expect(dataOf(events, "STEP_FAILED")).toMatchObject([{ code: "POLICY_VIOLATION", executor: { exit_code: 4 } }]);
  });

  test("of a module is found as well", async () => {
    bed.write("lily.yaml", "modules: { writes: ./writes.mjs }\n");
    bed.write("writes.mjs", moduleText("writes", "fs.writeFileSync(`${context.cwd}/stray.txt`, 'x');"));
    const { events } = await bed.run(flow({ a: { module: "writes" } }, { policy: out }));
    expect(dataOf(events, "STEP_FAILED").map((data) => data.code)).toEqual(["POLICY_VIOLATION"]);
  });

  test("E4: of a gate is an error of the gate, never a pass", async () => {
    const { view, events } = await bed.run(
      flow({ a: sh("echo x > out/a.txt", { gates: [{ id: "g", run: ["sh", "-c", "echo x > stray.txt"] }] }) }, { policy: out }),
    );
    expect(dataOf(events, "GATE_ERROR")).toMatchObject([{ gate_id: "g", reason: '"stray.txt" is not in write.allow' }]);
    expect(view.status).toBe("failed");
  });

  test("E3: a pattern of lily.yaml that ends in a slash is the folder with all in it, and one that can match nothing is refused", async () => {
    bed.write("secret/key.txt", "k\n");
    bed.write("lily.yaml", "policy: { write: { allow: [out/, secret/], deny: [secret/] } }\n");
    const { events } = await bed.run(flow({ a: sh("echo x > out/a.txt; echo x > secret/key.txt; echo x > secret/new.txt") }));
    expect(dataOf(events, "POLICY_VIOLATION").map((data) => data.details)).toEqual([expect.stringContaining('"secret/key.txt" is in write.deny')]);
    for (const glob of ["/abs/**", "../x", "a//b"]) {
      bed.write("lily.yaml", `policy:\n  write:\n    deny: [${glob}]\n`);
      await expect(bed.run(flow({ a: sh("true") }))).rejects.toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining("lily.yaml:3") });
    }
  });

  test("counts against every attempt that was under way in the folder", async () => {
    const wait = "touch out/$ME; while [ ! -e out/$OTHER ]; do :; done;";
    const both = flow(
      {
        honest: sh(`${wait} while [ ! -e out/done ]; do :; done`, { env: { ME: "h", OTHER: "w" } }),
        wrong: sh(`${wait} echo x > stray.txt; touch out/done`, { env: { ME: "w", OTHER: "h" } }),
      },
      { policy: out, routes: [{ id: "on", when: { violation: true }, do: { continue: true } }] },
    );
    const { events } = await bed.run(both, { parallel: 2 });
    expect(
      dataOf(events, "POLICY_VIOLATION")
        .map((data) => data.step_id)
        .sort(),
    ).toEqual(["honest", "wrong"]);
  });
});

describe("S6: what is recorded of an attempt", () => {
  test("an attempt that keeps to the policy has an evaluation that says so", async () => {
    const policy = { ...out, tools: ["sh"], network: "deny", env_allow: [], diff_max: "1MB" };
    const { view, events } = await bed.run(flow({ a: { run: ["sh", "-c", "echo x > out/a.txt"] } }, { policy }));
    expect(view.status).toBe("succeeded");
    const evaluations = payloads(events, "policy_evaluation.v1");
    expect(evaluations[0]).toMatchObject({
      verdict: "allow",
      enforcement: { tools: "prevented", subprocesses: "unenforced", write: "observed", diff: "observed", network: "unenforced", environment: "prevented" },
    });
    const rules = ["environment", "tools", "write", "diff", "network"];
    expect(evaluations).toMatchObject([{ decisions: rules.map((rule) => ({ rule, verdict: "allow" })) }]);
  });

  test("without a policy there is none", async () => {
    const { events } = await bed.run(flow({ a: sh("echo x > anywhere.txt") }));
    expect(payloads(events, "policy_evaluation.v1")).toEqual([]);
    expect(dataOf(events, "STEP_COMPLETED")).toMatchObject([{ executor: { enforcement: {} } }]);
  });

  test("what a step changed outside of its outputs is told as a side effect", async () => {
    const { events } = await bed.run(
      flow(
        { a: sh("echo x > out/a.txt; echo x > out/b.txt", { outputs: { a: { path: "out/a.txt" } } }) },
        { policy: out, routes: [{ id: "on", when: { violation: true }, do: { continue: true } }] },
      ),
    );
    expect(dataOf(events, "SIDE_EFFECT_OBSERVED").map((data) => data.description)).toEqual(["added out/b.txt"]);
  });

  test("a step in a folder of its own is held to the same rule there, and in the workflow's folder", async () => {
    const isolated = { workdir: "isolated", policy: out };
    const own = await bed.run(flow({ a: sh("mkdir out; echo x > out/a.txt; echo x > own.txt") }, isolated));
    expect(dataOf(own.events, "POLICY_VIOLATION").map((data) => data.details)).toEqual(['"own.txt" is not in write.allow']);
    const source = await bed.run(flow({ a: { run: ["sh", "-c", `echo x > ${bed.dir}/stray.txt`] } }, isolated));
    expect(dataOf(source.events, "POLICY_VIOLATION").map((data) => data.details)).toEqual(['"stray.txt" is not in write.allow']);
  });
});

describe.skipIf(noSandbox)(`in a sandbox (${support.name ?? `skipped: ${support.reason}`})`, () => {
  const prefer: JsonObject = { ...out, sandbox: "prefer", network: "deny" };

  test("a module that cannot be loaded leaves no window open", async () => {
    bed.write("lily.yaml", "modules: { m: ./m.mjs }\n");
    bed.write("m.mjs", "export const nothing = 1;\n");
    const { events } = await bed.run(flow({ a: { module: "m" } }, { policy: out }));
    expect(dataOf(events, "STEP_FAILED").map((data) => data.code)).toEqual(["MODULE_INVALID"]);
  });

  test("S6: the attempt says which sandbox, and that writes and network were prevented", async () => {
    const { events } = await bed.run(
      flow({ a: sh("echo x > out/a.txt", { outputs: { a: { path: "out/a.txt" } } }) }, { policy: { ...prefer, tools: ["sh"] } }),
    );
    const held = { tools: "prevented", subprocesses: "prevented", write: "prevented", network: "prevented" };
    expect(dataOf(events, "STEP_COMPLETED")).toMatchObject([{ executor: { sandbox: support.name, materials: "declared", enforcement: held } }]);
  });

  test("a pattern that ends in a slash is said by mounts exactly", async () => {
    bed.write("secret/key.txt", "k\n");
    const policy = { sandbox: "require", write: { allow: ["out/", "secret/"], deny: ["secret/"] } };
    const { view } = await bed.run(flow({ a: sh("echo x > out/a.txt; ! echo x > secret/key.txt") }, { policy }));
    expect(view.status).toBe("succeeded");
    expect(bed.read("secret/key.txt")).toBe("k\n");
  });

  test("a folder that may be written is made first", async () => {
    const { view } = await bed.run(flow({ a: sh("echo x > fresh/deep/a.txt") }, { policy: { ...prefer, write: { allow: ["fresh/deep/**"] } } }));
    expect(view.status).toBe("succeeded");
    expect(bed.read("fresh/deep/a.txt")).toBe("x\n");
  });

  test("a step in a folder of its own sees the workflow's folder empty, and what it is given", async () => {
    bed.write("data.csv", "1\n");
    bed.write("other.csv", "2\n");
    const { view, events } = await bed.run(
      flow(
        { a: { run: ["sh", "-c", `cat "$0" data.csv > out.txt; ls ${bed.dir} >> out.txt`, "${inputs.data}"], outputs: { o: { path: "out.txt" } } } },
        { workdir: "isolated", inputs: { data: { file: "data.csv" } }, policy: { sandbox: "prefer" } },
      ),
    );
    expect(view.status).toBe("succeeded");
    expect(dataOf(events, "STEP_COMPLETED")).toMatchObject([{ executor: { materials: "complete" } }]);
    const [id = ""] = dataOf(events, "STEP_COMPLETED").flatMap((data) => data.artifacts);
    const kernel = await bed.kernel();
    expect(new TextDecoder().decode(await kernel.artifacts.get(id))).toBe("1\n1\n");
  });

  test("a forbidden write fails as it happens and is no violation: the command decides, and a route by status follows", async () => {
    const routes = [{ id: "on", when: { status: "failed" }, do: { escalate: "look at it" } }];
    const { view, events } = await bed.run(flow({ a: sh("echo x > stray.txt") }, { policy: prefer, routes }));
    expect(dataOf(events, "POLICY_VIOLATION")).toEqual([]);
    expect(dataOf(events, "STEP_FAILED").map((data) => data.code)).toEqual(["STEP_FAILED"]);
    const heedless = await bed.run(flow({ a: sh("echo x > stray.txt || true") }, { policy: prefer, routes }));
    expect([view.status, heedless.view.status, bed.has("stray.txt")]).toEqual(["blocked", "succeeded", false]);
    const tools = await bed.run(flow({ a: sh("sleep 0") }, { policy: { sandbox: "require", tools: ["sh"] } }));
    expect(dataOf(tools.events, "STEP_FAILED")).toMatchObject([{ code: "STEP_FAILED", executor: { exit_code: 127 } }]);
  });

  test("what others change in the workflow's folder is not told to a step in a folder of its own", async () => {
    const own = sh("touch started; while [ ! -e go ]; do :; done", { workdir: "isolated" });
    const handle = await bed.start(flow({ a: own }, { policy: { sandbox: "prefer", diff_max: "10B" } }));
    const seen = async (): Promise<string> => {
      for (;;) {
        for await (const found of glob(join(bed.workspaceDir, "runs", "**", "started"))) return found;
      }
    };
    const started = await seen();
    bed.write("other.bin", "0123456789abcdef");
    writeFileSync(join(dirname(started), "go"), "");
    const { view, events } = await bed.finish(handle);
    expect(view.status).toBe("succeeded");
    expect(dataOf(events, "STEP_COMPLETED")).toMatchObject([{ executor: { sandbox: support.name, enforcement: { diff: "observed" } } }]);
  });

  test("what mounts cannot say is observed, and said to be", async () => {
    const { events } = await bed.run(flow({ a: sh("echo x > out/a.log") }, { policy: { ...prefer, write: { allow: ["out/*.txt"] } } }));
    expect(dataOf(events, "STEP_FAILED")).toMatchObject([
      { code: "POLICY_VIOLATION", executor: { sandbox: support.name, enforcement: { write: "observed" } } },
    ]);
  });

  test("a policy that requires it refuses a rule that mounts cannot hold, and modules", async () => {
    const require = { ...prefer, sandbox: "require" };
    const { view } = await bed.run(flow({ a: sh("echo x > out/a.txt", { gates: [{ id: "g", run: ["sh", "-c", "true"] }] }) }, { policy: require }));
    expect(view.status).toBe("succeeded");
    await expect(bed.run(flow({ a: sh("true") }, { policy: { ...require, write: { allow: ["out/*.txt"] } } }))).rejects.toMatchObject({
      code: "POLICY_VIOLATION",
    });
    const late = await bed.run(flow({ a: sh("true") }, { policy: { ...require, write: { allow: ["out/new.txt"] } } }));
    expect(dataOf(late.events, "POLICY_VIOLATION").map((data) => data.details)[0]).toMatch(/cannot hold this rule: out\/new\.txt does not exist/);
    bed.write("lily.yaml", "modules: { m: ./m.mjs }\n");
    bed.write("m.mjs", moduleText("m", ""));
    await expect(bed.run(flow({ a: { module: "m" } }, { policy: require }))).rejects.toMatchObject({ code: "POLICY_VIOLATION" });
    await expect(bed.run(flow({ a: sh("true") }, { policy: require, gates: [{ id: "g", module: "m" }] }))).rejects.toMatchObject({ code: "POLICY_VIOLATION" });
  });

  test("where there is none, a policy that requires it is refused at the start, and when a run goes on", async () => {
    const blocked = flow(
      { a: sh("exit 1") },
      { policy: { ...prefer, sandbox: "require" }, routes: [{ id: "ask", when: { step: "a" }, do: { escalate: "look at it" } }] },
    );
    const { view } = await bed.run(blocked);
    expect(view.status).toBe("blocked");
    const bare = await openWith(bed, () => ({ processes: createProcessRunner({ sandboxProgram: "/nonexistent/bwrap" }) }));
    try {
      const refusal = { code: "SANDBOX_UNAVAILABLE" };
      await expect(bare.runs.start({ document: blocked, dir: bed.dir })).rejects.toMatchObject(refusal);
      await expect(bare.runs.resume(view.run_id, { unblockReason: "looked at it" })).rejects.toMatchObject(refusal);
      expect((await bare.runs.show(view.run_id)).status).toBe("blocked");
      const preferred = await bare.runs.start({ document: flow({ a: sh("true") }, { policy: prefer }), dir: bed.dir });
      expect((await preferred.done()).status).toBe("succeeded");
    } finally {
      await bare.close();
    }
  });
});
