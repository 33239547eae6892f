import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LedgerEvent } from "../../src/contracts/event.ts";
import type { RunView } from "../../src/contracts/run-view.ts";
import { claimProblems, proveFork, sourceProblems } from "../../src/ledger/fork-proof.ts";
import { digestBytes } from "../../src/base/digest.ts";
import { Bed, flow, refusalOf, sh, stepOf, traceOf } from "../runtime/bed.ts";
import { hasPython, runChecker } from "../checker/python-checker.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

/** Each step counts how often it was done, outside of what is recorded. */
const counted = (id: string, more: object = {}) => sh(`echo ${id} >> ${id}.log; echo ${id} > ${id}.txt`, { outputs: { o: { path: `${id}.txt` } }, ...more });
const steps = {
  a: counted("a", { gates: [{ id: "ga", run: ["test", "-s", "a.txt"] }] }),
  b: counted("b", { env: { A: "${steps.a.outputs.o}" } }),
  c: sh("test -e broken && exit 1; cat $B > c.txt", { env: { B: "${steps.b.outputs.o}" }, outputs: { o: { path: "c.txt" } } }),
};
const attempts = (view: RunView) => view.steps.map(({ step_id, status, attempts: tries }) => [step_id, status, tries.length]);
const dataOf = <K extends LedgerEvent["kind"]>(events: readonly LedgerEvent[], kind: K) =>
  events.flatMap((event) => (event.kind === kind ? [event as Extract<LedgerEvent, { readonly kind: K }>] : []));

async function verified(runId: string) {
  return (await bed.kernel()).records.verify(runId);
}

