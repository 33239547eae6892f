import { type Bite, fault, vitest } from "./bite.ts";

const shellTests = vitest("src/runtime/escalation.test.ts", "test/sim/escalated-run.test.ts");

/** What stops a workspace, and what modules say they changed. */
export const securityBites: readonly Bite[] = [
  {
    name: "start-without-look",
    breaks: "S1 the state is read between the event of a start and its effect",
    edits: [{ file: "src/runtime/run-shell.ts", find: "        if (batch.starts) await this.#options.security.look();\n", replace: "" }],
    suite: shellTests,
  },
  {
    name: "escalation-does-not-wait",
    breaks: "E6 a run is closed once its effects are gone",
    edits: [
      {
        file: "src/runtime/run-shell.ts",
        find: "const ended = await Promise.allSettled(open.map((entry) => entry.effect.done));",
        replace: "const ended: PromiseSettledResult<Delivery>[] = [];",
      },
    ],
    suite: fault("escalate", 1),
  },
  {
    name: "escalation-drops-effects",
    breaks: "S1 side effects that were reported survive an escalation",
    edits: [{ file: "src/runtime/run-shell.ts", find: "    await this.#commit(this.#lastFacts());\n", replace: "" }],
    suite: shellTests,
  },
  {
    name: "monitor-failure-is-fine",
    breaks: "S1 what cannot be read is LOCKDOWN",
    edits: [
      {
        file: "src/runtime/security-watch.ts",
        find: "return closed(`the security monitor failed: ${messageOf(thrown)}`);",
        replace: 'return { state: "OPERATIONAL", boundary: "unknown", reason: messageOf(thrown) };',
      },
    ],
    suite: vitest("src/runtime/security-watch.test.ts"),
  },
  {
    name: "security-file-kept-too-long",
    breaks: "S1 a look never answers with something older than what stands there",
    edits: [{ file: "src/adapters/fs/security-file.ts", find: "nowMs() - opened.changedAtMs > tickMs", replace: "nowMs() > 0" }],
    suite: vitest("src/adapters/fs/security-file.test.ts"),
  },
  {
    name: "step-calls-the-alarm-off",
    breaks: "S1 a step may raise the security state and not lower it",
    edits: [
      {
        file: "src/kernel/security-operations.ts",
        find: "if (securityRank(state) < securityRank(from)) await refuseSteps(parts, by, from, state);",
        replace: "if (securityRank(state) > securityRank(from)) await refuseSteps(parts, by, from, state);",
      },
    ],
    suite: vitest("test/runtime/security.test.ts"),
  },
  {
    name: "effect-with-secret",
    breaks: "S4 no secret reaches an event",
    edits: [
      {
        file: "src/runtime/module-effects.ts",
        find: "clipText(this.#secrets.redact(text.toWellFormed()), max)",
        replace: "clipText(text.toWellFormed(), max)",
      },
    ],
    suite: vitest("src/runtime/module-effects.test.ts"),
  },
  {
    name: "effect-after-the-end-only",
    breaks: "H4 what an ended attempt had reported stays",
    edits: [
      {
        file: "src/adapters/process/module-process.ts",
        find: "    await effects.forward();\n    effects.requireValid();\n    if",
        replace: "    if (!context.signal.aborted) await effects.forward();\n    effects.requireValid();\n    if",
      },
    ],
    suite: vitest("test/runtime/module-effects.test.ts"),
  },
];
