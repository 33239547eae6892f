/** Escalation blocks a run until somebody unblocks it who may; conditions of routes; bounds that no route lifts. */
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/base/json-value.ts";
import type { LedgerEvent } from "../../src/contracts/event.ts";
import { workspaceStream } from "../../src/contracts/ids.ts";
import { Bed, flow, sh } from "../runtime/bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

const me = `user:${userInfo().username}`;
const escalated = (policy: JsonObject): JsonObject =>
  flow(
    { risky: sh("test -e fixed || exit 3"), after: sh("true", { needs: ["risky"] }) },
    { policy, routes: [{ id: "ask", when: { step: "risky", status: "failed" }, do: { escalate: "a person has to look" } }] },
  );

function denials(): readonly LedgerEvent[] {
  const lines = readFileSync(join(bed.workspaceDir, "streams", `${workspaceStream}.jsonl`), "utf8")
    .trimEnd()
    .split("\n");
  return lines.map((line): LedgerEvent => JSON.parse(line)).filter((event) => event.kind === "AUTH_DENIED");
}

describe("a blocked run", () => {
  test("E3: says why it waits, and goes on when somebody who may unblocks it", async () => {
    const { view } = await bed.run(escalated({}));
    expect(view).toMatchObject({ status: "blocked", reason: "a person has to look" });
    bed.write("fixed", "");
    const handle = await (await bed.kernel()).runs.resume(view.run_id, { unblockReason: "looked" });
    expect(await handle.done()).toMatchObject({ status: "succeeded" });
    await bed.expectAnchored(view.run_id);
  });

  test("S6: whom the policy does not name cannot unblock it; the denial is recorded and the run is as it was", async () => {
    const { view, events } = await bed.run(escalated({ unblock_by: ["user:nobody-of-this-name"] }));
    const kernel = await bed.kernel();
    for (const attempt of [
      () => kernel.runs.resume(view.run_id, { unblockReason: "let me" }),
      () => kernel.runs.rerun(view.run_id, { from: ["risky"], reason: "again", unblockReason: "let me" }),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: "UNAUTHORIZED", message: expect.stringContaining("user:nobody-of-this-name") });
    }
    expect((await bed.events(view.run_id)).length).toBe(events.length);
    expect(await kernel.runs.show(view.run_id)).toMatchObject({ status: "blocked" });
    await bed.close();
    expect(denials().map((event) => event.data)).toEqual(
      [1, 2].map(() => ({ action: "run.unblock", target: `run/${view.run_id}`, reason: expect.stringContaining("unblock_by names user:nobody-of-this-name") })),
    );
  });

  test("an empty unblock_by lets nobody, and layers are joined: who is not in every list may not", async () => {
    bed.write("lily.yaml", `policy: { unblock_by: ["${me}", "user:other"] }\n`);
    const { view } = await bed.run(escalated({ unblock_by: ["user:other"] }));
    await expect((await bed.kernel()).runs.resume(view.run_id, { unblockReason: "x" })).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    const { view: closed } = await bed.run(escalated({ unblock_by: [] }));
    await expect((await bed.kernel()).runs.resume(closed.run_id, { unblockReason: "x" })).rejects.toMatchObject({
      message: expect.stringContaining("names nobody"),
    });
  });

  test("S6: a step cannot unblock a run, whoever it runs as", async () => {
    const { view } = await bed.run(escalated({}));
    const before = process.env["LILY_RUN"];
    process.env["LILY_RUN"] = "some-run/some-step/1";
    try {
      await expect((await bed.kernel()).runs.resume(view.run_id, { unblockReason: "let me" })).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    } finally {
      if (before === undefined) delete process.env["LILY_RUN"];
      else process.env["LILY_RUN"] = before;
    }
    bed.write("fixed", "");
    const handle = await (await bed.kernel()).runs.resume(view.run_id, { unblockReason: "looked" });
    expect(await handle.done()).toMatchObject({ status: "succeeded" });
  });
});

