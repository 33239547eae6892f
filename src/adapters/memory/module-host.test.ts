import { describe } from "vitest";
import { type ModuleBehaviour, moduleHostConformance, reportedEffects } from "../../testkit/module-host-conformance.ts";
import { createMemoryModuleHost, type MemoryModule } from "./module-host.ts";

const runs: Readonly<Record<Exclude<ModuleBehaviour, "no-module">, MemoryModule["run"]>> = {
  echo: (context, input) => {
    context.log("hello");
    return { seen: input, where: [context.runId, context.stepId, context.attempt] };
  },
  throws: () => {
    throw new Error("out of ink");
  },
  reports: (context) => {
    for (const effect of reportedEffects) context.effect(effect);
    throw new Error("after");
  },
  "returns-number": () => 7,
  "returns-nan": () => ({ x: Number.NaN }),
  waits: async (context) => {
    const over = new Promise<void>((resolve) => context.signal.addEventListener("abort", () => resolve(), { once: true }));
    context.log("ready");
    await over;
    context.log("late");
  },
};

describe.each([1, 2, 3])("memory module host, seed %i", (seed) => {
  moduleHostConformance(async () => {
    const host = createMemoryModuleHost({ seed });
    return {
      host,
      cwd: "/work",
      module: (behaviour) => {
        const path = `/modules/${behaviour}`;
        return { path, digest: host.put(path, behaviour, behaviour === "no-module" ? null : { version: "1.2.0", run: runs[behaviour] }) };
      },
      change: (path) => void host.put(path, "other", null),
      remove: (path) => host.remove(path),
    };
  });
});
