import { describe, expect, test } from "vitest";
import type { EventBody } from "../contracts/event.ts";
import { eventDataSchemas } from "../contracts/events.ts";
import type { ReportedEffect } from "../ports/module-host.ts";
import { ModuleEffects } from "./module-effects.ts";
import { SecretGuard } from "./secret-guard.ts";

function effectsOf(secrets: readonly string[] = []): { readonly effects: ModuleEffects; readonly bodies: EventBody[] } {
  const bodies: EventBody[] = [];
  return { effects: new ModuleEffects("a", 3, new SecretGuard(secrets), (body) => bodies.push(body)), bodies };
}

const mail: ReportedEffect = { category: "network", description: "sent a mail", reversible: false, details: { to: "ada" } };

describe("effects that a module reports", () => {
  test("become events at once, numbered, with unknown where nobody said whether it can be undone", () => {
    const { effects, bodies } = effectsOf();
    effects.report(mail);
    effects.report({ category: "other", description: "rang" });
    expect(bodies).toEqual([
      {
        kind: "SIDE_EFFECT_OBSERVED",
        key: "SIDE_EFFECT_OBSERVED/a/3/module/0",
        data: { step_id: "a", attempt: 3, category: "network", description: "sent a mail", reversible: false, details: { to: "ada" }, source: "module" },
      },
      {
        kind: "SIDE_EFFECT_OBSERVED",
        key: "SIDE_EFFECT_OBSERVED/a/3/module/1",
        data: { step_id: "a", attempt: 3, category: "other", description: "rang", reversible: null, source: "module" },
      },
    ]);
  });

  test("S4: hold no secret, in any text of theirs, also where the text is cut", () => {
    const { effects, bodies } = effectsOf(["hunter2-hunter2"]);
    effects.report({
      category: "network",
      description: `${"x".repeat(990)}hunter2-hunter2`,
      details: { url: "https://h/?k=hunter2-hunter2", "hunter2-hunter2": "name" },
    });
    expect(JSON.stringify(bodies)).not.toContain("hunter2");
    expect(JSON.stringify(bodies)).toContain("[redacted]");
  });

  test("are bounded in number and size, and what is left out is said", () => {
    const { effects, bodies } = effectsOf();
    for (let count = 0; count < 150; count++) effects.report({ ...mail, description: "\ud800".repeat(5_000) });
    expect(bodies).toHaveLength(101);
    expect(bodies.at(-1)).toMatchObject({ data: { category: "other", description: expect.stringContaining("more than 100"), reversible: null } });
    for (const { data } of bodies) expect(eventDataSchemas.SIDE_EFFECT_OBSERVED.safeParse(data).success).toBe(true);
    expect(new Set(bodies.map(({ key }) => key)).size).toBe(101);
  });

  const wrong: readonly (readonly [string, unknown])[] = [
    ["nothing", undefined],
    ["a text", "sent a mail"],
    ["a list", [mail]],
    ["an unknown category", { ...mail, category: "magic" }],
    ["no category", { description: "x" }],
    ["an empty description", { ...mail, description: " " }],
    ["a number as description", { ...mail, description: 7 }],
    ["a word for reversible", { ...mail, reversible: "yes" }],
    ["details that are a list", { ...mail, details: ["a"] }],
    ["a detail that is a number", { ...mail, details: { to: 1 } }],
    ["too many details", { ...mail, details: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`d${index}`, "x"])) }],
  ];
  test.each(wrong)("MODULE_FAILED: %s is no effect, and nothing is recorded", (_, effect) => {
    const { effects, bodies } = effectsOf();
    expect(() => effects.report(effect as ReportedEffect)).toThrow(expect.objectContaining({ code: "MODULE_FAILED" }));
    expect(bodies).toEqual([]);
  });
});
