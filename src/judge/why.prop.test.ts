import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Digest, digestBytes } from "../base/digest.ts";
import { type Material, materialKinds } from "../contracts/materials.ts";
import { byCloseness, changedSentence, changesText, differenceOf, type MaterialChange, reusedSentence, reuseKey, sortedMaterials } from "./why.ts";

const digest = fc.integer({ min: 0, max: 5 }).map((n) => digestBytes(String(n)));
const material: fc.Arbitrary<Material> = fc.record({
  kind: fc.constantFrom(...materialKinds),
  name: fc.constantFrom("a", "b", "lib/x.mjs", "inputs.csv", "Z", "\u{1F600}", 'with "quotes"'),
  digest,
});
const materials = fc.uniqueArray(material, { selector: ({ kind, name }) => `${kind}:${name}`, maxLength: 20 });

function shuffled<T>(items: readonly T[], seed: number): readonly T[] {
  return [...items]
    .map((item, at) => ({ item, rank: digestBytes(`${seed}/${at}`) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .map(({ item }) => item);
}

describe("the reuse key", () => {
  test("does not depend on the order in which materials are read", () => {
    fc.assert(fc.property(materials, fc.integer(), (all, seed) => void expect(reuseKey(shuffled(all, seed))).toBe(reuseKey(all))));
  });

  test("is another when any one material is another, is gone, or is called otherwise", () => {
    fc.assert(
      fc.property(materials, fc.nat(), (all, at) => {
        const one = all[at % Math.max(all.length, 1)];
        if (one === undefined) return;
        const others = all.filter((each) => each !== one);
        const key = reuseKey(all);
        expect(reuseKey(others)).not.toBe(key);
        expect(reuseKey([...others, { ...one, digest: digestBytes("other") }])).not.toBe(key);
        expect(reuseKey([...others, { ...one, name: `${one.name}'` }])).not.toBe(key);
        const kind = materialKinds.find((each) => each !== one.kind && !others.some((other) => other.kind === each && other.name === one.name));
        if (kind !== undefined) expect(reuseKey([...others, { ...one, kind }])).not.toBe(key);
      }),
    );
  });

  test("no two lists of materials run together: a name cannot pass as a kind or a digest", () => {
    const a: Material = { kind: "code", name: "x", digest: digestBytes("1") };
    const split: readonly Material[] = [
      { kind: "code", name: `x","${digestBytes("1")}"],["code","y`, digest: digestBytes("2") },
      { kind: "code", name: "y", digest: digestBytes("2") },
    ];
    expect(new Set([reuseKey([a]), reuseKey(split.slice(0, 1)), reuseKey([a, ...split.slice(1)])]).size).toBe(3);
  });
});

describe("the difference", () => {
  test("is empty exactly when the keys are equal", () => {
    fc.assert(fc.property(materials, materials, (a, b) => void expect(differenceOf(a, b).length === 0).toBe(reuseKey(a) === reuseKey(b))));
  });

  test("is the smallest: taking its changes back gives what was before, and leaving any of them out does not", () => {
    fc.assert(
      fc.property(materials, materials, (before, after) => {
        const changed = differenceOf(before, after);
        expect(reuseKey(undo(after, changed))).toBe(reuseKey(before));
        for (const left of changed) {
          const rest = changed.filter((each) => each !== left);
          expect(reuseKey(undo(after, rest))).not.toBe(reuseKey(before));
        }
      }),
    );
  });

  test("seen from the other side, before and after change places", () => {
    fc.assert(
      fc.property(materials, materials, (a, b) => {
        const turned = differenceOf(b, a).map(({ kind, name, before, after }) => ({ kind, name, before: after, after: before }));
        expect(turned).toEqual(differenceOf(a, b));
      }),
    );
  });

  test("of several earlier times the one with the fewest changes is first, and of equals the one that was first", () => {
    fc.assert(
      fc.property(fc.array(materials, { maxLength: 6 }), materials, (earlier, now) => {
        const order = byCloseness(
          earlier.map((list, at) => ({ at, materials: list })),
          now,
        );
        expect(order).toHaveLength(earlier.length);
        for (const [i, { one, changed }] of order.entries()) {
          expect(changed).toEqual(differenceOf(one.materials, now));
          const next = order[i + 1];
          if (next === undefined) continue;
          expect(changed.length < next.changed.length || (changed.length === next.changed.length && one.at < next.one.at)).toBe(true);
        }
      }),
    );
  });
});

function undo(after: readonly Material[], changed: readonly MaterialChange[]): readonly Material[] {
  const places = new Set(changed.map(({ kind, name }) => `${kind}:${name}`));
  const kept = after.filter(({ kind, name }) => !places.has(`${kind}:${name}`));
  return [...kept, ...changed.flatMap(({ kind, name, before }) => (before === null ? [] : [{ kind, name, digest: before }]))];
}

describe("sentences", () => {
  const one = digestBytes("1");
  const two: Digest = digestBytes("2");
  const change = (name: string, before: Digest | null, after: Digest | null): MaterialChange => ({ kind: "code", name, before, after });

  test("name what changed, what is new and what is gone, three at most, and never a digest", () => {
    expect(changedSentence("clean", [change("lib/parse.mjs", one, two)])).toBe("step clean ran again: code lib/parse.mjs changed");
    expect(changesText([change("a", null, one), change("b", one, null)])).toBe("code a is new and code b is gone");
    expect(changesText(["a", "b", "c", "d", "e"].map((name) => change(name, one, two)))).toBe(
      "code a changed, code b changed, code c changed and 2 more changed",
    );
    expect(changesText([])).toBe("nothing changed");
  });

  test("a reuse says from where, and of how many inputs nothing changed", () => {
    expect(reusedSentence("clean", { run_id: "r-1", attempt: 2 }, 14)).toBe("step clean was reused from run r-1, attempt 2: nothing of 14 inputs changed");
    expect(reusedSentence("clean", { run_id: "r-1", attempt: 1 }, 1)).toContain("nothing of 1 input changed");
  });

  test("materials come kind by kind, then by name", () => {
    const listed = sortedMaterials([
      { kind: "policy", name: "policy", digest: one },
      { kind: "code", name: "b", digest: one },
      { kind: "code", name: "a", digest: one },
    ]);
    expect(listed.map(({ kind, name }) => `${kind} ${name}`)).toEqual(["code a", "code b", "policy policy"]);
  });
});
