import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PlanPolicy } from "../contracts/plan-document.ts";
import { composePolicy } from "./compose-policy.ts";
import type { WorkflowPolicy } from "./workflow-document.ts";

const names = fc.uniqueArray(fc.constantFrom("node", "git", "/usr/bin/jq", "sh"), { maxLength: 4 });
const globs = fc.uniqueArray(fc.constantFrom("out/**", "**", "a.txt", "data/*.csv"), { maxLength: 4 });
const policies: fc.Arbitrary<WorkflowPolicy> = fc.record(
  {
    tools: names,
    write: fc.record({ allow: globs, deny: globs }, { requiredKeys: [] }),
    network: fc.constantFrom("allow" as const, "deny" as const),
    sandbox: fc.constantFrom("off" as const, "prefer" as const, "require" as const),
    attempts_max: fc.integer({ min: 1, max: 1000 }),
    diff_max: fc.oneof(fc.integer({ min: 0, max: 1e9 }), fc.constantFrom("10MB", "1 KiB")),
    timeout_max: fc.constantFrom("1s", "2m", "500ms"),
    retry_max: fc.integer({ min: 0, max: 100 }),
    env_allow: fc.uniqueArray(fc.constantFrom("AWS_*", "TZ", "A*"), { maxLength: 3 }),
    unblock_by: fc.uniqueArray(fc.constantFrom("user:ada", "user:bob", "user:eve"), { maxLength: 3 }),
    security: fc.constantFrom("any" as const, "operational" as const),
  },
  { requiredKeys: [] },
);

const composed = (...layers: readonly WorkflowPolicy[]): PlanPolicy => composePolicy(layers.map((policy, at) => ({ origin: `layer ${at}`, policy })));

/** What a policy lets happen, as far as single questions can tell: a stricter one answers yes to fewer of them. */
function permissions(policy: PlanPolicy): ReadonlySet<string> {
  const yes = new Set<string>();
  const ask = (question: string, answer: boolean): void => void (answer && yes.add(question));
  for (const tool of ["node", "git", "/usr/bin/jq", "sh", "curl"])
    ask(`tool ${tool}`, policy.tools === null || policy.tools.every((list) => list.includes(tool)));
  for (const glob of ["out/**", "**", "a.txt", "data/*.csv", "x"]) {
    const { write } = policy;
    ask(`write ${glob}`, write === null || (write.allow.every((list) => list.includes(glob)) && !write.deny.includes(glob)));
  }
  ask("network", policy.network === "allow");
  ask("no sandbox here", policy.sandbox !== "require");
  ask("sandbox not tried", policy.sandbox === "off");
  for (const count of [1, 3, 10, 100, 1000]) {
    ask(`attempt ${count}`, policy.attempts_max >= count);
    ask(`retry ${count}`, (policy.retry_max ?? Number.POSITIVE_INFINITY) >= count);
  }
  for (const size of [0, 100, 1024, 1e7, 1e9]) ask(`diff ${size}`, (policy.diff_bytes_max ?? Number.POSITIVE_INFINITY) >= size);
  for (const ms of [500, 1000, 120_000, 1e9]) ask(`runs ${ms} ms`, (policy.timeout_max_ms ?? Number.POSITIVE_INFINITY) >= ms);
  for (const name of ["AWS_*", "TZ", "A*", "PATHS"])
    ask(
      `takes ${name}`,
      (policy.env_allow ?? []).every((list) => list.includes(name)),
    );
  for (const who of ["user:ada", "user:bob", "user:eve", "user:me"]) ask(`${who} unblocks`, policy.unblock_by?.includes(who) ?? true);
  ask("starts when nobody tells the security state", policy.security !== "operational");
  return yes;
}

describe("joining policies", () => {
  test("E3: another layer never permits what the layers before it did not, but for the bounds that stand where no layer says", () => {
    fc.assert(
      fc.property(policies, policies, (one, other) => {
        const alone = permissions(composed(one));
        const both = permissions(composed(one, other));
        const gained = [...both].filter((question) => !alone.has(question));
        // Ten attempts are the default, not a demand of a layer that says nothing.
        expect(one.attempts_max === undefined ? gained.filter((question) => !question.startsWith("attempt ")) : gained).toEqual([]);
      }),
    );
  });

  test("what the joined policy permits is what each layer permits", () => {
    fc.assert(
      fc.property(fc.array(policies, { minLength: 1, maxLength: 4 }), (layers) => {
        const each = layers.map((layer) => permissions(composed({ attempts_max: 1000, ...layer })));
        const joined = permissions(composed({ attempts_max: 1000 }, ...layers));
        expect([...joined].sort()).toEqual([...(each[0] ?? [])].filter((question) => each.every((one) => one.has(question))).sort());
      }),
    );
  });

  test("the order of the layers changes no permission, and joining twice changes nothing", () => {
    fc.assert(
      fc.property(fc.array(policies, { maxLength: 4 }), (layers) => {
        const forward = permissions(composed(...layers));
        expect([permissions(composed(...[...layers].reverse())), permissions(composed(...layers, ...layers))]).toEqual([forward, forward]);
      }),
    );
  });

  test("no layer at all restricts nothing but the number of attempts", () => {
    expect(composed()).toEqual({ tools: null, write: null, network: "allow", sandbox: "off", attempts_max: 10 });
  });
});
