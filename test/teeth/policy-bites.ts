import { type Bite, vitest } from "./bite.ts";

const composing = vitest("src/graph/compose-policy.prop.test.ts");
const unblocking = vitest("test/policy/unblock.test.ts");

/** What the layers of a policy demand, and who lets an escalated run go on. */
export const policyBites: readonly Bite[] = [
  {
    name: "last-layer-allows-network",
    breaks: "what one layer denies is denied",
    edits: [
      {
        file: "src/graph/compose-policy.ts",
        find: 'policies.some(({ network }) => network === "deny")',
        replace: 'policies.at(-1)?.network === "deny"',
      },
    ],
    suite: composing,
  },
  {
    name: "first-write-list-wins",
    breaks: "a path must match a list of every layer",
    edits: [{ file: "src/graph/compose-policy.ts", find: "allow: given.flatMap(", replace: "allow: given.slice(0, 1).flatMap(" }],
    suite: composing,
  },
  {
    name: "anybody-unblocks",
    breaks: "S6 whom the policy does not name cannot unblock a run",
    edits: [
      {
        file: "src/kernel/authorise-unblock.ts",
        find: "allowed === undefined || allowed.includes(principal)",
        replace: "allowed === undefined || principal !== ''",
      },
    ],
    suite: unblocking,
  },
  {
    name: "a-step-unblocks",
    breaks: "S6 a step cannot unblock a run",
    edits: [{ file: "src/kernel/authorise-unblock.ts", find: "if (marker !== undefined) return", replace: "if (marker === '') return" }],
    suite: unblocking,
  },
  {
    name: "exhausted-is-ignored",
    breaks: "E3 a route for what is used up waits until it is",
    edits: [
      {
        file: "src/graph/choose-route.ts",
        find: "if (route.when.exhausted !== undefined && route.when.exhausted !== (failure.spent || exhausted.length > 0)) continue;",
        replace: "",
      },
    ],
    suite: unblocking,
  },
];
