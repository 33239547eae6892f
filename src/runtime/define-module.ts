import { LilyError } from "../base/lily-error.ts";
import type { JsonValue } from "../base/json-value.ts";
import type { StandardSchema } from "../contracts/standard-schema.ts";
import { moduleBrand, type ModuleDefinition } from "../ports/module-definition.ts";
import type { ModuleContext } from "../ports/module-host.ts";

type Named = Readonly<Record<string, JsonValue>>;

/** What a module returns: its outputs by name, or nothing. */
export type ModuleResult = Named | undefined | void;

export interface ModuleSpec<Input> {
  /** For messages; a workflow names the module as lily.yaml registers it. */
  readonly name: string;
  readonly version: string;
  /** Checks what the step passes under `with`; what it gives is what `run` gets. */
  readonly input?: StandardSchema<Input>;
  /** Checks the outputs: a schema by name, with exactly these names, or one schema over all of them. */
  readonly output?: StandardSchema | Readonly<Record<string, StandardSchema>>;
  /** Does the work. Outputs are returned by name and must be JSON. It should stop when `context.signal` aborts. */
  run(context: ModuleContext, input: Input): Promise<ModuleResult> | ModuleResult;
}

/**
 * Makes a module out of a function, for a file that lily.yaml registers (docs/howto/modules.md). Export the result, by any name, once a file.
 * Throws MODULE_INVALID when the name, the version or `run` is missing.
 */
export function defineModule<Input = Readonly<Record<string, JsonValue>>>(spec: ModuleSpec<Input>): ModuleDefinition {
  const { name, version, run } = spec;
  if (typeof name !== "string" || name === "") throw new LilyError("MODULE_INVALID", "defineModule: name is missing; give the module a name");
  if (typeof version !== "string" || version === "")
    throw new LilyError("MODULE_INVALID", `defineModule ${name}: version is missing; give the module a version`);
  if (typeof run !== "function") throw new LilyError("MODULE_INVALID", `defineModule ${name}: run is not a function`);
  const definition: ModuleDefinition = {
    [moduleBrand]: true,
    name,
    version,
    input: spec.input ?? null,
    output: spec.output ?? null,
    // The host checked the input with the module's own schema, which is what gives it this type.
    run: (context: ModuleContext, input: unknown) => spec.run(context, input as Input),
  };
  return Object.freeze(definition);
}
