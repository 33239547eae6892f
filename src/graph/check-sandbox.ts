/** What `sandbox: require` refuses before anything starts, as problems of the check: rules that no sandbox holds, modules, a machine without one. */
import type { PlanPolicy } from "../contracts/plan-document.ts";
import type { CheckContext, Path } from "./check-context.ts";
import { composePolicy } from "./compose-policy.ts";
import type { WorkflowPolicy } from "./workflow-document.ts";

export interface SandboxFacts {
  /** The first part of a rule about writes that no sandbox can hold; null when it can hold all. */
  unheld(rule: NonNullable<PlanPolicy["write"]>): string | null;
  /** Why this machine has no sandbox; null when it has one. Left out where another machine may run it. */
  readonly unavailable?: () => Promise<string | null>;
}

export async function checkSandbox(context: CheckContext, facts: SandboxFacts): Promise<void> {
  const { policy, policyLayers, document, report } = context;
  if (policy.sandbox !== "require") return;
  const own = { origin: "the workflow", policy: document.policy ?? {} };
  const layers = [...policyLayers, own];
  const who = layers.filter((layer) => layer.policy.sandbox === "require").map(({ origin }) => origin);
  const says = `the policy of ${who.join(" and ")} says sandbox: require`;
  const place: Path = own.policy.sandbox === "require" ? ["policy", "sandbox"] : [];
  const refuse = (path: Path, message: string): void => report(path, message, { code: "POLICY_VIOLATION" });
  for (const layer of layers) {
    for (const { member, index, glob } of unheldGlobs(layer.policy, policy.write, facts)) {
      const isOwn = layer === own;
      const which = isOwn ? JSON.stringify(glob) : `write.${member} ${JSON.stringify(glob)} of ${layer.origin}`;
      refuse(isOwn ? ["policy", "write", member, index] : place, `a sandbox cannot hold ${which}, only whole folders and single files, and ${says}`);
    }
  }
  checkModules(context, (path) => refuse(path, `a module does not run in a sandbox, and ${says}; make it a command`));
  const reason = (await facts.unavailable?.()) ?? null;
  if (reason !== null) report(place, `${says}, and there is no sandbox on this machine: ${reason}`, { code: "SANDBOX_UNAVAILABLE" });
}

interface UnheldGlob {
  readonly member: "allow" | "deny";
  readonly index: number;
  readonly glob: string;
}

/** Each pattern is asked for alone; one that denies only matters where something may be written at all. */
function unheldGlobs({ write }: WorkflowPolicy, whole: PlanPolicy["write"], { unheld }: SandboxFacts): readonly UnheldGlob[] {
  const asked = (one: NonNullable<WorkflowPolicy["write"]>): NonNullable<PlanPolicy["write"]> =>
    composePolicy([{ origin: "", policy: { write: one } }]).write ?? { allow: [], deny: [] };
  const allowed = (write?.allow ?? []).flatMap((glob, index): readonly UnheldGlob[] =>
    unheld(asked({ allow: [glob] })) === null ? [] : [{ member: "allow", index, glob }],
  );
  const inPart = whole !== null && unheld({ allow: whole.allow, deny: [] }) === null ? whole.allow : [];
  const denied = (write?.deny ?? []).flatMap((glob, index): readonly UnheldGlob[] =>
    unheld({ allow: inPart, deny: asked({ deny: [glob] }).deny }) === null ? [] : [{ member: "deny", index, glob }],
  );
  return [...allowed, ...denied];
}

function checkModules({ document, placeOf }: CheckContext, refuse: (path: Path) => void): void {
  for (const [id, step] of Object.entries(document.steps)) {
    if (step.module !== undefined) refuse(["steps", id, "module"]);
    (step.gates ?? []).forEach((gate, index) => {
      if (gate.module !== undefined) refuse(["steps", id, "gates", placeOf(`steps.${id}.gates`, index), "module"]);
    });
  }
  (document.gates ?? []).forEach((gate, index) => {
    if (gate.module !== undefined) refuse(["gates", placeOf("gates", index), "module"]);
  });
}
