/**
 * Holds one attempt of a step, or one command of a gate, to the policy of its run.
 *
 * Owns: what was decided before the start, and the windows in which the attempt's folders are compared.
 * States: open -> closed. One that refuses opens no window, and is closed by itself.
 * Invariants:
 *   E1 what is refused is not started.
 *   S6 what is said to be prevented was decided before the start, or held by the mounts of a sandbox; what was found by comparing is observed.
 *   S7 the workspace is hidden from a sandbox, and left out of every comparison.
 * Not responsible for: starting and ending, what becomes of a violation, whether the run may start at all on this machine.
 *
 * Two attempts that work in one folder at the same time have overlapping windows: a change counts against each of them.
 */
import type { PlanEnvironment } from "../contracts/plan-document.ts";
import type { PathTest } from "../judge/path-globs.ts";
import { namesDenied } from "../judge/policy-environment.ts";
import { allowedTools, enforcementSummary, judgeTool, type ToolLayer } from "../judge/policy.ts";
import { changedBytes, judgeWrites } from "../judge/policy-writes.ts";
import type { ChangeWindow, TreeChange } from "../ports/change-observer.ts";
import type { FileTree } from "../ports/file-tree.ts";
import type { SandboxSpec } from "../ports/process-runner.ts";
import { endObserver, observerOf } from "./change-observers.ts";
import { isInside } from "./is-inside.ts";
import type { Breach, GuardReport, PolicyDecision } from "./policy-evaluation.ts";
import type { RunContext } from "./run-context.ts";
import { type BuiltSandbox, buildSandbox } from "./sandbox-spec.ts";
import { toolLayers } from "./tool-verdict.ts";

/** Paths that one sentence names. */
const pathsShownMax = 5;

export interface GuardedCommand {
  /** As written. */
  readonly name: string;
  /** Links resolved. */
  readonly path: string;
  /** Paths that are handed to it. */
  readonly handed: readonly string[];
}

export interface GuardRequest {
  readonly cwd: string;
  readonly tree: () => Promise<FileTree>;
  readonly environment: PlanEnvironment;
  /** Null for a module, which starts nothing that Lily could look at beforehand. */
  readonly command: GuardedCommand | null;
  /** What the step declares as outputs. */
  readonly isOutput: PathTest;
}

/** What a comparison of folders found. */
export interface ClosedGuard extends GuardReport {
  readonly changes: readonly TreeChange[];
}

export interface AttemptGuard {
  /** Set when the attempt must not start. */
  readonly refusal: GuardReport | null;
  readonly sandbox: SandboxSpec | null;
  /** As `bubblewrap 0.8.0`; null without one. */
  readonly sandboxName: string | null;
  /** After the last process of the attempt is gone. Idempotent. */
  close(): Promise<ClosedGuard>;
}

export async function openGuard(run: RunContext, request: GuardRequest): Promise<AttemptGuard> {
  const { policy } = run.plan;
  const layers = request.command === null ? null : await toolLayers(run);
  const support = policy.sandbox === "off" || request.command === null ? null : await run.deps.processes.sandbox();
  const name = support?.name ?? null;
  const early = [...environmentDecision(run, request), ...toolDecision(run, request, layers)];
  const isRefused = early.some(({ breach }) => breach !== null);
  const built = isRefused || name === null || request.command === null ? null : await sandboxFor(run, request, request.command, layers);
  const decided = [...early, ...requirement(run, request, name, support?.reason ?? null, built)];
  const held: Held = { layers, built, name, compares: compares(run, built) };
  const breaches = decided.flatMap(({ breach }) => (breach === null ? [] : [breach]));
  if (breaches.length > 0) return refusing(run, request, held, decided, breaches);
  const windows = held.compares ? await openWindows(run, request, built) : [];
  let closing: Promise<ClosedGuard> | null = null;
  return {
    refusal: null,
    sandbox: built?.spec ?? null,
    sandboxName: built === null ? null : name,
    close: () => {
      closing ??= closeGuard(run, request, held, decided, windows);
      return closing;
    },
  };
}

/** A window that nobody closes would be told of every change until the run rests. */
export async function closedWhenThrown<T>(guard: AttemptGuard, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    await guard.close().catch(() => undefined);
    throw thrown;
  }
}

interface Held {
  readonly layers: readonly ToolLayer[] | null;
  readonly built: BuiltSandbox | null;
  readonly name: string | null;
  readonly compares: boolean;
}

interface Decided {
  readonly decision: PolicyDecision;
  readonly breach: Breach | null;
}

const allow = (rule: PolicyDecision["rule"], reason: string): Decided => ({ decision: { rule, verdict: "allow", reason }, breach: null });
const block = (rule: PolicyDecision["rule"], type: Breach["type"], details: string): Decided => ({
  decision: { rule, verdict: "block", reason: details },
  breach: { type, details },
});

function environmentDecision({ plan, deps }: RunContext, { environment }: GuardRequest): readonly Decided[] {
  const { env_allow: allowed } = plan.policy;
  if (allowed === undefined) return [];
  const taken = Object.keys(deps.probe.select([...environment.env_from]));
  const denied = namesDenied(allowed, [...Object.keys(environment.env), ...taken, ...environment.secrets]);
  if (denied.length === 0) return [allow("environment", "every variable is in policy.env_allow")];
  return [block("environment", "environment_denied", `${denied.join(", ")} ${denied.length === 1 ? "is" : "are"} not in policy.env_allow`)];
}

