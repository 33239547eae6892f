import { LilyError } from "../base/lily-error.ts";
import type { PlanEnvironment } from "../contracts/plan-document.ts";
import { type ReferenceLookup, resolveText } from "../graph/resolve-template.ts";
import type { EnvironmentProbe } from "../ports/environment-probe.ts";

export interface StepEnvironment {
  readonly env: Readonly<Record<string, string>> & { readonly PATH: string };
  /** Values to keep out of every log (S4). */
  readonly redact: readonly string[];
}

/** PATH, HOME and what the step names, nothing else. Throws INPUT_NOT_FOUND for a secret that the caller does not have. */
export function stepEnvironment(probe: EnvironmentProbe, named: PlanEnvironment, lookup: ReferenceLookup): StepEnvironment {
  const secrets = probe.select(named.secrets);
  const missing = named.secrets.filter((name) => secrets[name] === undefined);
  if (missing.length > 0) throw new LilyError("INPUT_NOT_FOUND", `secret ${missing.join(", ")} is not set in the environment of the caller`);
  const env: Record<string, string> & { PATH: string } = { ...probe.base(), ...probe.select(named.env_from) };
  for (const [name, text] of Object.entries(named.env)) env[name] = resolveText(text, lookup);
  Object.assign(env, secrets);
  return { env, redact: Object.values(secrets).filter((value) => value !== "") };
}
