import { type Bite, fault, vitest } from "./bite.ts";

const scheduler = vitest("src/graph/scheduler");
const applyEvent = "src/graph/apply-event.ts";
const crashTests = vitest("test/runtime/lead-and-crash.test.ts");

/** The scheduler, the runner and the processes of steps. */
export const runBites: readonly Bite[] = [
  {
    name: "gate-error-passes",
    breaks: "E4 a required gate that errs is never a pass",
    edits: [
      {
        file: applyEvent,
        find: 'if (kind !== "GATE_PASSED" && gate.required) step.badGates',
        replace: 'if (kind === "GATE_FAILED" && gate.required) step.badGates',
      },
    ],
    suite: scheduler,
  },
  {
    name: "run-gate-error-passes",
    breaks: "E4 a required gate of the run that errs is never a pass",
    edits: [
      {
        file: applyEvent,
        find: 'if (kind !== "GATE_PASSED" && gate.required) state.badRunGates',
        replace: 'if (kind === "GATE_FAILED" && gate.required) state.badRunGates',
      },
    ],
    suite: scheduler,
  },
  {
    name: "verdict-says-whether-it-counts",
    breaks: "E4 the plan says which gates are required",
    edits: [
      {
        file: applyEvent,
        find: 'if (kind !== "GATE_PASSED" && gate.required) step.badGates',
        replace: 'if (kind !== "GATE_PASSED" && data.required) step.badGates',
      },
    ],
    suite: scheduler,
  },
  {
    name: "retry-bound-ignored",
    breaks: "E3 retries are bounded",
    edits: [{ file: applyEvent, find: "step.failures <= retry.max && ", replace: "" }],
    suite: scheduler,
  },
  {
    name: "attempts-bound-ignored",
    breaks: "E3 the policy bounds attempts whatever a route says",
    edits: [
      { file: "src/graph/choose-route.ts", find: "countedAttempts(one) >= attemptsMax", replace: "countedAttempts(one) >= attemptsMax + 1_000" },
      {
        file: applyEvent,
        find: '  if (countedAttempts(step) >= state.plan.policy.attempts_max) throw illegal(event, "E3: the attempts of the step are used up");\n',
        replace: "",
      },
    ],
    suite: scheduler,
  },
  {
    name: "goto-bound-ignored",
    breaks: "E3 every goto loop is bounded",
    edits: [
      {
        file: "src/graph/choose-route.ts",
        find: "if ((state.routeCounts.get(route.id) ?? 0) >= route.do.max)",
        replace: 'if (route.do.kind === "retry" && (state.routeCounts.get(route.id) ?? 0) >= route.do.max)',
      },
    ],
    suite: scheduler,
  },
  {
    name: "goto-overspends-dependents",
    breaks: "E3 a goto restarts no step without an attempt left",
    edits: [{ file: "src/graph/choose-route.ts", find: "return [target.index, ...strictDependents(state, target.index)]", replace: "return [target.index]" }],
    suite: scheduler,
  },
  {
    name: "goto-strands-a-step",
    breaks: "E1 every run comes to rest",
    edits: [{ file: "src/graph/reset-steps.ts", find: "  skipUnreachable(state, positions);\n", replace: "" }],
    suite: scheduler,
  },
  {
    name: "started-before-its-dependency",
    breaks: "E1 a step starts only when its dependencies succeeded",
    edits: [
      {
        file: "src/graph/step-phase.ts",
        find: 'dependent.phase === "waiting" && dependent.unmet === 0',
        replace: 'dependent.phase === "waiting" && dependent.unmet <= 1',
      },
      {
        file: "src/graph/step-phase.ts",
        find: 'assert(step.unmet === 0, "E1: a step is ready only when every dependency succeeded");',
        replace: 'assert(true, "");',
      },
      {
        file: applyEvent,
        find: 'if (step.unmet !== 0) throw illegal(event, "E1: a dependency has not succeeded");\n  if (data.attempt !== step.attempt + 1)',
        replace: "if (data.attempt !== step.attempt + 1)",
      },
    ],
    suite: scheduler,
  },
  {
    name: "too-many-at-once",
    breaks: "E1 no more steps are in flight than the run may have",
    edits: [{ file: "src/graph/decide.ts", find: "if (inFlight(state) >= state.parallel)", replace: "if (inFlight(state) > state.parallel)" }],
    suite: scheduler,
  },
  {
    name: "ended-over-living-steps",
    breaks: "E6 a run ends only when nothing of it is in flight",
    edits: [{ file: applyEvent, find: '  if (state.running.size + state.gating.size > 0) throw illegal(event, "steps are in flight");\n', replace: "" }],
    suite: scheduler,
  },
  {
    name: "clock-in-the-fold",
    breaks: "L6 the state depends on plan and events alone",
    edits: [{ file: applyEvent, find: "timeMs(event.at) + backoffMs(", replace: "Date.now() + backoffMs(" }],
    suite: vitest("test/sim"),
  },
  {
    name: "in-flight-taken-for-done",
    breaks: "E7 what was in flight at a crash is interrupted",
    edits: [
      {
        file: "src/runtime/resume-run.ts",
        find: '  return [{ kind: "STEP_INTERRUPTED", key: `STEP_INTERRUPTED/${step.plan.id}/${step.attempt}`, data }];',
        replace:
          '  const done = { step_id: data.step_id, attempt: data.attempt, outputs: {}, artifacts: [], logs: [], duration_ms: 0, executor: { kind: "process" as const } };\n  return [{ kind: "STEP_COMPLETED", key: `STEP_COMPLETED/${step.plan.id}/${step.attempt}`, data: done }];',
      },
    ],
    suite: crashTests,
  },
  {
    name: "drift-not-seen",
    breaks: "a plan runs only the code that it binds",
    edits: [
      {
        file: "src/kernel/take-up-run.ts",
        find: 'if (drift.length > 0) throw new LilyError("WORKFLOW_DRIFT"',
        replace: 'if (drift.length < 0) throw new LilyError("WORKFLOW_DRIFT"',
      },
    ],
    suite: crashTests,
  },
  {
    name: "child-kill-only",
    breaks: "E6 cancel ends the whole tree",
    edits: [
      {
        file: "src/adapters/process/process-tree.ts",
        find: '  async #members(kill: "SIGKILL" | null): Promise<readonly ProcessEntry[]> {\n    if (!processTableReadable) return [];',
        replace: '  async #members(kill: "SIGKILL" | null): Promise<readonly ProcessEntry[]> {\n    if (kill === null || kill !== null) return [];',
      },
      {
        file: "src/adapters/process/process-tree.ts",
        find: "if (!processTableReadable || inGroup || !this.#leaderGone) sendSignal(-this.#leader, name);",
        replace: "if (!this.#leaderGone) sendSignal(this.#leader, name);",
      },
    ],
    suite: fault("survivors", 12),
  },
  {
    name: "marker-not-looked-for",
    breaks: "E6 what left its group is found by its marker",
    edits: [{ file: "src/adapters/process/process-tree.ts", find: "    return processMarker(entry.pid) === this.#marker;", replace: "    return false;" }],
    suite: fault("survivors", 12),
  },
  {
    name: "environment-inherited",
    breaks: "S4 a step gets the environment that it names",
    edits: [{ file: "src/runtime/step-environment.ts", find: "...probe.select(named.env_from)", replace: '...probe.select(["*"])' }],
    suite: vitest("src/runtime/step-environment.test.ts"),
  },
  {
    name: "code-not-looked-at-before-a-command",
    breaks: "E1 a script that an earlier step changed does not run",
    edits: [
      {
        file: "src/runtime/code-guard.ts",
        find: "if (entry === null || seen !== digest) {",
        replace: "if (entry === null) {",
      },
    ],
    suite: vitest("test/runtime/code-at-start.test.ts"),
  },
  {
    name: "gate-trusts-the-steps-folder",
    breaks: "E4 a step that rewrites its gate's script does not pass it",
    edits: [
      {
        file: "src/runtime/perform-gate.ts",
        find: "await checkCode(run, step, folder);",
        replace: "",
      },
    ],
    suite: vitest("test/runtime/code-at-start.test.ts"),
  },
  {
    name: "gate-started-twice",
    breaks: "E4 a gate is run once an attempt",
    edits: [
      {
        file: "src/runtime/run-shell.ts",
        find: "if (this.#inFlight.has(key) || batch.gates.has(key)) return;",
        replace: "if (batch.gates.has(key)) return;",
      },
    ],
    suite: vitest("src/runtime/run-shell.test.ts"),
  },
];
