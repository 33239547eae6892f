/** What steps and gates that name a module have in common. */
import type { CheckContext, Path } from "./check-context.ts";
import { checkTemplate } from "./check-texts.ts";
import type { WorkflowGate, WorkflowStep } from "./workflow-document.ts";

export function checkModule({ report, modules }: CheckContext, name: string | undefined, path: Path): void {
  if (name === undefined || modules.has(name)) return;
  report([...path, "module"], `module ${name} is not registered in lily.yaml`, { code: "MODULE_NOT_FOUND", wanted: name, known: modules });
}

/** Code that a pack brings is somebody else's: it runs where it can be ended, whatever a workflow says (E6). */
export function checkIsolation({ report, packModules }: CheckContext, from: Pick<WorkflowStep | WorkflowGate, "module" | "isolation">, path: Path): void {
  if (from.isolation === "none" && from.module !== undefined && packModules.has(from.module))
    report([...path, "isolation"], `module ${from.module} comes from a pack and runs in a process of its own; isolation: none is not for it`);
}

/** References in a value that a module is given. `self` is the step that may not name its own outputs; null in gates. */
export function checkValue(context: CheckContext, value: unknown, path: Path, self: string | null): void {
  if (typeof value === "string") checkTemplate(context, value, path, self);
  else if (Array.isArray(value)) value.forEach((item, index) => checkValue(context, item, [...path, index], self));
  else if (typeof value === "object" && value !== null) for (const [key, item] of Object.entries(value)) checkValue(context, item, [...path, key], self);
}
