/** What happens to a run when the machine or another process fails it at one exact moment. */
import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LilyError } from "../../src/base/lily-error.ts";
import { parseRunId } from "../../src/contracts/ids.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import type { KernelParts } from "../../src/kernel/kernel-parts.ts";
import type { LeaseStore } from "../../src/ports/lease-store.ts";
import { Bed, filesBelow, flow, refusalOf, sh, stepOf, until } from "./bed.ts";
import { openWith, replaced, treesWith } from "./parts-bed.ts";

let bed: Bed;
let kernel: Kernel | null = null;
beforeEach(() => {
  bed = new Bed();
});
afterEach(async () => {
  await kernel?.close().catch(() => undefined);
  kernel = null;
  await bed.remove();
});

async function openFaulty(change: (parts: KernelParts) => Partial<KernelParts>): Promise<Kernel> {
  kernel = await openWith(bed, change);
  return kernel;
}

/** The same parts with other leases. */
function leasesWith(change: (leases: LeaseStore) => Partial<LeaseStore>): (parts: KernelParts) => Partial<KernelParts> {
  return ({ authority }) => ({ authority: replaced(authority, { leases: replaced(authority.leases, change(authority.leases)) }) });
}

/** Monotonic time that runs a thousand times as fast, so that leases come up for renewal. */
function fastClock({ clock }: KernelParts): Pick<KernelParts, "clock"> {
  return { clock: replaced(clock, { monotonicMs: () => clock.monotonicMs() * 1_000 }) };
}

const full = (): never => {
  throw new LilyError("STORAGE_FULL", "the disk is full");
};
const waits = flow({ a: sh("touch on; exec sleep 60") });

describe("the lease of a run that goes on", () => {
  test("L3 E6: once another process has it, the run stops with LEDGER_TOKEN_STALE and its processes are ended", async () => {
    const faulty = await openFaulty((parts) => ({ ...leasesWith(() => ({ renew: async () => false }))(parts), ...fastClock(parts) }));
    const handle = await faulty.runs.start({ document: waits, dir: bed.dir });
    expect(await refusalOf(handle.done())).toMatchObject({ code: "LEDGER_TOKEN_STALE", message: expect.stringContaining(handle.runId) });
    expect(await refusalOf(handle.anchoring())).toMatchObject({ code: "LEDGER_TOKEN_STALE" });
    expect((await faulty.runs.show(handle.runId)).status).toBe("running");
  });

  const faults: readonly (readonly [unknown, string])[] = [
    [new LilyError("STORAGE_FULL", "the disk is full"), "STORAGE_FULL"],
    [new Error("the connection is gone"), "STORAGE_FAILED"],
  ];
  for (const [thrown, code] of faults) {
    test(`that cannot be asked for stops the run with ${code}, and the run can be resumed`, async () => {
      const faulty = await openFaulty(leasesWith(() => ({ stopRequest: () => Promise.reject(thrown) })));
      const handle = await faulty.runs.start({ document: flow({ a: sh("test -e on && exit 0; touch on; exec sleep 60") }), dir: bed.dir });
      expect(await refusalOf(handle.done())).toMatchObject({ code, message: expect.stringContaining("lease") });
      await faulty.close();
      const { view } = await bed.finish(await (await bed.kernel()).runs.resume(handle.runId));
      expect(view.status).toBe("succeeded");
    });
  }

  /** Leases that are given back on a full disk: they stay. */
  const kept = leasesWith(() => ({ release: async () => full() }));

  test("L3: that could not be given back on a full disk is taken again at once by the same process", async () => {
    const faulty = await openFaulty(kept);
    const made = await faulty.runs.create({});
    const handle = await faulty.runs.start({ document: flow({ a: sh("true") }), dir: bed.dir }, { runId: made.run_id });
    expect((await handle.done()).status).toBe("succeeded");
  });

  test("a run whose lease could not be given back is canceled without waiting for the lease to end", async () => {
    const faulty = await openFaulty(kept);
    const made = await faulty.runs.create({});
    expect(await faulty.runs.cancel(made.run_id, "not needed")).toMatchObject({ status: "canceled" });
  });

  test("L3: is not taken twice by one process, be it through another kernel", async () => {
    const handle = await bed.start(waits);
    await until(() => bed.has("on"));
    const other = await bed.open();
    expect((await refusalOf(other.runs.resume(handle.runId))).code).toBe("LEASE_HELD");
    expect(await other.runs.cancel(handle.runId, "enough")).toMatchObject({ status: "canceled" });
    await other.close();
    expect((await handle.done()).status).toBe("canceled");
  });

  test("that cannot be taken leaves nothing behind that would refuse the next try", async () => {
    let fails = true;
    const faulty = await openFaulty(leasesWith((leases) => ({ acquire: async (...request) => (fails ? full() : leases.acquire(...request)) })));
    const runId = parseRunId("again");
    expect((await refusalOf(faulty.runs.create({ runId }))).code).toBe("STORAGE_FULL");
    fails = false;
    expect(await faulty.runs.create({ runId })).toMatchObject({ status: "created" });
  });
});

