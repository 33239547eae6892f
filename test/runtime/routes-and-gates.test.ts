import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bed, flow, sh, stepOf, traceOf, until } from "./bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

/** Fails until it was called `times` times before; counts in a file. */
const flaky = (times: number, file = "count"): string => `n=$(cat ${file} 2>/dev/null || echo 0); echo $((n+1)) > ${file}; test $n -ge ${times}`;
const fastRetry = (max: number) => ({ max, backoff: "1ms", max_backoff: "2ms" });

describe("starting", () => {
  test("ready steps start in plan order, never more at once than the limit", async () => {
    const steps = Object.fromEntries(["e", "d", "c", "b", "a"].map((id) => [id, sh("true")]));
    const { events } = await bed.run(flow(steps), { parallel: 2 });
    let open = 0;
    let most = 0;
    for (const event of events) {
      if (event.kind === "STEP_STARTED") most = Math.max(most, ++open);
      if (event.kind === "STEP_COMPLETED") open--;
    }
    expect(most).toBe(2);
    const started = events.flatMap((event) => (event.kind === "STEP_STARTED" ? [event.data.step_id] : []));
    const { steps: planned } = (await (await bed.kernel()).workflows.plan({ document: flow(steps), dir: bed.dir })).plan;
    expect(started).toEqual(planned.map((step) => step.id));
  });

  test("E1: a step starts only after what it needs succeeded", async () => {
    const { events } = await bed.run(flow({ a: sh("true"), b: sh("true", { needs: ["a"] }), c: sh("true", { needs: ["a", "b"] }) }), { parallel: 4 });
    const steps = traceOf(events).filter((line) => line.startsWith("STEP"));
    expect(steps).toEqual(["STEP_STARTED a/1", "STEP_COMPLETED a/1", "STEP_STARTED b/1", "STEP_COMPLETED b/1", "STEP_STARTED c/1", "STEP_COMPLETED c/1"]);
  });

  test("a limit that is no whole number of at least 1 is refused before a run exists", async () => {
    for (const parallel of [0, -1, 1.5, Number.NaN])
      await expect(bed.start(flow({ a: sh("true") }), { parallel })).rejects.toMatchObject({ code: "USAGE_INVALID" });
    expect(await (await bed.kernel()).runs.list()).toEqual([]);
  });
});

describe("retries", () => {
  test("E3: a failed attempt is retried as often as retry.max says, attempts count on", async () => {
    const { view, events } = await bed.run(flow({ a: sh(flaky(2), { retry: fastRetry(2) }) }));
    expect(view.status).toBe("succeeded");
    expect(stepOf(view, "a").attempts.map(({ n, outcome, cause }) => [n, outcome, cause])).toEqual([
      [1, "failed", "ready"],
      [2, "failed", "retry"],
      [3, "completed", "retry"],
    ]);
    expect(events.filter((event) => event.kind === "ROUTE_TAKEN")).toEqual([]);
  });

  test("E3: used-up retries are decided by the routes, and abort without one", async () => {
    const { view } = await bed.run(flow({ a: sh("exit 4", { retry: fastRetry(1) }), b: sh("true", { needs: ["a"] }) }));
    expect(view).toMatchObject({ status: "failed", reason: "step a, attempt 2: exit code 4", routes: [{ route_id: null, action: "abort" }] });
    expect(stepOf(view, "b").attempts).toEqual([]);
  });

  test("E3: attempts_max caps retries, whatever retry.max says", async () => {
    const { view } = await bed.run(flow({ a: sh("exit 1", { retry: fastRetry(50) }) }, { policy: { attempts_max: 3 } }));
    expect(stepOf(view, "a").attempts).toHaveLength(3);
  });

  test("E3: a route that retries is bounded by its max, and says so when it is used up", async () => {
    const routes = [{ id: "again", when: { step: "a" }, do: { retry: true, max: 2 } }];
    const { view } = await bed.run(flow({ a: sh("exit 1") }, { routes }));
    expect(stepOf(view, "a").attempts).toHaveLength(3);
    expect(view.routes.map((route) => route.route_id)).toEqual(["again", "again", null]);
    expect(view.reason).toContain("route again was taken 2 times already");
  });
});

