/** Single-input changes of the corpus: each changes one thing, and says which steps must run again and what their certificates must name. */
import { isJsonObject, type JsonObject, type JsonValue } from "../../src/base/json-value.ts";
import type { PureStep, World } from "./world.ts";

export interface Change {
  readonly name: string;
  readonly world: World;
  /** Steps that run again, with everything that their certificates name, as `kind name`. */
  readonly expected: Partial<Record<PureStep, readonly string[]>>;
}

type Expected = Change["expected"];
type Kind = readonly [name: string, edit: (world: World, i: number) => World, expected: (i: number) => Expected];

const all = (what: string): Expected => ({ fetch: [what], clean: [what], sum: [what], wide: [what], label: [what] });

function file(path: string, content: (before: string, i: number) => string): Kind[1] {
  return (world, i) => ({ ...world, files: { ...world.files, [path]: content(world.files[path] ?? "", i) } });
}

function env(name: string, value: (before: string, i: number) => string | null): Kind[1] {
  return (world, i) => {
    const { [name]: before = "", ...others } = world.env;
    const after = value(before, i);
    return { ...world, env: after === null ? others : { ...others, [name]: after } };
  };
}

/** The document with the value at a path replaced; null takes the member out. */
function document(path: readonly string[], value: (before: JsonValue | undefined, i: number) => JsonValue): Kind[1] {
  return (world, i) => ({ ...world, document: edited(world.document, path, (before) => value(before, i)) });
}

function edited(object: JsonObject, [name = "", ...rest]: readonly string[], value: (before: JsonValue | undefined) => JsonValue): JsonObject {
  const before = object[name];
  const after = rest.length === 0 ? value(before) : edited(isJsonObject(before ?? null) ? (before as JsonObject) : {}, rest, value);
  const { [name]: _, ...others } = object;
  // The place of a member in the document means something for steps.
  return after === null
    ? others
    : Object.hasOwn(object, name)
      ? Object.fromEntries(Object.entries({ ...object, [name]: after }))
      : { ...object, [name]: after };
}

const comment = (before: string, i: number): string => `${before}# remark ${i}\n`;
const table = "input steps.fetch.outputs.table";

