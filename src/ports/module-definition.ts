import type { StandardSchema } from "../contracts/standard-schema.ts";
import type { ModuleContext } from "./module-host.ts";

/** Marks what `defineModule` made. From the global registry, so that a module which loaded another copy of Lily is still known. */
export const moduleBrand: unique symbol = Symbol.for("lily.module.v1");

/** A module as its file exports it. */
export interface ModuleDefinition {
  readonly [moduleBrand]: true;
  readonly name: string;
  readonly version: string;
  readonly input: StandardSchema | null;
  /** A schema for each output by name, or one for all of them together. */
  readonly output: StandardSchema | Readonly<Record<string, StandardSchema>> | null;
  readonly run: (context: ModuleContext, input: unknown) => unknown;
}

export function isModuleDefinition(value: unknown): value is ModuleDefinition {
  return typeof value === "object" && value !== null && moduleBrand in value && value[moduleBrand] === true;
}