describe("run fork", () => {
  test("B5: a fork of a failed run shares what had succeeded, does the rest, and proves what it shares", async () => {
    bed.write("broken", "");
    const source = await bed.run(flow(steps));
    expect(source.view.status).toBe("failed");
    const kernel = await bed.kernel();
    rmSync(`${bed.dir}/broken`);
    const fork = await bed.finish(await kernel.runs.fork(source.view.run_id, { from: ["c"], reason: "mended" }));
    expect(fork.view).toMatchObject({ status: "succeeded", forked_from: { run_id: source.view.run_id } });
    expect(fork.view.run_id).not.toBe(source.view.run_id);
    expect(fork.view.plan_hash).toBe(source.view.plan_hash);
    expect(attempts(fork.view)).toEqual([
      ["a", "reused", 0],
      ["b", "reused", 0],
      ["c", "succeeded", 1],
    ]);
    expect([bed.read("a.log"), bed.read("b.log")]).toEqual(["a\n", "b\n"]);
    expect(stepOf(fork.view, "b").produced_artifact_ids).toEqual(stepOf(source.view, "b").produced_artifact_ids);
    expect(await bed.events(source.view.run_id)).toEqual(source.events);

    const [claim] = dataOf(fork.events, "RUN_FORKED");
    const first = source.events.findIndex((event) => event.kind === "STEP_STARTED" && event.data.step_id === "c");
    expect(claim?.data).toMatchObject({
      from: { run_id: source.view.run_id, events: source.events.length, head: source.events.at(-1)?.hash },
      prefix: { events: first, head: source.events[first - 1]?.hash },
      step_ids: ["c"],
    });
    const completed = dataOf(source.events, "STEP_COMPLETED");
    expect(dataOf(fork.events, "STEP_REUSED").map(({ data }) => [data.step_id, data.cause, data.from.event])).toEqual([
      ["a", "fork", completed[0]?.hash],
      ["b", "fork", completed[1]?.hash],
    ]);
    await bed.expectAnchored(source.view.run_id);
    await bed.expectAnchored(fork.view.run_id);
    expect((await verified(fork.view.run_id)).notes).toEqual([expect.stringContaining("compared with the record of that run")]);
    expect((await kernel.doctor()).filter(({ level }) => level === "problem")).toEqual([]);
  });

  test.skipIf(!hasPython())("B5: a stranger with both records can check the claim, and finds one that does not hold", async () => {
    const source = await bed.run(flow(steps));
    const fork = await bed.finish(await (await bed.kernel()).runs.fork(source.view.run_id, { from: ["c"], reason: "again" }));
    await bed.close();
    const files = [bed.recordFile(source.view.run_id), bed.recordFile(fork.view.run_id)] as const;
    expect(runChecker(["fork", ...files])).toMatchObject({ status: 0, answer: { result: "consistent", kept: ["a", "b"], problems: [] } });
    expect(runChecker(["fork", files[1], files[0]])).toMatchObject({ status: 4 });
    const other = await bed.run(flow(steps));
    await bed.close();
    expect(runChecker(["fork", bed.recordFile(other.view.run_id), files[1]])).toMatchObject({ status: 4, answer: { result: "corrupt" } });
  });

  test("a step that an independent branch did later than the prefix is done again", async () => {
    const source = await bed.run(flow({ x: counted("x"), y: counted("y"), z: counted("z", { needs: ["x"] }) }), { parallel: 1 });
    const fork = await bed.finish(await (await bed.kernel()).runs.fork(source.view.run_id, { from: ["y"], reason: "again" }));
    expect(attempts(fork.view)).toEqual([
      ["x", "reused", 0],
      ["y", "succeeded", 1],
      ["z", "succeeded", 1],
    ]);
    await bed.expectAnchored(fork.view.run_id);
  });

  test("a fork of a fork, a rerun of a fork and a replacement in a fork keep to what was shared", async () => {
    const source = await bed.run(flow(steps));
    const kernel = await bed.kernel();
    const one = await bed.finish(await kernel.runs.fork(source.view.run_id, { from: ["c"], reason: "one" }));
    const two = await bed.finish(await kernel.runs.fork(one.view.run_id, { from: ["c"], reason: "two" }));
    expect(dataOf(two.events, "STEP_REUSED").map(({ data }) => data.from.run_id)).toEqual([source.view.run_id, source.view.run_id]);
    await bed.expectAnchored(two.view.run_id);

    const again = await bed.finish(await kernel.runs.rerun(two.view.run_id, { from: ["b"], reason: "again" }));
    expect(attempts(again.view)).toEqual([
      ["a", "reused", 0],
      ["b", "succeeded", 1],
      ["c", "succeeded", 2],
    ]);
    await bed.expectAnchored(two.view.run_id);

    const old = stepOf(one.view, "a").produced_artifact_ids[0] ?? "";
    const file = bed.write("other.txt", "other\n");
    const ambiguous = await refusalOf(kernel.artifacts.replace(old, { file }, { reason: "x" }));
    expect(ambiguous).toMatchObject({ code: "ARTIFACT_AMBIGUOUS", message: expect.stringContaining(source.view.run_id) });
    const replaced = await bed.finish(await kernel.artifacts.replace(old, { file }, { reason: "x", run: one.view.run_id }));
    expect(replaced.view.status).toBe("succeeded");
    expect(attempts(replaced.view)).toEqual([
      ["a", "reused", 0],
      ["b", "succeeded", 1],
      ["c", "succeeded", 2],
    ]);
    expect(traceOf(replaced.events)).toContain("GATE_PASSED ga/0");
    expect((await kernel.runs.judge(one.view.run_id)).verdicts).toMatchObject([{ gate_id: "ga", attempt: 0, status: "passed" }]);
    for (const { run_id } of await kernel.runs.list()) await bed.expectAnchored(run_id);
  });

  test("another workflow goes on with what is kept only when nothing that it was made from differs", async () => {
    bed.write("a.sh", "echo a > a.txt\n");
    bed.write("b.sh", "cat a.txt > b.txt\n");
    const a = { run: ["sh", "a.sh"], outputs: { o: { path: "a.txt" } } };
    const b = { run: ["sh", "b.sh"], needs: ["a"] };
    const source = await bed.run(flow({ a, b }, { params: { n: { type: "integer", default: 1 } } }));
    const kernel = await bed.kernel();
    const forkTo = (document: ReturnType<typeof flow>) =>
      kernel.runs.fork(source.view.run_id, { from: ["b"], reason: "other", workflow: { document, dir: bed.dir } });
    const other = { params: { n: { type: "integer", default: 1 } } };
    bed.write("b.sh", "cat a.txt a.txt > b.txt\n");
    const mended = await bed.finish(await forkTo(flow({ a, b, d: sh("true", { needs: ["b"] }) }, other)));
    expect(attempts(mended.view)).toEqual([
      ["a", "reused", 0],
      ["b", "succeeded", 1],
      ["d", "succeeded", 1],
    ]);
    expect(mended.view.plan_hash).not.toBe(source.view.plan_hash);
    await bed.expectAnchored(mended.view.run_id);
    const refused = async (document: ReturnType<typeof flow>) => (await refusalOf(forkTo(document))).message;
    expect(await refused(flow({ a: { ...a, timeout: "5s" }, b }, other))).toContain("step a would be kept");
    expect(await refused(flow({ b: { run: ["sh", "b.sh"] } }, other))).toContain("not in the new workflow");
    expect(await refused(flow({ a, b }, { ...other, policy: { tools: ["sh"] } }))).toContain("the policy differs");
    bed.write("a.sh", "echo b > a.txt\n");
    expect(await refused(flow({ a, b }, other))).toContain("code a.sh differs");
    expect(await refusalOf(kernel.runs.fork(source.view.run_id, { from: ["b"], reason: "x" }))).toMatchObject({ code: "WORKFLOW_DRIFT" });
  });

  test("inputs are shared, not read again; a run that does not rest, or has no such step, is refused", async () => {
    bed.write("in.txt", "1\n");
    const document = flow({ a: sh("cat $I > a.txt", { env: { I: "${inputs.i}" }, outputs: { o: { path: "a.txt" } } }) }, { inputs: { i: { file: "in.txt" } } });
    const source = await bed.run(document);
    bed.write("in.txt", "2\n");
    const kernel = await bed.kernel();
    const fork = await bed.finish(await kernel.runs.fork(source.view.run_id, { from: ["a"], reason: "again" }));
    expect(fork.view.inputs).toEqual(source.view.inputs);
    expect(new TextDecoder().decode(await kernel.artifacts.get(stepOf(fork.view, "a").produced_artifact_ids[0] ?? ""))).toBe("1\n");
    expect(await refusalOf(kernel.runs.fork(source.view.run_id, { from: ["z"], reason: "x" }))).toMatchObject({ code: "USAGE_INVALID" });
    const created = await kernel.runs.create({});
    expect(await refusalOf(kernel.runs.fork(created.run_id, { from: ["a"], reason: "x" }))).toMatchObject({ code: "RUN_STATE_CONFLICT" });
    await bed.expectAnchored(fork.view.run_id);
  });
});