describe("a run that was canceled while it was blocked", () => {
  test("S6: is not taken up by whom the policy does not name, by rerun or by replacement, and is by whom it names", async () => {
    const document = flow(
      { risky: sh("echo bad > out.txt", { outputs: { o: { path: "out.txt" } }, gates: [{ id: "good", run: ["grep", "good", "${steps.risky.outputs.o}"] }] }) },
      { policy: { unblock_by: ["user:nobody-of-this-name"] }, routes: [{ id: "ask", when: { gate: "good" }, do: { escalate: "look" } }] },
    );
    const { view } = await bed.run(document);
    const kernel = await bed.kernel();
    expect(await kernel.runs.cancel(view.run_id, "enough")).toMatchObject({ status: "canceled" });
    const [old = ""] = view.steps[0]?.produced_artifact_ids ?? [];
    await expect(kernel.runs.rerun(view.run_id, { from: ["risky"], reason: "sneaky" })).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    await expect(kernel.artifacts.replace(old, { file: bed.write("good.txt", "good\n") }, { reason: "sneaky" })).rejects.toMatchObject({
      code: "UNAUTHORIZED",
    });
    expect(await kernel.runs.show(view.run_id)).toMatchObject({ status: "canceled" });
    await bed.expectAnchored(view.run_id);
  });

  test("goes on when nobody is named, and is an ordinary run then", async () => {
    const { view } = await bed.run(escalated({}));
    const kernel = await bed.kernel();
    await kernel.runs.cancel(view.run_id, "enough");
    bed.write("fixed", "");
    const handle = await kernel.runs.rerun(view.run_id, { from: ["risky"], reason: "mended" });
    expect(await handle.done()).toMatchObject({ status: "succeeded" });
  });
});

describe("conditions of routes", () => {
  const routed = (step: JsonObject, routes: readonly JsonObject[], policy: JsonObject = {}): JsonObject => flow({ work: step }, { routes, policy });
  const taken = (view: { readonly routes: readonly { readonly route_id: string | null; readonly action: string }[] }): readonly (string | null)[] =>
    view.routes.map((route) => route.route_id ?? route.action);

  test("exhausted: true waits until the step's own retries are used up", async () => {
    const { view } = await bed.run(
      routed(sh("exit 1", { retry: { max: 2, backoff: "0ms" } }), [{ id: "give-up", when: { step: "work", exhausted: true }, do: { escalate: "spent" } }]),
    );
    expect([view.status, taken(view), view.steps[0]?.attempts.length]).toEqual(["blocked", ["give-up"], 3]);
  });

  test("exhausted: true matches once the bound of an earlier matching route is reached, exhausted: false before", async () => {
    const gate = { id: "check", run: ["sh", "-c", "exit 1"] };
    const { view } = await bed.run(
      routed(sh("true", { gates: [gate] }), [
        { id: "again", when: { gate: "check" }, do: { retry: true, max: 2 } },
        { id: "spent", when: { gate: "check", exhausted: true }, do: { escalate: "tried twice" } },
      ]),
    );
    expect([view.status, taken(view)]).toEqual(["blocked", ["again", "again", "spent"]]);
    const { view: fresh } = await bed.run(
      routed(sh("true", { gates: [gate] }), [
        { id: "never", when: { gate: "check", exhausted: true }, do: { escalate: "not yet" } },
        { id: "fresh", when: { gate: "check", exhausted: false }, do: { abort: "a gate has no retries" } },
      ]),
    );
    expect([fresh.status, taken(fresh)]).toEqual(["failed", ["fresh"]]);
  });

  test("E3: exhausted: true matches when attempts_max is reached before the retries are", async () => {
    const { view } = await bed.run(
      routed(sh("exit 1", { retry: { max: 50, backoff: "0ms" } }), [{ id: "give-up", when: { exhausted: true }, do: { escalate: "spent" } }], {
        attempts_max: 3,
      }),
    );
    expect([view.status, taken(view), view.steps[0]?.attempts.length]).toEqual(["blocked", ["give-up"], 3]);
  });

  test("a violation is not retried, and is routed as what it is", async () => {
    const { view } = await bed.run(
      routed(
        sh("true", { retry: { max: 5, backoff: "0ms" } }),
        [
          { id: "failure", when: { step: "work", violation: false }, do: { abort: "not this one" } },
          { id: "breach", when: { step: "work", violation: true }, do: { escalate: "the policy was broken" } },
        ],
        { tools: ["no-such-tool"] },
      ),
    );
    expect([view.status, taken(view), view.steps[0]?.attempts.length]).toEqual(["blocked", ["breach"], 1]);
  });

  test.each([
    ["{ retry_max: 1, attempts_max: 3 }", 2],
    ["{ retry_max: 2, attempts_max: 9 }", 3],
    ["{ attempts_max: 3 }", 3],
  ])("E3: ceilings of a policy hold whatever step, defaults and routes say: %s", async (policy, attempts) => {
    bed.write("lily.yaml", `policy: ${policy}\n`);
    const { view } = await bed.run(
      routed(sh("exit 1", { retry: { max: 90, backoff: "0ms" } }), [{ id: "again", when: { step: "work" }, do: { retry: true, max: 100 } }], {
        attempts_max: 500,
      }),
    );
    expect([view.status, view.steps[0]?.attempts.length]).toEqual(["failed", attempts]);
  });
});