describe("a run that ended and cannot be anchored", () => {
  const spoilKey = (): void => {
    const [key] = filesBelow(bed.dataHome).filter((one) => one.includes("keys"));
    writeFileSync(key ?? "", "rubbish");
  };

  test("S5: gives its view all the same, says why, and is unanchored when it is verified", async () => {
    await bed.kernel();
    spoilKey();
    const handle = await bed.start(flow({ a: sh("true") }));
    expect(await handle.done()).toMatchObject({ status: "succeeded", record: { sealed: true } });
    expect(await handle.anchoring()).toMatchObject({ code: "KEY_INVALID", message: expect.stringContaining("key") });
    const verified = await (await bed.kernel()).records.verify(handle.runId);
    expect(verified).toMatchObject({ result: "unanchored", anchor: null, problems: expect.arrayContaining([expect.stringContaining("KEY_INVALID")]) });
  });

  test("is told apart from one that is anchored, and from a machine that has no key", async () => {
    const anchored = await bed.start(flow({ a: sh("true") }));
    expect(await anchored.anchoring()).toBeNull();
    const faulty = await openFaulty(({ trust }) => ({ trust: replaced(trust, { signer: async () => null }) }));
    const handle = await faulty.runs.start({ document: flow({ a: sh("true") }), dir: bed.dir });
    expect(await handle.anchoring()).toBeNull();
    expect((await faulty.records.verify(handle.runId)).result).toBe("unanchored");
    expect((await refusalOf(faulty.records.checkpoint())).code).toBe("KEY_MISSING");
  });

  test("a mistake of the program while anchoring is a fault", async () => {
    let isLed = false;
    const signer = async (): Promise<null> => {
      if (isLed) throw new TypeError("a mistake");
      return null;
    };
    const faulty = await openFaulty(({ trust }) => ({ trust: replaced(trust, { signer }) }));
    const handle = await faulty.runs.start({ document: flow({ a: sh("true") }), dir: bed.dir });
    isLed = true;
    await expect(handle.done()).rejects.toThrow(/a mistake/);
  });
});

describe("a start that a fault stops", () => {
  test("records no end of the run, which is started again under its id", async () => {
    let fails = true;
    const faulty = await openFaulty(({ probe }) => ({
      probe: replaced(probe, { snapshot: async (...request) => (fails ? full() : probe.snapshot(...request)) }),
    }));
    expect((await refusalOf(faulty.runs.start({ document: flow({ a: sh("true") }), dir: bed.dir }))).code).toBe("STORAGE_FULL");
    const [row] = await faulty.runs.list();
    expect(row).toMatchObject({ status: "created" });
    fails = false;
    const handle = await faulty.runs.start({ document: flow({ a: sh("true") }), dir: bed.dir }, { runId: row?.run_id ?? "" });
    expect((await handle.done()).status).toBe("succeeded");
  });
});