function toolDecision({ plan }: RunContext, { command }: GuardRequest, layers: readonly ToolLayer[] | null): readonly Decided[] {
  if (plan.policy.tools === null) return [];
  if (command === null) return [allow("tools", "a module is loaded by Lily; no command is started for it")];
  const { reason } = judgeTool(layers, command.path, command.name);
  return [reason === null ? allow("tools", `${command.name} is ${command.path}, which is allowed`) : block("tools", "tool_not_allowed", reason)];
}

async function sandboxFor(run: RunContext, request: GuardRequest, command: GuardedCommand, layers: readonly ToolLayer[] | null): Promise<BuiltSandbox> {
  return buildSandbox(run, { cwd: request.cwd, tree: await request.tree(), tool: command.path, tools: allowedTools(layers), handed: command.handed });
}

/** `sandbox: require` demands that all is prevented: what cannot be is not started. */
function requirement(
  { plan }: RunContext,
  { command }: GuardRequest,
  name: string | null,
  reason: string | null,
  built: BuiltSandbox | null,
): readonly Decided[] {
  if (plan.policy.sandbox !== "require") return [];
  if (command === null) return [block("tools", "tool_not_allowed", "the policy says sandbox: require, and a module does not run in a sandbox")];
  if (name === null) return [block("tools", "tool_not_allowed", `the policy says sandbox: require, and there is none: ${reason ?? "unknown"}`)];
  if (built === null || built.inexact === null) return [];
  return [block("write", "write_denied", `the policy says sandbox: require, and a sandbox cannot hold this rule: ${built.inexact}`)];
}

/** Where mounts hold a rule about writes there is nothing to be found; the size of a change is only known afterwards. */
function compares({ plan, deps }: RunContext, built: BuiltSandbox | null): boolean {
  if (deps.observers === null) return false;
  const { write, diff_bytes_max: diff } = plan.policy;
  return diff !== undefined || (write !== null && (built === null || built.inexact !== null));
}

interface OpenWindow {
  readonly root: string;
  readonly window: ChangeWindow;
}

/**
 * An attempt in a folder of its own is looked for in the workflow's folder too: nothing keeps it from writing there without a sandbox. In one
 * it can write in its own folder only, and what others change elsewhere is not its own.
 */
async function openWindows(run: RunContext, { cwd }: GuardRequest, built: BuiltSandbox | null): Promise<readonly OpenWindow[]> {
  const windows: OpenWindow[] = [];
  for (const root of new Set(built === null ? [cwd, run.sourceDir] : [cwd])) {
    const observer = await observerOf(run, root);
    if (observer !== null) windows.push({ root, window: await observer.open() });
  }
  return windows;
}

async function closeGuard(
  run: RunContext,
  request: GuardRequest,
  held: Held,
  decided: readonly Decided[],
  windows: readonly OpenWindow[],
): Promise<ClosedGuard> {
  const changes: TreeChange[] = [];
  for (const { root, window } of windows) {
    changes.push(...(await window.close()).changes);
    if (isInside(root, run.deps.workspaceDir)) await endObserver(run, root);
  }
  const all = held.compares ? [...decided, ...judgeChanges(run, request, changes)] : decided;
  return { ...reportOf(run, request, held, all), changes };
}

function judgeChanges({ plan }: RunContext, { isOutput }: GuardRequest, changes: readonly TreeChange[]): readonly Decided[] {
  const { write, diff_bytes_max: max } = plan.policy;
  const decided: Decided[] = [];
  const breaches = judgeWrites(write, changes, isOutput);
  if (breaches.length > 0) {
    const shown = breaches.slice(0, pathsShownMax).map(({ path, reason }) => `${JSON.stringify(path)} ${reason}`);
    const rest = breaches.length - shown.length;
    decided.push(block("write", "write_denied", `${shown.join("; ")}${rest > 0 ? `; and ${rest} more` : ""}`));
  } else if (write !== null) decided.push(allow("write", `${changes.length} changes, each of them allowed`));
  if (max === undefined) return decided;
  const bytes = changedBytes(changes);
  const text = `${bytes} bytes were added or changed, and policy.diff_max is ${max}`;
  return [...decided, bytes > max ? block("diff", "diff_too_large", text) : allow("diff", text)];
}

function refusing(run: RunContext, request: GuardRequest, held: Held, decided: readonly Decided[], breaches: readonly Breach[]): AttemptGuard {
  const report: ClosedGuard = { ...reportOf(run, request, { ...held, compares: false }, decided), breaches, changes: [] };
  return { refusal: report, sandbox: null, sandboxName: null, close: async () => report };
}

function reportOf({ plan }: RunContext, { command }: GuardRequest, { built, compares: compared }: Held, decided: readonly Decided[]): GuardReport {
  const { policy } = plan;
  const enforcement = enforcementSummary({
    tools: policy.tools !== null,
    write: policy.write !== null,
    diff: policy.diff_bytes_max !== undefined,
    network: policy.network === "deny",
    environment: policy.env_allow !== undefined,
    sandboxed: built !== null,
    writesExact: built?.inexact === null,
    compared,
    process: command !== null,
  });
  const told = new Set(decided.map(({ decision }) => decision.rule));
  const rest = (["write", "network"] as const).filter((rule) => enforcement[rule] !== undefined && !told.has(rule));
  const levels = rest.map((rule): PolicyDecision => ({ rule, verdict: "allow", reason: levelText[enforcement[rule] ?? "unenforced"] }));
  return {
    decisions: [...decided.map(({ decision }) => decision), ...levels],
    breaches: decided.flatMap(({ breach }) => (breach === null ? [] : [breach])),
    enforcement,
  };
}

const levelText = {
  prevented: "held by the sandbox",
  observed: "found by comparing before and after",
  unenforced: "nobody looks: there is no sandbox, and nothing to compare",
} as const;
