import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe } from "vitest";
import { digestBytes } from "../../base/digest.ts";
import { type ModuleBehaviour, moduleHostConformance, reportedEffects } from "../../testkit/module-host-conformance.ts";
import { createModuleHost } from "./module-host.ts";

const library = join(import.meta.dirname, "../../runtime/define-module.ts");
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const bodies: Readonly<Record<Exclude<ModuleBehaviour, "no-module">, string>> = {
  echo: 'context.log("hello"); return { seen: input, where: [context.runId, context.stepId, context.attempt] };',
  throws: 'throw new Error("out of ink");',
  reports: `for (const effect of ${JSON.stringify(reportedEffects)}) context.effect(effect as never); throw new Error("after");`,
  "returns-number": "return 7 as never;",
  "returns-nan": "return { x: NaN };",
  waits:
    'const { promise, resolve } = Promise.withResolvers(); const alive = setInterval(() => {}, 1000); context.signal.addEventListener("abort", resolve); context.log("ready"); await promise; clearInterval(alive); context.log("late");',
};

function fileText(behaviour: ModuleBehaviour): string {
  if (behaviour === "no-module") return "export const x = 1;\n";
  return `import { defineModule } from ${JSON.stringify(library)};
export const m = defineModule({ name: "m", version: "1.2.0", run: async (context, input) => { ${bodies[behaviour]} } });\n`;
}

describe("module host of this process and of its children", () => {
  moduleHostConformance(async () => {
    const dir = mkdtempSync(join(tmpdir(), "lily-modules-"));
    folders.push(dir);
    return {
      host: createModuleHost(),
      cwd: dir,
      module: (behaviour) => {
        const path = join(dir, `${behaviour}.ts`);
        writeFileSync(path, fileText(behaviour));
        return { path, digest: digestBytes(fileText(behaviour)) };
      },
      change: (path) => writeFileSync(path, "export const y = 2;\n"),
      remove: (path) => rmSync(path),
    };
  });
});
