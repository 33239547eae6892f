/** What a module said about what it judged, as a verdict (E4). Only a clear `passed: true` passes; whatever else comes back is an error. */
import { clipText } from "../base/clip-text.ts";
import { isJsonObject, type JsonValue } from "../base/json-value.ts";
import { type GateVerdict, gateError } from "./gate-verdict.ts";

/** What is known of a gate's module. */
export type ModuleGateFacts =
  | { readonly outcome: "returned"; readonly value: JsonValue }
  | { readonly outcome: "threw"; readonly reason: string }
  | { readonly outcome: "timeout" | "ended" | "changed_something" };

const reasonLengthMax = 4096;
const metricsMax = 100;
const shape = "{passed: true or false, reason?: text, metrics?: {name: number}}";

export function judgeModuleGate(facts: ModuleGateFacts): GateVerdict {
  switch (facts.outcome) {
    case "returned":
      return judgeReturned(facts.value);
    case "threw":
      return gateError(facts.reason);
    case "timeout":
      return gateError("the gate's module ran longer than its timeout");
    case "ended":
      return gateError("the gate's module was ended before it gave a verdict");
    case "changed_something":
      return gateError("the gate's module reported a side effect; a gate judges and changes nothing");
  }
}

function judgeReturned(value: JsonValue): GateVerdict {
  if (!isJsonObject(value)) return unclear("no object");
  const { passed, reason, metrics, ...others } = value;
  const [other] = Object.keys(others);
  if (other !== undefined) return unclear(`the unknown member ${JSON.stringify(other.slice(0, 80))}`);
  if (typeof passed !== "boolean") return unclear(passed === undefined ? "no passed" : "a passed that is neither true nor false");
  if (reason !== undefined && typeof reason !== "string") return unclear("a reason that is no text");
  const measured = metrics === undefined ? null : metricsOf(metrics);
  if (measured === undefined) return unclear("metrics that are not finite numbers by name, at most 100");
  const said = reason === undefined || reason.trim() === "" ? null : clipText(reason, reasonLengthMax);
  if (passed) return { status: "passed", reason: said, metrics: measured };
  return { status: "failed", reason: said ?? "the gate's module gave no reason", metrics: measured };
}

function metricsOf(metrics: JsonValue): Readonly<Record<string, number>> | undefined {
  if (!isJsonObject(metrics)) return undefined;
  const found = new Map<string, number>();
  for (const [name, value] of Object.entries(metrics)) {
    if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
    found.set(name, value);
  }
  return found.size > metricsMax ? undefined : Object.fromEntries(found);
}

function unclear(what: string): GateVerdict {
  return gateError(`the gate's module returned ${what}; it has to return ${shape}`);
}
