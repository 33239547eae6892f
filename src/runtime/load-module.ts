import { assert } from "../base/assert.ts";
import { LilyError } from "../base/lily-error.ts";
import type { PlanModule } from "../contracts/plan-document.ts";
import type { LoadedModule } from "../ports/module-host.ts";
import type { RunContext } from "./run-context.ts";

/** A module as a step or a gate names it. */
export interface NamedModule {
  readonly module: string;
  readonly isolation: "none" | "process";
}

/**
 * The digest of the file is checked when a run first uses a module; what was loaded then is what every later use in the run gets. The
 * files of a pack are looked at before each use, because a process of its own reads them anew.
 */
export async function loadModule(run: RunContext, named: NamedModule): Promise<LoadedModule> {
  const bound = run.plan.modules.find((one) => one.name === named.module);
  assert(bound !== undefined, `R4: the plan binds the module ${named.module} that it names`);
  const dir = await moduleDir(run, bound);
  const key = `${named.isolation} ${named.module}`;
  const known = run.loadedModules.get(key);
  if (known !== undefined) return known;
  const { modules } = run.deps;
  const path = `${dir}/${bound.path}`;
  const loaded =
    named.isolation === "process" ? await modules.loadIsolated(bound.name, path, bound.digest) : await modules.load(bound.name, path, bound.digest);
  run.loadedModules.set(key, loaded);
  return loaded;
}

/** The folder that the module's path is relative to. */
async function moduleDir(run: RunContext, { name, pack }: PlanModule): Promise<string> {
  if (pack === undefined) return run.configDir;
  const bound = run.plan.packs?.find((one) => one.name === pack);
  assert(bound !== undefined, `R4: the plan binds the pack ${pack} of its module ${name}`);
  const guard = run.deps.packs?.get(pack);
  if (guard === undefined) throw new LilyError("WORKFLOW_DRIFT", `pack ${pack}, which brings module ${name}, is not loaded`, { details: { pack } });
  await guard.check(bound);
  return guard.dir;
}