const kinds: readonly Kind[] = [
  // Scripts and helpers; a remark changes no output, so nothing after it runs.
  ["script of fetch", file("steps/fetch.sh", comment), () => ({ fetch: ["code steps/fetch.sh"] })],
  ["script of wide", file("steps/wide.sh", comment), () => ({ wide: ["code steps/wide.sh"] })],
  ["script of label", file("steps/label.sh", comment), () => ({ label: ["code steps/label.sh"] })],
  ["shared helper", file("lib/common.sh", comment), () => ({ fetch: ["code lib/common.sh"], label: ["code lib/common.sh"] })],
  ["helper of two", file("lib/names.sh", comment), () => ({ fetch: ["code lib/names.sh"], clean: ["code lib/names.sh"] })],
  ["helper that a glob finds", file("lib/new.sh", (_, i) => `# ${i}\n`), () => ({ fetch: ["code lib/new.sh"] })],
  [
    "script that makes another table",
    file("steps/fetch.sh", (text, i) => `${text}printf "m%s\\n" $(seq ${i + 1}) >> out/table.csv\n`),
    () => ({
      fetch: ["code steps/fetch.sh"],
      clean: [table],
      wide: [table],
      sum: ["input steps.clean.outputs.table"],
    }),
  ],
  ["script of a gate", file("gates/positive.sh", comment), () => ({ sum: ["code gates/positive.sh"] })],
  // Modules.
  ["module", file("modules/sum.mjs", (text, i) => `${text}// ${i}\n`), () => ({ sum: ["module m.sum"] })],
  ["import of a module", file("modules/times.mjs", (text, i) => `${text}// ${i}\n`), () => ({ sum: ["code modules/times.mjs"] })],
  // Data.
  ["data beyond what is read", file("data/in.csv", (text, i) => `${text}${i},99\n`), () => ({ fetch: ["input inputs.csv"] })],
  ["data", file("data/in.csv", (text, i) => text.replace("1,10", `1,5${i}`)), () => ({ fetch: ["input inputs.csv"], clean: [table], wide: [table] })],
  ["other data", file("data/extra.txt", (text, i) => `${text}${i}\n`), () => ({ wide: ["input inputs.extra"] })],
  [
    "data of another name",
    (world, i) => ({ ...world, files: { ...world.files, [`data/copy-${i}.csv`]: world.files["data/in.csv"] ?? "" }, inputs: { csv: `data/copy-${i}.csv` } }),
    () => ({ fetch: ["input inputs.csv (name)"] }),
  ],
  // Parameters.
  ["param in the environment", (world, i) => ({ ...world, params: { year: 1900 + i } }), () => ({ fetch: ["param year"], clean: [table], wide: [table] })],
  ["param of a module", (world, i) => ({ ...world, params: { factor: 3 + i } }), () => ({ sum: ["param factor"] })],
  ["param in argv", (world, i) => ({ ...world, params: { label: `w${i}` } }), () => ({ label: ["param label"] })],
  ["param within a variable", (world, i) => ({ ...world, params: { mode: `m${i}` } }), () => ({ label: ["param mode"] })],
  // Environment.
  ["variable of the document", document(["steps", "label", "env", "TZ"], (_, i) => `Etc/GMT+${i % 12}-${i}`), () => ({ label: ["environment TZ"] })],
  ["new variable of the document", document(["steps", "label", "env", "NEW"], (_, i) => `n${i}`), () => ({ label: ["environment NEW"] })],
  ["variable of the caller", env("CORPUS_A", (_, i) => `other ${i}`), () => ({ wide: ["environment CORPUS_A"] })],
  // The same world every time: what was done in it once is reused, though it is not the newest.
  ["variable of the caller gone", env("CORPUS_A", () => null), (i) => (i === 0 ? { wide: ["environment CORPUS_A"] } : {})],
  ["variable that a pattern takes", env("CORPUS_WILD_X", (_, i) => `w${i}`), () => ({ wide: ["environment CORPUS_WILD_X"] })],
  ["new variable that a pattern takes", env("CORPUS_WILD_NEW", (_, i) => `w${i}`), () => ({ wide: ["environment CORPUS_WILD_NEW"] })],
  ["secret", env("CORPUS_SECRET", (_, i) => `s3cret-value-${i + 1}`), () => ({ wide: ["environment CORPUS_SECRET"] })],
  ["PATH", env("PATH", (before, i) => `${before}:/nowhere/${i}`), () => all("environment PATH")],
  ["HOME", env("HOME", (_, i) => `/house/${i}`), () => all("environment HOME")],
  // Tools, of a step and of a gate.
  ["tool", file("bin/tool-a", comment), () => ({ clean: ["tool tool-a"] })],
  [
    "tool that counts otherwise",
    file("bin/tool-a", (text, i) => text.replace('"$n" >', `"$((n + ${1_000 + i}))" >`)),
    () => ({
      clean: ["tool tool-a"],
      sum: ["input steps.clean.outputs.table"],
    }),
  ],
  ["tool of a gate", file("bin/tool-b", comment), () => ({ label: ["tool tool-b"] })],
  // Lockfiles, policy, schemas.
  ["lockfile", file("package-lock.json", (text, i) => `${text} ${" ".repeat(i)}`), () => all("lockfile package-lock.json")],
  ["new lockfile", file("uv.lock", (_, i) => `${i}\n`), () => all("lockfile uv.lock")],
  ["policy", document(["policy"], (_, i) => ({ attempts_max: 11 + i })), () => all("policy policy")],
  ["schema of an output", file("schemas/table.json", (text, i) => text.replace('{"type"', `{"title":"t${i}","type"`)), () => ({ clean: ["schema table.v1"] })],
  ["schema of a gate", file("schemas/total.json", (text, i) => text.replace('{"type"', `{"title":"t${i}","type"`)), () => ({ sum: ["schema total.v1"] })],
  // Texts of steps and gates.
  ["argv of a step", document(["steps", "label", "run"], (before, i) => [...(before as string[]), `more-${i}`]), () => ({ label: ["step label"] })],
  ["with of a module", document(["steps", "sum", "with", "note"], (_, i) => `n${i}`), () => ({ sum: ["step sum"] })],
  ["media type of an output", document(["steps", "label", "outputs", "text", "media_type"], (_, i) => `text/x-${i}`), () => ({ label: ["step label"] })],
  [
    "definition of a gate",
    document(["steps", "label", "gates"], (before, i) => (before as JsonObject[]).map((gate) => ({ ...gate, env: { G: `${i}` } }))),
    () => ({ label: ["gate present"] }),
  ],
  [
    "new gate",
    document(["steps", "clean", "gates"], (_, i) => [{ id: `extra-${i}`, schema: "table.v1", of: "${steps.clean.outputs.table}" }]),
    (i) => ({ clean: [`gate extra-${i}`] }),
  ],
  // What nothing depends on: nothing runs.
  ["title", document(["steps", "label", "title"], (_, i) => `Title ${i}`), () => ({})],
  ["time limit", document(["steps", "label", "timeout"], (_, i) => `${60 + i}s`), () => ({})],
  ["retries", document(["steps", "fetch", "retry"], (_, i) => ({ max: 1 + (i % 9), backoff: `${i + 1}ms` })), () => ({})],
  ["log limit", document(["steps", "fetch", "log_limit"], (_, i) => 4_096 + i), () => ({})],
  ["a file that nothing names", file("README.md", comment), () => ({})],
  ["a param that nothing names", (world, i) => ({ ...world, params: { unused: `u${i}` } }), () => ({})],
  ["a variable that nothing takes", env("CORPUS_B", (_, i) => `${i}`), () => ({})],
  ["another step", document(["steps", "other"], (_, i) => ({ run: ["true", `${i}`] })), () => ({})],
];

export const kindCount = kinds.length;

/** `rounds` variants of each kind, in an order that mixes them. */
export function* changesOf(world: World, rounds: number): Generator<Change> {
  for (let i = 0; i < rounds; i++) {
    for (const [name, edit, expected] of kinds) yield { name: `${name} ${i}`, world: edit(world, i), expected: expected(i) };
  }
}
