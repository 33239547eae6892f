/** A small number of random graphs over the whole product, with real files and processes. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { JsonObject } from "../../src/base/json-value.ts";
import type { RunView } from "../../src/contracts/run-view.ts";
import { Bed, flow, sh, stepOf } from "../runtime/bed.ts";
import { Random } from "../sim/random.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

type Needs = ReadonlyMap<string, readonly string[]>;

function randomNeeds(random: Random): Needs {
  const ids = Array.from({ length: 3 + random.below(4) }, (_, at) => `s${at}`);
  return new Map(ids.map((id, at) => [id, ids.slice(0, at).filter(() => random.chance(0.4))]));
}

/** Each step puts out its name and what it was given, so that an output shows everything that it was made from. */
function documentOf(needs: Needs, random: Random): JsonObject {
  const steps: Record<string, JsonObject> = {};
  for (const [id, given] of needs) {
    const env = Object.fromEntries(given.map((need) => [need.toUpperCase(), `\${steps.${need}.outputs.o}`]));
    const reads = given.map((need) => `$(cat $${need.toUpperCase()})`).join(" ");
    const gates = random.chance(0.4) ? [{ id: `g-${id}`, run: ["test", "-s", `${id}.txt`] }] : [];
    steps[id] = sh(`echo "(${id} ${reads})" > ${id}.txt`, {
      workdir: random.chance(0.5) ? "isolated" : "source",
      env,
      outputs: { o: { path: `${id}.txt` } },
      gates,
    });
  }
  return flow(steps, random.chance(0.5) ? { gates: [{ id: "all", run: ["true"] }] } : {});
}

function dependentsOf(needs: Needs, target: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [id, given] of needs) if (given.some((need) => need === target || found.has(need))) found.add(id);
  return found;
}

const attempts = (view: RunView, id: string): number => stepOf(view, id).attempts.length;
const artifactOf = (view: RunView, id: string): string => stepOf(view, id).produced_artifact_ids[0] ?? "";
const textOf = async (view: RunView, id: string): Promise<string> =>
  new TextDecoder().decode(await (await bed.kernel()).artifacts.get(artifactOf(view, id))).trim();

/** What a step's output says when everything was made from the newest of what it needs. */
function expected(needs: Needs, id: string, given: ReadonlyMap<string, string>): string {
  return given.get(id) ?? `(${id} ${(needs.get(id) ?? []).map((need) => expected(needs, need, given)).join(" ")})`;
}

test.each([1, 2, 3, 4])(
  "K23 K24 K25 B5: graph %i is run, rerun, replaced, judged dry and forked; what is untouched stays, the rest is made anew",
  async (seed) => {
    const random = new Random(seed);
    const needs = randomNeeds(random);
    const ids = [...needs.keys()];
    const first = await bed.run(documentOf(needs, random), { parallel: 1 });
    expect(first.view.status).toBe("succeeded");
    const runId = first.view.run_id;
    const kernel = await bed.kernel();
    const given = new Map<string, string>();
    let { view: before, events } = first;
    const check = async (after: RunView, redone: ReadonlySet<string>): Promise<void> => {
      expect(after.status).toBe("succeeded");
      for (const id of ids) {
        expect([id, attempts(after, id) - attempts(before, id)]).toEqual([id, redone.has(id) ? 1 : 0]);
        if (!redone.has(id) && !given.has(id)) expect(artifactOf(after, id)).toBe(artifactOf(before, id));
        expect(await textOf(after, id)).toBe(expected(needs, id, given));
      }
      const now = await bed.events(runId);
      expect(now.slice(0, events.length)).toEqual(events);
      [before, events] = [after, now];
      await bed.expectAnchored(runId);
    };

    const target = random.pick(ids);
    const rerun = await bed.finish(await kernel.runs.rerun(runId, { from: [target], reason: "again", parallel: 1 }));
    given.delete(target);
    await check(rerun.view, new Set([target, ...dependentsOf(needs, target)]));

    const mended = random.pick(ids);
    const replaced = await bed.finish(
      await kernel.artifacts.replace(artifactOf(before, mended), { file: bed.write("mended.txt", `by hand ${seed}\n`) }, { reason: "mended" }),
    );
    given.set(mended, `by hand ${seed}`);
    await check(replaced.view, dependentsOf(needs, mended));

    const judged = await kernel.runs.judge(runId);
    expect(judged.verdicts.every(({ status }) => status === "passed")).toBe(true);
    await check(await kernel.runs.show(runId), new Set());

    const fork = await bed.finish(await kernel.runs.fork(runId, { from: [random.pick(ids)], reason: "again", parallel: 1 }));
    expect(fork.view.status).toBe("succeeded");
    for (const id of ids) {
      const { status, attempts: tries } = stepOf(fork.view, id);
      expect([status, tries.length]).toEqual(status === "reused" ? ["reused", 0] : ["succeeded", 1]);
      // The prefix ends before anything was replaced.
      expect(await textOf(fork.view, id)).toBe(expected(needs, id, new Map()));
    }
    expect(await bed.events(runId)).toEqual(events);
    await bed.expectAnchored(fork.view.run_id);
    for (const { run_id } of await kernel.runs.list()) expect(await kernel.records.verify(run_id)).toMatchObject({ result: "anchored", problems: [] });
  },
);