describe("files that change while they are looked at", () => {
  const outputs = { o: { path: "o", schema: "row.v1" }, p: { path: "p" }, g: { glob: "g/*" } };
  const document = flow({ a: sh("mkdir -p g; echo '{}' > o; echo p > p; echo g > g/1", { outputs }) });
  beforeEach(() => {
    bed.write("row.json", '{"type":"object"}');
    bed.write("lily.yaml", "schemas: { row.v1: row.json }\n");
  });

  const run = async (changes: Parameters<typeof treesWith>[1]): Promise<{ status: string; code: string | undefined; reason: string | undefined }> => {
    const faulty = await openFaulty((parts) => treesWith(parts, changes));
    const view = await (await faulty.runs.start({ document, dir: bed.dir })).done();
    const error = stepOf(view, "a").attempts[0]?.error;
    return { status: view.status, code: error?.code, reason: error?.reason };
  };
  const gone = (path: string): never => {
    throw new LilyError("INPUT_NOT_FOUND", `${path} is gone`);
  };

  test("an output that is gone when it is looked at was not produced", async () => {
    const told = await run((tree) => ({ stat: async (path) => (path === "p" ? gone(path) : tree.stat(path)) }));
    expect(told).toMatchObject({ status: "failed", code: "STEP_OUTPUT_MISSING", reason: expect.stringContaining("p was not produced") });
  });
  test("one that is gone between the look and the opening is invalid", async () => {
    const told = await run((tree) => ({ open: async (path) => (path === "p" ? gone(path) : tree.open(path)) }));
    expect(told).toMatchObject({ status: "failed", code: "STEP_OUTPUT_INVALID", reason: expect.stringContaining("p is gone") });
  });
  test("one with a schema that is gone before it is read is invalid", async () => {
    const told = await run((tree) => ({ read: async (path, max) => (path === "o" ? gone(path) : tree.read(path, max)) }));
    expect(told).toMatchObject({ status: "failed", code: "STEP_OUTPUT_INVALID" });
  });
  test("a folder that holds too many files for a glob fails the step, not the run's record", async () => {
    const told = await run((tree) => ({
      glob: async (patterns, max) => {
        if (bed.has("g/1")) throw new LilyError("INPUT_TOO_LARGE", `more than ${max} entries`);
        return tree.glob(patterns, max);
      },
    }));
    expect(told).toMatchObject({ status: "failed", code: "INPUT_TOO_LARGE" });
  });

  for (const name of ["stat", "open", "read"] as const) {
    test(`a disk that fails in ${name} is a fault of the run, not of the step`, async () => {
      let armed = false;
      const broken = (): never => {
        throw new LilyError("STORAGE_FAILED", "the disk does not answer");
      };
      const faulty = await openFaulty((parts) =>
        treesWith(parts, (tree) => ({
          [name]: async (path: never, max: never): Promise<unknown> => {
            armed ||= bed.has("g/1");
            return armed && (path === "o" || path === "p") ? broken() : tree[name](path, max);
          },
        })),
      );
      const handle = await faulty.runs.start({ document, dir: bed.dir });
      expect((await refusalOf(handle.done())).code).toBe("STORAGE_FAILED");
      expect(stepOf(await faulty.runs.show(handle.runId), "a").attempts[0]?.outcome).not.toBe("failed");
    });
  }

  test("a disk that fails before the step starts is a fault, too", async () => {
    const faulty = await openFaulty((parts) =>
      treesWith(parts, (tree) => ({
        stat: async (path) => {
          if (path === "p") throw new LilyError("STORAGE_FAILED", "the disk does not answer");
          return tree.stat(path);
        },
      })),
    );
    const handle = await faulty.runs.start({ document, dir: bed.dir });
    expect((await refusalOf(handle.done())).code).toBe("STORAGE_FAILED");
    expect(bed.has("p")).toBe(false);
  });
});