describe("the proof of a fork", () => {
  const hashes = Array.from({ length: 13 }, (_, at) => digestBytes(`event ${at}`));
  const claimOf = (events: number, prefix: number) => {
    const facts = proveFork("run-a", hashes.slice(0, events), prefix);
    const at = (count: number) => hashes[count - 1] ?? digestBytes("");
    return {
      facts,
      claim: {
        from: { run_id: "run-a", events, head: at(events), root: facts.root },
        prefix: { events: prefix, head: at(prefix), root: facts.prefix_root },
      } as unknown as Parameters<typeof claimProblems>[0],
    };
  };

  test("B5: holds for every prefix, by itself and against the source, which may have grown", () => {
    for (let events = 1; events <= 12; events++) {
      for (let prefix = 1; prefix <= events; prefix++) {
        const { facts, claim } = claimOf(events, prefix);
        expect([...claimProblems(claim, facts), ...sourceProblems(claim, hashes)]).toEqual([]);
      }
    }
  });

  test("B5: any head, root, count or node that is another is told", () => {
    const { facts, claim } = claimOf(11, 5);
    const other = digestBytes("other");
    expect(claimProblems({ ...claim, prefix: { ...claim.prefix, root: other } }, facts)).not.toEqual([]);
    expect(claimProblems({ ...claim, prefix: { ...claim.prefix, root: other } }, { ...facts, prefix_root: other })).not.toEqual([]);
    expect(claimProblems({ ...claim, from: { ...claim.from, events: 12 } }, facts)).not.toEqual([]);
    expect(claimProblems(claim, { ...facts, run_id: "run-b" })).not.toEqual([]);
    for (const [at] of facts.consistency.entries()) expect(claimProblems(claim, { ...facts, consistency: facts.consistency.with(at, other) })).not.toEqual([]);
    for (let at = 0; at < 11; at++) expect(sourceProblems(claim, hashes.with(at, other))).not.toEqual([]);
    expect(sourceProblems({ ...claim, prefix: { ...claim.prefix, head: other } }, hashes)).not.toEqual([]);
    expect(sourceProblems(claim, hashes.slice(0, 10))).not.toEqual([]);
  });
});
