/** Side effects as events: what the runner saw a step change outside of its outputs. Pure. */
import type { RelativePath } from "../base/relative-path.ts";
import type { EventBody } from "../contracts/event.ts";
import type { EventData } from "../contracts/events.ts";
import type { TreeChange } from "../ports/change-observer.ts";
import type { SettledExecution } from "./step-report.ts";

/** Of an attempt; the rest is counted in one more event. */
const pathsMax = 32;

type EffectData = EventData["SIDE_EFFECT_OBSERVED"];
export type EffectFacts = Pick<EffectData, "category" | "description" | "reversible" | "details">;

/** `index` counts the effects of one attempt from one source. */
export function effectBody(stepId: string, attempt: number, source: EffectData["source"], index: number, facts: EffectFacts): EventBody {
  const data = { step_id: stepId, attempt, ...facts, source };
  return { kind: "SIDE_EFFECT_OBSERVED", key: `SIDE_EFFECT_OBSERVED/${stepId}/${attempt}/${source}/${index}`, data };
}

/** What the runner saw of one attempt. */
export interface Observed {
  readonly stepId: string;
  readonly attempt: number;
  /** What changed in the step's folder while it ran. */
  readonly changes: readonly TreeChange[];
  /** True for what the step declares as an output. */
  readonly isOutput: (path: RelativePath) => boolean;
  /** Processes that the step left behind and that were ended. */
  readonly survivorsKilled: number;
  /** Takes secrets out of a text: names of files may hold anything (S4). */
  readonly redact: (text: string) => string;
}

/**
 * SIDE_EFFECT_OBSERVED of the runner, one a path, bounded. A folder that only holds what else is told says nothing of its own. Whether a
 * change can be undone is not known to somebody who only sees it.
 */
export function observedEffects({ stepId, attempt, changes, isOutput, survivorsKilled, redact }: Observed): readonly EventBody[] {
  const parents = new Set(changes.map(({ path }) => path.slice(0, Math.max(0, path.lastIndexOf("/")))));
  const outside = changes.filter(({ path, kind }) => !isOutput(path) && !(kind === "directory" && parents.has(path)));
  const told = outside.slice(0, pathsMax).map((change) => fileFacts(change, redact(change.path)));
  const rest = outside.length - told.length;
  const cut: EffectFacts = { category: "file_system", description: `${rest} more paths outside of the declared outputs were changed`, reversible: null };
  const ended: EffectFacts = {
    category: "system",
    description: `${survivorsKilled} ${survivorsKilled === 1 ? "process was" : "processes were"} left behind, and ended`,
    reversible: null,
  };
  const facts = [...told, ...(rest > 0 ? [cut] : []), ...(survivorsKilled > 0 ? [ended] : [])];
  return facts.map((one, index) => effectBody(stepId, attempt, "runner", index, one));
}

/** Processes that a command left behind when it ended by itself; those that were ended with it say nothing about it. */
export function leftBehind(execution: SettledExecution): number {
  const isOwnEnd = execution.ok || (execution.outcome === "failed" && execution.code === "STEP_FAILED");
  return isOwnEnd ? (execution.executor?.survivors_killed ?? 0) : 0;
}

/** `path` is what is told of it. */
function fileFacts({ change, kind, size }: TreeChange, path: string): EffectFacts {
  const description = `${change} ${kind === "file" ? "" : `${kind} `}${path}`;
  const details = { path, change, kind, ...(change === "removed" ? {} : { size: String(size) }) };
  return { category: "file_system", description, reversible: null, details };
}
