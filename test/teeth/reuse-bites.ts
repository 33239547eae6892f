import { type Bite, vitest } from "./bite.ts";

const key = vitest("test/reuse/key.test.ts");
const reuse = vitest("test/reuse/reuse.test.ts");
const sources = "src/runtime/source-results.ts";
const materials = "src/runtime/step-materials.ts";

/** Reuse with a why: the key, what an earlier result is not used for, and the smallest difference. */
export const reuseBites: readonly Bite[] = [
  {
    name: "key-without-lockfiles",
    breaks: "B3 a changed lockfile is no reuse",
    edits: [{ file: materials, find: "...lockfiles.map(({ path, sha256 })", replace: "...lockfiles.slice(1).map(({ path, sha256 })" }],
    suite: key,
  },
  {
    name: "key-with-title",
    breaks: "B3 what changes no output is not part of the key",
    edits: [
      {
        file: materials,
        find: "return { id, executor: { ...executor }, with: step.with,",
        replace: "return { id, title: step.title, executor: { ...executor }, with: step.with,",
      },
    ],
    suite: key,
  },
  {
    name: "reuse-of-missing-bytes",
    breaks: "A1 every byte of what is reused is what it was",
    edits: [{ file: sources, find: "else await (await this.#deps.objects.open(ref.digest)).close();", replace: "" }],
    suite: reuse,
  },
  {
    name: "reuse-from-a-run-that-goes-on",
    breaks: "S1 nothing of a run that may still be left incomplete is reused",
    edits: [{ file: sources, find: "if (!restedStatuses.includes(run.status)) return", replace: 'if (run.status === "") return' }],
    suite: reuse,
  },
  {
    name: "plain-digest-of-a-secret",
    breaks: "S4 a value that could be guessed is kept by keyed digest only",
    edits: [
      {
        file: materials,
        find: "digest: await keyed(`environment\\n${name}\\n${value}`)",
        replace: "digest: textDigest(value)",
      },
    ],
    suite: vitest("test/reuse/given.test.ts"),
  },
  {
    name: "materials-read-once",
    breaks: "B3 a file that changed while the step ran leaves no materials behind",
    edits: [
      {
        file: "src/runtime/record-materials.ts",
        find: 'if (after.kind === "unknown" || after.key !== before.key ||',
        replace: 'if (after.kind === "unknown" ||',
      },
    ],
    suite: reuse,
  },
  {
    name: "largest-difference",
    breaks: "B3 of several earlier times the closest is compared with",
    edits: [{ file: "src/judge/why.ts", find: ".sort((a, b) => a.changed.length - b.changed.length);", replace: ";" }],
    suite: vitest("src/judge/why"),
  },
  {
    name: "spelling-of-json-in-place",
    breaks: "B3 JSON that is read where it lies is told apart by its bytes",
    edits: [{ file: materials, find: "return file === null ? [] :", replace: "return file !== null ? [] :" }],
    suite: reuse,
  },
  {
    name: "objection-of-a-reusing-run-lost",
    breaks: "E4 what a run that stands on a result records against it counts",
    edits: [
      {
        file: "src/adapters/sqlite/fold-result.ts",
        find: "run_id, ? FROM standing WHERE run_id = ? AND step_id = ?",
        replace: "run_id, ? FROM standing WHERE run_id = ? AND step_id = ? AND 0",
      },
    ],
    suite: vitest("test/reuse/spoiled.test.ts"),
  },
  {
    name: "absolute-path-in-a-pure-step",
    breaks: "B3 a file that is bound by nothing is not named by a pure step",
    edits: [
      { file: "src/graph/compile-plan.ts", find: "if (!known.has(same)) await refuseUnboundPaths", replace: "if (known.has(same)) await refuseUnboundPaths" },
    ],
    suite: vitest("test/reuse/given.test.ts"),
  },
];