describe("objects that a step or gate needs", () => {
  const made = { outputs: { o: { path: "o" } } };

  test("A1: a corrupt one is never handed to a command; the run stops with OBJECT_CORRUPT and goes on when it is mended", async () => {
    let corrupt = true;
    const faulty = await openFaulty(({ objects }) => ({
      objects: replaced(objects, {
        open: async (digest) => {
          if (corrupt) throw new LilyError("OBJECT_CORRUPT", `${digest} has other bytes`);
          return objects.open(digest);
        },
      }),
    }));
    const document = flow({ a: sh("head -c 9000 /dev/zero > o", made), b: { run: ["sh", "-c", "wc -c < $0 > n", "${steps.a.outputs.o}"] } });
    const handle = await faulty.runs.start({ document, dir: bed.dir });
    expect((await refusalOf(handle.done())).code).toBe("OBJECT_CORRUPT");
    expect(bed.has("n")).toBe(false);
    corrupt = false;
    expect((await (await faulty.runs.resume(handle.runId)).done()).status).toBe("succeeded");
    expect(bed.read("n").trim()).toBe("9000");
  });

  test("E4: a disk that fails while a gate is judged stops the run: no verdict is recorded", async () => {
    const faulty = await openFaulty(({ folders }) => ({
      folders: replaced(folders, {
        open: async (run, name, work) => {
          if (name[0] === "gates") throw new LilyError("STORAGE_FULL", "the disk is full");
          return folders.open(run, name, work);
        },
      }),
    }));
    const handle = await faulty.runs.start({ document: flow({ a: sh("true", { gates: [{ id: "g", run: ["true"] }] }) }), dir: bed.dir });
    expect((await refusalOf(handle.done())).code).toBe("STORAGE_FULL");
    expect((await faulty.runs.show(handle.runId)).gates).toEqual([]);
  });

  test("E2: a gate's folder that holds something already gives the gate one of its own; a disk that goes on failing is a fault", async () => {
    let refusals = 1;
    const faulty = await openFaulty(({ folders }) => ({
      folders: replaced(folders, {
        open: async (run, name, work) => {
          if (name[0] === "gates" && refusals-- > 0) throw new LilyError("STORAGE_FAILED", "the folder holds something");
          return folders.open(run, name, work);
        },
      }),
    }));
    const document = flow({ a: sh("true", { gates: [{ id: "g", run: ["echo", "judged"] }] }) });
    const view = await (await faulty.runs.start({ document, dir: bed.dir })).done();
    expect(view.status).toBe("succeeded");
    expect((await faulty.runs.logs(view.run_id, { gate: "g" })).map((log) => log.path)).toEqual([expect.stringContaining("gates/g/1-2/")]);
    refusals = Number.POSITIVE_INFINITY;
    const stopped = await faulty.runs.start({ document, dir: bed.dir });
    expect((await refusalOf(stopped.done())).code).toBe("STORAGE_FAILED");
  });
});

describe("what a module throws", () => {
  const modulesThat = (thrown: unknown) => (): Partial<KernelParts> => {
    const loaded = { name: "m", version: "1", run: () => Promise.reject(thrown) };
    return { modules: { load: async () => loaded, loadIsolated: async () => loaded } };
  };
  const document = flow({ a: { module: "m" } });
  beforeEach(() => {
    bed.write("lily.yaml", "modules: { m: ./m.mjs }\n");
    bed.write("m.mjs", "export const m = 1;");
  });

  test("is the run's fault when the machine failed it, and the step's failure when it is the module's own mistake", async () => {
    const faulty = await openFaulty(modulesThat(new LilyError("STORAGE_FULL", "the disk is full")));
    const handle = await faulty.runs.start({ document, dir: bed.dir });
    expect((await refusalOf(handle.done())).code).toBe("STORAGE_FULL");
    await faulty.close();
    const own = await openFaulty(modulesThat(new LilyError("INTERNAL_INVARIANT", "X1: mine")));
    const view = await (await own.runs.start({ document, dir: bed.dir })).done();
    expect(stepOf(view, "a").attempts[0]?.error).toMatchObject({ code: "INTERNAL_INVARIANT" });
  });
});
