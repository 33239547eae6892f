import type { JsonObject } from "../base/json-value.ts";

/** A step or a gate with places for values: `${with.NAME}`. */
export interface PackTemplate {
  readonly title: string | null;
  /** A JSON Schema for each value that a use gives under `with`. */
  readonly params: Readonly<Record<string, JsonObject>>;
  readonly body: JsonObject;
}
