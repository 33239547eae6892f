/**
 * The policy of a run, joined from its layers: packs in their order, lily.yaml, the workflow. What is allowed is allowed by every layer, what
 * one denies is denied, and the strictest bound holds: no layer can take back what another demands.
 */
import { parseByteSize } from "../base/byte-size.ts";
import { parseDuration } from "../base/duration.ts";
import type { PlanPolicy } from "../contracts/plan-document.ts";
import type { WorkflowPolicy } from "./workflow-document.ts";

export interface PolicyLayer {
  /** For messages: `lily.yaml`, `the workflow`, `pack NAME`. */
  readonly origin: string;
  readonly policy: WorkflowPolicy;
}

/** Attempts of one step from every automatic cause when no layer says. */
export const attemptsMaxDefault = 10;

/** Members that no layer speaks of are left out, so that a plan without them has the digest it always had. */
export function composePolicy(layers: readonly PolicyLayer[]): PlanPolicy {
  const policies = layers.map((layer) => layer.policy);
  const diff = least(policies.flatMap(({ diff_max }) => (diff_max === undefined ? [] : [parseByteSize(diff_max)])));
  const timeoutMs = least(policies.flatMap(({ timeout_max }) => (timeout_max === undefined ? [] : [parseDuration(timeout_max)])));
  const retries = least(policies.flatMap(({ retry_max }) => retry_max ?? []));
  const environment = policies.flatMap(({ env_allow }) => (env_allow === undefined ? [] : [sorted(env_allow)]));
  const unblockers = inAll(policies.map((policy) => policy.unblock_by));
  return {
    tools: toolLayers(policies),
    write: joinedWrites(policies),
    network: policies.some(({ network }) => network === "deny") ? "deny" : "allow",
    sandbox: strictest(policies),
    attempts_max: least(policies.flatMap(({ attempts_max }) => attempts_max ?? [])) ?? attemptsMaxDefault,
    ...(diff === null ? {} : { diff_bytes_max: diff }),
    ...(timeoutMs === null ? {} : { timeout_max_ms: timeoutMs }),
    ...(retries === null ? {} : { retry_max: retries }),
    ...(environment.length === 0 ? {} : { env_allow: environment }),
    ...(unblockers === null ? {} : { unblock_by: unblockers }),
    ...(policies.some(({ security }) => security === "operational") ? { security: "operational" as const } : {}),
  };
}

/** Names and paths are compared when they are resolved, so each layer keeps its list: a tool must be in every one. */
function toolLayers(policies: readonly WorkflowPolicy[]): PlanPolicy["tools"] {
  const given = policies.flatMap(({ tools }) => (tools === undefined ? [] : [tools]));
  return given.length === 0 ? null : given;
}

/** What every list that is given has; null when none is given, which allows all. */
function inAll(lists: readonly (readonly string[] | undefined)[]): readonly string[] | null {
  const [first, ...others] = lists.flatMap((list) => (list === undefined ? [] : [list]));
  if (first === undefined) return null;
  return first.filter((item) => others.every((other) => other.includes(item)));
}

/**
 * Globs cannot be intersected as texts, so each layer keeps its list: a path must match one of every layer. A slash at the end means a folder
 * with all that lies in it; what is denied is denied with all below it, so there it adds nothing.
 */
function joinedWrites(policies: readonly WorkflowPolicy[]): PlanPolicy["write"] {
  const given = policies.flatMap(({ write }) => (write === undefined ? [] : [write]));
  if (given.length === 0) return null;
  return {
    allow: given.flatMap(({ allow }) => (allow === undefined ? [] : [allow.map((glob) => (glob.endsWith("/") ? `${glob}**` : glob))])),
    deny: sorted(given.flatMap(({ deny }) => (deny ?? []).map((glob) => (glob.endsWith("/") ? glob.slice(0, -1) : glob)))),
  };
}

function strictest(policies: readonly WorkflowPolicy[]): PlanPolicy["sandbox"] {
  const said = new Set(policies.map((policy) => policy.sandbox));
  if (said.has("require")) return "require";
  return said.has("prefer") ? "prefer" : "off";
}

function least(numbers: readonly number[]): number | null {
  return numbers.length === 0 ? null : Math.min(...numbers);
}

function sorted(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort();
}