describe("goto", () => {
  const loop = (extra = {}) =>
    flow(
      {
        make: {
          run: ["sh", "-c", 'echo "$1 $2" > made.txt; echo "$1 $2" >> seen.txt', "sh", "${attempt}", "${route}"],
          outputs: { made: { path: "made.txt" } },
        },
        judge: {
          run: ["cat", "${steps.make.outputs.made}"],
          gates: [{ id: "two", run: ["sh", "-c", 'grep -q "^2 " "$1"', "sh", "${steps.make.outputs.made}"] }],
          ...extra,
        },
        after: sh("true", { needs: ["judge"] }),
      },
      { routes: [{ id: "repair", when: { gate: "two" }, do: { goto: "make", max: 3 } }] },
    );

  test("the target runs again with a higher attempt, and sees attempt and route", async () => {
    const { view, events } = await bed.run(loop());
    expect(view.status).toBe("succeeded");
    expect(bed.read("seen.txt")).toBe("1 \n2 repair\n");
    expect(stepOf(view, "make").attempts.map(({ n, cause }) => [n, cause])).toEqual([
      [1, "ready"],
      [2, "route repair"],
    ]);
    expect(stepOf(view, "judge").attempts).toHaveLength(2);
    expect(events.filter((event) => event.kind === "ROUTE_TAKEN")).toHaveLength(1);
    await bed.expectAnchored(view.run_id);
  });

  test("E2: logs, outputs and verdicts of the attempt before stay", async () => {
    const { view } = await bed.run(loop());
    const kernel = await bed.kernel();
    const logs = await kernel.runs.logs(view.run_id, { step: "judge" });
    expect(logs.map((log) => log.path)).toEqual(["steps/judge/1/stdout.txt", "steps/judge/2/stdout.txt"]);
    const made = (await kernel.artifacts.list({ run_id: view.run_id })).filter((one) => one.artifact_name === "made");
    const texts = await Promise.all(made.map(async (one) => new TextDecoder().decode(await kernel.artifacts.get(one.artifact_id))));
    expect(texts.sort()).toEqual(["1 \n", "2 repair\n"]);
    expect(view.gates.map(({ gate_id, attempt, status }) => [gate_id, attempt, status])).toEqual([
      ["two", 1, "failed"],
      ["two", 2, "passed"],
    ]);
  });

  test("E6: dependents that are in flight are ended first and run again", async () => {
    const steps = {
      base: sh("true"),
      slow: sh("echo x >> slow.txt; test -e second || exec sleep 60; exit 0", { needs: ["base"] }),
      check: sh("until test -e slow.txt; do sleep 0.02; done", {
        needs: ["base"],
        gates: [{ id: "once", run: ["sh", "-c", "test -e second || { touch second; exit 1; }"] }],
      }),
    };
    const { view, events } = await bed.run(flow(steps, { routes: [{ id: "back", when: { gate: "once" }, do: { goto: "base", max: 2 } }] }), { parallel: 2 });
    expect(view.status).toBe("succeeded");
    expect(events.find((event) => event.kind === "STEP_INTERRUPTED")?.data).toMatchObject({ step_id: "slow", attempt: 1, reason: "goto" });
    expect(stepOf(view, "slow").attempts.map((one) => one.outcome)).toEqual(["interrupted", "completed"]);
  });

  test("E3: a goto is not taken when a step that it would reset has no attempt left", async () => {
    const steps = {
      a: sh("true"),
      b: sh(flaky(2, "b"), { needs: ["a"], retry: fastRetry(2), gates: [{ id: "never", run: ["false"] }] }),
    };
    const { view } = await bed.run(flow(steps, { policy: { attempts_max: 3 }, routes: [{ id: "back", when: { gate: "never" }, do: { goto: "a", max: 9 } }] }));
    expect(view).toMatchObject({ status: "failed" });
    expect(view.reason).toContain("step b used its 3 attempts");
    await bed.expectAnchored(view.run_id);
  });

  test("a run's gate may send the run back, and is judged again as a new round", async () => {
    const { view } = await bed.run(
      flow(
        { a: sh(flaky(0)), b: sh("true", { needs: ["a"] }) },
        {
          gates: [{ id: "total", run: ["sh", "-c", "test $(cat count) -ge 2"] }],
          routes: [{ id: "more", when: { gate: "total" }, do: { goto: "a", max: 3 } }],
        },
      ),
    );
    expect(view.status).toBe("succeeded");
    expect(view.gates.map(({ gate_id, step_id, attempt, status }) => [gate_id, step_id, attempt, status])).toEqual([
      ["total", null, 1, "failed"],
      ["total", null, 2, "passed"],
    ]);
    expect(view.steps.map((step) => step.attempts.length)).toEqual([2, 2]);
  });

  test("a step that still needs a tolerated failure is skipped again after a goto, and the run ends", async () => {
    const steps = {
      bad: sh("exit 1"),
      top: sh("true"),
      both: sh("true", { needs: ["bad", "top"] }),
      check: sh("true", { needs: ["top"], gates: [{ id: "second", run: ["sh", "-c", flaky(1)] }] }),
    };
    const routes = [
      { id: "tolerate", when: { step: "bad" }, do: { continue: true } },
      { id: "back", when: { gate: "second" }, do: { goto: "top", max: 2 } },
    ];
    const { view } = await bed.run(flow(steps, { routes }), { parallel: 1 });
    expect(view).toMatchObject({ status: "failed" });
    expect(stepOf(view, "both")).toMatchObject({ status: "skipped", attempts: [] });
    expect(stepOf(view, "check")).toMatchObject({ status: "succeeded", attempts: [{}, {}] });
  });
});

