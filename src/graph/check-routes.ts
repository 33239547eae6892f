import type { CheckContext, Path } from "./check-context.ts";
import type { WorkflowRoute } from "./workflow-document.ts";

const stepStatuses = ["failed", "timeout", "interrupted"];
const gateStatuses = ["failed", "error"];

export function checkRoutes(context: CheckContext): void {
  const seen = new Map<string, string>();
  (context.document.routes ?? []).forEach((route, index) => {
    const path: Path = ["routes", context.placeOf("routes", index)];
    const first = seen.get(route.id.toLowerCase());
    if (first !== undefined)
      context.report([...path, "id"], first === route.id ? `route id ${route.id} is used twice` : `route ids ${first} and ${route.id} differ in case only`);
    seen.set(route.id.toLowerCase(), first ?? route.id);
    checkWhen(context, route, [...path, "when"]);
    checkDo(context, route, [...path, "do"]);
  });
}

function checkWhen({ names, report }: CheckContext, { when }: WorkflowRoute, path: Path): void {
  const { step, gate, status, violation } = when;
  if (step !== undefined && !names.outputs.has(step))
    report([...path, "step"], `names the unknown step ${step}`, { wanted: step, known: names.outputs.keys() });
  if (gate !== undefined && !names.gates.has(gate)) report([...path, "gate"], `names the unknown gate ${gate}`, { wanted: gate, known: names.gates.keys() });
  const owner = gate === undefined ? undefined : names.gates.get(gate);
  if (owner !== undefined && step !== undefined && owner !== step) {
    report([...path, "gate"], `gate ${gate} belongs to ${owner === null ? "the run" : `step ${owner}`}, not to step ${step}, so this never happens`);
  }
  if (status !== undefined && gate !== undefined && !gateStatuses.includes(status))
    report([...path, "status"], `a gate is never ${status}; it is ${gateStatuses.join(" or ")}`);
  if (status !== undefined && gate === undefined && step !== undefined && !stepStatuses.includes(status)) {
    report([...path, "status"], `a step is never ${status}; it is ${stepStatuses.join(", ")}; error is a gate's status`);
  }
  if (violation === true && gate !== undefined) report([...path, "violation"], "a gate has no violations; name the step");
}

function checkDo({ names, report }: CheckContext, { do: action }: WorkflowRoute, path: Path): void {
  if (action.goto !== undefined && !names.outputs.has(action.goto)) {
    report([...path, "goto"], `goes to the unknown step ${action.goto}`, { wanted: action.goto, known: names.outputs.keys() });
  }
  if (action.max !== undefined && action.goto === undefined && action.retry === undefined) report([...path, "max"], "max bounds retry and goto only");
}
