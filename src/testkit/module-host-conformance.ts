import { expect, it } from "vitest";
import type { Digest } from "../base/digest.ts";
import type { ModuleContext, ModuleHost, ReportedEffect } from "../ports/module-host.ts";

/** What a module of the suite does when it runs. */
export type ModuleBehaviour =
  /** Logs `hello` and returns its input as output `seen`, with run, step and attempt as output `where`. */
  | "echo"
  /** Throws an error with the message `out of ink`. */
  | "throws"
  /** Returns the number 7. */
  | "returns-number"
  /** Returns an output that holds NaN. */
  | "returns-nan"
  /** Logs `ready`, waits until its signal aborts, then logs `late` and returns no outputs. */
  | "waits"
  /** Reports the effects `reportedEffects`, then throws an error with the message `after`. */
  | "reports"
  /** The file holds no module. */
  | "no-module";

export const reportedEffects: readonly ReportedEffect[] = [
  { category: "network", description: "told \u00e9 the warehouse", reversible: false, details: { order: "17" } },
  { category: "other", description: "rang a bell" },
];

export interface ModuleHostBed {
  readonly host: ModuleHost;
  /** Absolute folder that modules may work in. */
  readonly cwd: string;
  /** Makes a file whose module, version 1.2.0, behaves so. */
  module(behaviour: ModuleBehaviour): { readonly path: string; readonly digest: Digest };
  /** Puts other bytes into the file. */
  change(path: string): void;
  remove(path: string): void;
}

/** What every ModuleHost promises. `open` makes a fresh bed for each case. */
export function moduleHostConformance(open: () => Promise<ModuleHostBed>): void {
  const contextFor = (bed: ModuleHostBed, signal: AbortSignal = new AbortController().signal) => {
    const lines: string[] = [];
    const effects: ReportedEffect[] = [];
    const context: ModuleContext = {
      runId: `conformance-${process.pid}`,
      stepId: "s",
      attempt: 2,
      signal,
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
      cwd: bed.cwd,
      log: (line) => void lines.push(line),
      effect: (effect) => void effects.push(effect),
    };
    return { context, lines, effects };
  };
  const logged = async (lines: readonly string[]): Promise<void> => {
    while (lines.length === 0) await new Promise<void>((resolve) => void setImmediate(resolve));
  };

  for (const way of ["load", "loadIsolated"] as const) {
    const loaded = async (behaviour: ModuleBehaviour) => {
      const bed = await open();
      const { path, digest } = bed.module(behaviour);
      return { bed, path, digest, module: await bed.host[way]("m", path, digest) };
    };

    it(`${way}: a module gets its input and context, logs, and gives outputs by name`, async () => {
      const { bed, module } = await loaded("echo");
      expect([module.name, module.version]).toEqual(["m", "1.2.0"]);
      const { context, lines } = contextFor(bed);
      const input = { text: "a\u00e9", list: [1, null, { deep: true }] };
      expect(await module.run(context, input)).toEqual({ seen: input, where: [context.runId, "s", 2] });
      expect(lines).toEqual(["hello"]);
    });

    it(`${way}: runs of one module do not mix`, async () => {
      const { bed, module } = await loaded("echo");
      // A step of its own each: what carries the marker of a run that ended is ended with it.
      const outputs = await Promise.all([1, 2, 3].map((n) => module.run({ ...contextFor(bed).context, stepId: `s${n}` }, { n })));
      expect(outputs.map((output) => output["seen"])).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    });

    it(`${way}: what a module throws is what its run rejects with`, async () => {
      const { bed, module } = await loaded("throws");
      await expect(module.run(contextFor(bed).context, {})).rejects.toThrow(/out of ink/);
    });

    it(`${way}: effects are told in order, also when the module throws afterwards`, async () => {
      const { bed, module } = await loaded("reports");
      const { context, effects } = contextFor(bed);
      await expect(module.run(context, {})).rejects.toThrow(/after/);
      expect(effects).toEqual(reportedEffects);
    });

    it.each(["returns-number", "returns-nan"] as const)(`${way}: MODULE_FAILED: outputs must be JSON by name (%s)`, async (behaviour) => {
      const { bed, module } = await loaded(behaviour);
      await expect(module.run(contextFor(bed).context, {})).rejects.toMatchObject({ code: "MODULE_FAILED" });
    });

    it(`${way}: MODULE_INVALID: a file without a module is refused`, async () => {
      await expect(loaded("no-module")).rejects.toMatchObject({ code: "MODULE_INVALID" });
    });

    it(`${way}: E8: a file that has other bytes than the plan binds is WORKFLOW_DRIFT, one that is gone MODULE_NOT_FOUND`, async () => {
      const bed = await open();
      const { path, digest } = bed.module("echo");
      bed.change(path);
      await expect(bed.host[way]("m", path, digest)).rejects.toMatchObject({ code: "WORKFLOW_DRIFT" });
      bed.remove(path);
      await expect(bed.host[way]("m", path, digest)).rejects.toMatchObject({ code: "MODULE_NOT_FOUND" });
    });
  }

  it("loadIsolated: E6: a run whose signal aborts ends with CONTEXT_REVOKED, and its module says nothing more", async () => {
    const bed = await open();
    const { path, digest } = bed.module("waits");
    const module = await bed.host.loadIsolated("m", path, digest);
    const abort = new AbortController();
    const { context, lines } = contextFor(bed, abort.signal);
    const running = module.run(context, {});
    running.catch(() => undefined);
    await logged(lines);
    abort.abort();
    await expect(running).rejects.toMatchObject({ code: "CONTEXT_REVOKED" });
    expect(lines).toEqual(["ready"]);
    await expect(module.run(contextFor(bed, AbortSignal.abort()).context, {})).rejects.toMatchObject({ code: "CONTEXT_REVOKED" });
  });

  it("load: a module sees its signal abort", async () => {
    const bed = await open();
    const { path, digest } = bed.module("waits");
    const module = await bed.host.load("m", path, digest);
    const abort = new AbortController();
    const { context, lines } = contextFor(bed, abort.signal);
    const running = module.run(context, {});
    await logged(lines);
    abort.abort();
    expect(await running).toEqual({});
  });
}