describe("the other routes", () => {
  test("escalate blocks the run until a person unblocks it, who resets the allowance but not the number", async () => {
    const document = flow(
      { a: sh(flaky(2)), b: sh("true", { needs: ["a"] }) },
      { policy: { attempts_max: 2 }, routes: [{ id: "ask", when: { step: "a" }, do: { escalate: "somebody must look" } }] },
    );
    const first = await bed.run(document);
    expect(first.view).toMatchObject({ status: "blocked", reason: "somebody must look", record: { sealed: true } });
    const kernel = await bed.kernel();
    await expect(kernel.runs.resume(first.view.run_id)).rejects.toMatchObject({ code: "RUN_STATE_CONFLICT" });
    const second = await bed.finish(await kernel.runs.resume(first.view.run_id, { unblockReason: "looked" }));
    expect(second.view.status).toBe("blocked");
    const third = await bed.finish(await kernel.runs.resume(first.view.run_id, { unblockReason: "once more" }));
    expect(third.view.status).toBe("succeeded");
    expect(stepOf(third.view, "a").attempts.map(({ n, cause }) => [n, cause])).toEqual([
      [1, "ready"],
      [2, "rerun"],
      [3, "rerun"],
    ]);
    await bed.expectAnchored(first.view.run_id);
  });

  test("E6: abort ends what is in flight, and the run failed", async () => {
    const document = flow(
      { slow: sh("echo $$ > pid; exec sleep 60"), bad: sh("until test -s pid; do sleep 0.02; done; exit 1") },
      { routes: [{ id: "stop", when: { step: "bad" }, do: { abort: "no use" } }] },
    );
    const { view } = await bed.run(document, { parallel: 2 });
    expect(view).toMatchObject({ status: "failed", reason: "no use" });
    expect(stepOf(view, "slow").attempts[0]).toMatchObject({ outcome: "interrupted", error: { reason: "abort" } });
    expect(() => process.kill(Number(bed.read("pid")), 0)).toThrow(/ESRCH/);
  });

  test("continue skips the dependents, lets the rest go on, and the run still failed", async () => {
    const document = flow(
      { bad: sh("exit 1"), next: sh("true", { needs: ["bad"] }), last: sh("true", { needs: ["next"] }), free: sh("true") },
      { routes: [{ id: "go-on", when: { step: "bad" }, do: { continue: true } }] },
    );
    const { view } = await bed.run(document, { parallel: 1 });
    expect(view.status).toBe("failed");
    expect(Object.fromEntries(view.steps.map((step) => [step.step_id, step.status]))).toEqual({
      bad: "failed",
      next: "skipped",
      last: "skipped",
      free: "succeeded",
    });
  });

  test("continue for a gate of the run ends it failed", async () => {
    const { view } = await bed.run(
      flow({ a: sh("true") }, { gates: [{ id: "g", run: ["false"] }], routes: [{ id: "r", when: { gate: "g" }, do: { continue: true } }] }),
    );
    expect(view).toMatchObject({ status: "failed", routes: [{ route_id: "r", action: "continue", gate_id: "g" }] });
  });

  test("a policy violation is recorded, not retried, and can be routed", async () => {
    const document = flow(
      { a: sh("true", { retry: fastRetry(3) }), b: { run: ["true"] } },
      { policy: { tools: ["true"] }, routes: [{ id: "seen", when: { violation: true }, do: { escalate: "forbidden tool" } }] },
    );
    const { view, events } = await bed.run(document, { parallel: 1 });
    expect(view).toMatchObject({ status: "blocked", reason: "forbidden tool" });
    expect(stepOf(view, "a")).toMatchObject({ attempts: [{ error: { code: "POLICY_VIOLATION" } }] });
    expect(stepOf(view, "a").policy_violation_ids).toHaveLength(1);
    expect(events.filter((event) => event.kind === "POLICY_VIOLATION")).toHaveLength(1);
  });

  test("a violation without a route aborts", async () => {
    const { view } = await bed.run(flow({ a: sh("true", { retry: fastRetry(3) }) }, { policy: { tools: ["cat"] } }));
    expect(view).toMatchObject({ status: "failed" });
    expect(stepOf(view, "a").attempts).toHaveLength(1);
  });
});

