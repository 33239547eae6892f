/** The names that a document declares, read from the value as it stands, so that a fault in one member does not make its name unknown. */
import { type JsonObject, type JsonValue, isJsonObject } from "../base/json-value.ts";

export interface WorkflowNames {
  readonly params: ReadonlySet<string>;
  readonly inputs: ReadonlySet<string>;
  /** Step id to the names of its outputs; null for a module step that declares none: the module itself says what it returns. */
  readonly outputs: ReadonlyMap<string, ReadonlySet<string> | null>;
  /** Gate id to the step it belongs to; null for a gate of the run. */
  readonly gates: ReadonlyMap<string, string | null>;
}

/** `unsure` are steps whose outputs are not known. */
export function workflowNames(value: JsonValue, unsure: ReadonlySet<string> = new Set()): WorkflowNames {
  const root = objectOf(value);
  const steps = Object.entries(objectOf(root["steps"]));
  const gates = new Map<string, string | null>();
  for (const id of gateIds(root["gates"])) gates.set(id, null);
  for (const [step, body] of steps) for (const id of gateIds(objectOf(body)["gates"])) gates.set(id, step);
  return {
    params: new Set(Object.keys(objectOf(root["params"]))),
    inputs: new Set(Object.keys(objectOf(root["inputs"]))),
    outputs: new Map(steps.map(([id, body]) => [id, unsure.has(id) ? null : outputNames(objectOf(body))])),
    gates,
  };
}

function outputNames(step: JsonObject): ReadonlySet<string> | null {
  if (step["outputs"] === undefined && step["module"] !== undefined) return null;
  return new Set(Object.keys(objectOf(step["outputs"])));
}

const none: JsonObject = {};

function objectOf(value: JsonValue | undefined): JsonObject {
  return value !== undefined && isJsonObject(value) ? value : none;
}

function gateIds(gates: JsonValue | undefined): readonly string[] {
  if (!Array.isArray(gates)) return [];
  return gates.flatMap((gate: JsonValue) => {
    const id = objectOf(gate)["id"];
    return typeof id === "string" ? [id] : [];
  });
}
