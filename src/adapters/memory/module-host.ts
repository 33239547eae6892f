/** Modules in memory, with the promises of the port and delays from a seed. They have no schemas of their own: input is passed on as it is. */
import { canonicalJson } from "../../base/canonical-json.ts";
import { type Digest, digestBytes } from "../../base/digest.ts";
import { isJsonObject, type JsonObject } from "../../base/json-value.ts";
import { LilyError, messageOf } from "../../base/lily-error.ts";
import type { LoadedModule, ModuleContext, ModuleHost } from "../../ports/module-host.ts";
import { seededRandom, someTurns } from "./seeded-random.ts";

export interface MemoryModule {
  readonly version: string;
  run(context: ModuleContext, input: Readonly<Record<string, unknown>>): unknown;
}

export interface MemoryModuleHost extends ModuleHost {
  /** Puts a module file at an absolute path and returns its digest; null stands for a file that holds no module. */
  put(path: string, content: string, module: MemoryModule | null): Digest;
  remove(path: string): void;
}

export function createMemoryModuleHost(options: { readonly seed?: number } = {}): MemoryModuleHost {
  const random = seededRandom(options.seed ?? 1);
  const files = new Map<string, { readonly digest: Digest; readonly module: MemoryModule | null }>();
  const find = async (name: string, path: string, digest: Digest): Promise<MemoryModule> => {
    await someTurns(random);
    const file = files.get(path);
    if (file === undefined) throw new LilyError("MODULE_NOT_FOUND", `module ${name}: there is no file ${path}`);
    if (file.digest !== digest) throw new LilyError("WORKFLOW_DRIFT", `module ${name}: ${path} changed after planning; plan again`);
    if (file.module === null) throw new LilyError("MODULE_INVALID", `module ${name}: ${path} exports nothing made by defineModule`);
    return file.module;
  };
  const run = async (name: string, module: MemoryModule, context: ModuleContext, input: Readonly<Record<string, unknown>>): Promise<JsonObject> => {
    await someTurns(random);
    const outputs = checkedOutputs(name, await module.run(context, input));
    await someTurns(random);
    return outputs;
  };
  return {
    load: async (name, path, digest): Promise<LoadedModule> => {
      const module = await find(name, path, digest);
      return { name, version: module.version, run: (context, input) => run(name, module, context, input) };
    },
    loadIsolated: async (name, path, digest): Promise<LoadedModule> => {
      const { version } = await find(name, path, digest);
      return {
        name,
        version,
        run: async (context, input, _secrets, heard = (effect) => context.effect(effect)) => {
          const module = await find(name, path, digest);
          return untilRevoked(context, heard, (own) => run(name, module, own, input));
        },
      };
    },
    put: (path, content, module) => {
      const digest = digestBytes(content);
      files.set(path, { digest, module });
      return digest;
    },
    remove: (path) => void files.delete(path),
  };
}

/** As if the module ran in a process that is ended: its run settles at once, and it is not heard any more. */
function untilRevoked(context: ModuleContext, heard: ModuleContext["effect"], run: (own: ModuleContext) => Promise<JsonObject>): Promise<JsonObject> {
  const revoked = new LilyError("CONTEXT_REVOKED", `attempt ${context.attempt} of step ${context.stepId} was ended`);
  return new Promise((resolve, reject) => {
    if (context.signal.aborted) return reject(revoked);
    context.signal.addEventListener("abort", () => reject(revoked), { once: true });
    const log = (line: string): void => {
      if (!context.signal.aborted) context.log(line);
    };
    const effect: ModuleContext["effect"] = (reported) => {
      if (!context.signal.aborted) heard(reported);
    };
    void run({ ...context, log, effect }).then(resolve, reject);
  });
}

function checkedOutputs(name: string, result: unknown): JsonObject {
  const outputs = result ?? {};
  if (!isJsonObject(outputs)) throw new LilyError("MODULE_FAILED", `module ${name}: it returned something that is not an object of outputs by name`);
  try {
    canonicalJson(outputs, { fractions: true });
  } catch (cause) {
    throw new LilyError("MODULE_FAILED", `module ${name}: an output is not JSON: ${messageOf(cause)}`, { cause });
  }
  return outputs;
}