describe("gates", () => {
  const gated = (gate: object, more: object = {}) =>
    flow(
      { a: sh("echo '{\"n\":1}' > o.json; printf x > bin", { outputs: { o: { path: "o.json" }, bin: { path: "bin" } }, gates: [{ id: "g", ...gate }] }) },
      { ...more },
    );

  test("an optional gate that fails does not fail the run", async () => {
    const { view } = await bed.run(gated({ required: false, run: ["false"] }));
    expect(view).toMatchObject({ status: "succeeded", gates: [{ gate_id: "g", status: "failed", required: false }] });
  });

  const never: readonly (readonly [string, object, string, RegExp])[] = [
    ["a command that does not exist", { run: ["no-such-command-of-lily"] }, "error", /command not found/],
    ["a timeout", { run: ["sleep", "60"], timeout: "50ms" }, "error", /./],
    ["a signal", { run: ["sh", "-c", "kill -9 $$"] }, "error", /./],
    ["a tool that the policy does not allow", { run: ["sleep", "0"] }, "error", /allow/],
    ["a missing secret", { run: ["sh", "-c", "true"], secrets: ["LILY_TEST_NO_SUCH_SECRET".replace("LILY_", "X_")] }, "error", /X_TEST_NO_SUCH_SECRET/],
    ["a non-zero exit", { run: ["sh", "-c", "exit 7"] }, "failed", /7/],
    ["a schema that does not fit", { schema: "gate_result.v1", of: "${steps.a.outputs.o}" }, "failed", /./],
    ["a schema for what is no JSON", { schema: "gate_result.v1", of: "${steps.a.outputs.bin}" }, "error", /JSON/],
    ["a sealed bundle that is not there", { hash: { law: "sha256_bundle_digest", root: "nowhere", flag: "nowhere/_passed.flag" } }, "error", /nowhere/],
  ];
  for (const [what, gate, status, reason] of never) {
    test(`E4: ${what} is never a pass`, async () => {
      const { view } = await bed.run(gated(gate, { policy: { tools: ["sh", "no-such-command-of-lily", ...(what === "a timeout" ? ["sleep"] : [])] } }));
      expect(view.status).toBe("failed");
      expect(view.gates).toHaveLength(1);
      if (what !== "a sealed bundle that is not there") expect(view.gates[0]?.status).toBe(status);
      expect(view.gates[0]?.status).not.toBe("passed");
      expect(view.gates[0]?.reason).toMatch(reason);
      expect(stepOf(view, "a")).toMatchObject({ status: "failed", attempts: [{}] });
      await bed.expectAnchored(view.run_id);
    });
  }

  test("all gates of a step are judged; the route of the first that failed is taken", async () => {
    const document = flow(
      {
        a: sh("true", {
          gates: [
            { id: "g1", run: ["true"] },
            { id: "g2", run: ["false"] },
            { id: "g3", run: ["false"] },
          ],
        }),
      },
      { routes: [{ id: "r", when: { gate: "g3" }, do: { abort: "third" } }] },
    );
    const { view } = await bed.run(document);
    expect(view.gates.map((gate) => gate.status)).toEqual(["passed", "failed", "failed"]);
    expect(view).toMatchObject({ reason: "third", routes: [{ route_id: "r", gate_id: "g3" }] });
  });

  test("metrics and reason of a gate's last line are kept, its logs are artifacts", async () => {
    const { view } = await bed.run(gated({ run: ["sh", "-c", `echo seen; echo '{"reason":"all good","metrics":{"rows":3}}'`] }));
    expect(view.gates[0]).toMatchObject({ status: "passed", reason: "all good", metrics: { rows: 3 } });
    const [log] = view.gates[0]?.log_artifact_ids ?? [];
    expect(new TextDecoder().decode(await (await bed.kernel()).artifacts.get(log ?? ""))).toContain("seen");
  });

  test("L5: a gate and a step of the same name and the same output do not meet", async () => {
    const { view } = await bed.run(flow({ twin: sh("echo same", { gates: [{ id: "twin", run: ["echo", "same"] }] }) }));
    expect(view.status).toBe("succeeded");
    await bed.expectAnchored(view.run_id);
  });

  test("L5: an output that equals the step's log in name and content is one artifact", async () => {
    const { view } = await bed.run(
      flow({ a: sh("echo same; echo same > o", { outputs: { "stdout.txt": { path: "o" } } }), b: { run: ["cat", "${steps.a.outputs.stdout.txt}"] } }),
    );
    expect(view.status).toBe("succeeded");
    await bed.expectAnchored(view.run_id);
  });

  test("a sealed bundle passes by its own law, for a step and for the run", async () => {
    bed.write("seal.sh", 'mkdir -p b; printf hi > b/x; printf "sha256_hex = %s\\n" $(sha256sum < b/x | cut -c1-64) > b/_passed.flag');
    const hash = { law: "sha256_bundle_digest", root: "b", flag: "b/_passed.flag", exclude_filenames: ["_passed.flag"] };
    const { view } = await bed.run(flow({ a: { run: ["sh", "seal.sh"], gates: [{ id: "s", hash }] } }, { gates: [{ id: "r", hash }] }));
    expect(view.gates.map((gate) => [gate.gate_id, gate.status, gate.reason])).toEqual([
      ["s", "passed", null],
      ["r", "passed", null],
    ]);
  });
});

describe("timeouts", () => {
  test("E6: a step over its time is ended with all its processes, and is retried", async () => {
    const { view } = await bed.run(
      flow({ a: sh("test -e again && exit 0; touch again; sleep 60 & echo $! > pid; wait", { timeout: "400ms", retry: fastRetry(1) }) }),
    );
    expect(view.status).toBe("succeeded");
    expect(stepOf(view, "a").attempts.map((one) => one.outcome)).toEqual(["timeout", "completed"]);
    await until(() => {
      try {
        process.kill(Number(bed.read("pid")), 0);
        return false;
      } catch {
        return true;
      }
    });
  });

  test("a timeout can be routed by its status", async () => {
    const { view } = await bed.run(
      flow({ a: sh("sleep 60", { timeout: "50ms" }) }, { routes: [{ id: "late", when: { status: "timeout" }, do: { escalate: "too slow" } }] }),
    );
    expect(view).toMatchObject({ status: "blocked", reason: "too slow" });
  });
});
