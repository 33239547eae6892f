/**
 * Loads modules made by `defineModule` from files: into this process, or for each run into a process of their own.
 * The digest covers the module's own file; what it imports is bound by the step's `uses`.
 */
import { LilyError } from "../../base/lily-error.ts";
import type { LoadedModule, ModuleHost } from "../../ports/module-host.ts";
import type { ProcessRunner } from "../../ports/process-runner.ts";
import { checkModuleFile, importModule } from "./module-file.ts";
import { describeModule, type ModuleFileRef, runModuleProcess } from "./module-process.ts";
import { checkInput, checkOutput } from "./module-values.ts";
import { createProcessRunner } from "./process-runner.ts";

export function createModuleHost(processes: ProcessRunner = createProcessRunner()): ModuleHost {
  const described = new Map<string, Promise<{ readonly version: string }>>();
  return {
    load: async (name, path, digest) => loadHere({ name, path, digest }),
    loadIsolated: async (name, path, digest) => loadIsolated(processes, described, { name, path, digest }),
  };
}

async function loadHere(file: ModuleFileRef): Promise<LoadedModule> {
  await checkModuleFile(file.name, file.path, file.digest);
  const definition = await importModule(file.name, file.path, file.digest);
  // Once more, because the loader read the file by itself.
  await checkModuleFile(file.name, file.path, file.digest);
  return {
    name: file.name,
    version: definition.version,
    run: async (context, input) => checkOutput(definition, await definition.run(context, await checkInput(definition, input))),
  };
}

async function loadIsolated(
  processes: ProcessRunner,
  described: Map<string, Promise<{ readonly version: string }>>,
  file: ModuleFileRef,
): Promise<LoadedModule> {
  await checkModuleFile(file.name, file.path, file.digest);
  const key = `${file.digest} ${file.path}`;
  const description = described.get(key) ?? describeModule(processes, file);
  described.set(key, description);
  const { version } = await description.catch((thrown: unknown) => {
    described.delete(key);
    throw thrown;
  });
  return {
    name: file.name,
    version,
    run: async (context, input, secrets = [], heard = (effect) => context.effect(effect)) => {
      await checkModuleFile(file.name, file.path, file.digest);
      if (context.signal.aborted) throw new LilyError("CONTEXT_REVOKED", `attempt ${context.attempt} of step ${context.stepId} was ended`);
      return runModuleProcess(processes, file, context, input, secrets, heard);
    },
  };
}
