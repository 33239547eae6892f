import { type Bite, fault, vitest } from "./bite.ts";

const baseTests = vitest("src/base");
const outputTests = vitest("test/runtime/outputs.test.ts");

/** What comes in, what is stored, what is served. */
export const artifactBites: readonly Bite[] = [
  {
    name: "escaped-keys-go-to-v8",
    breaks: "strict JSON gives back the keys that were written",
    edits: [{ file: "src/base/json-text.ts", find: 'if (!text.includes("\\\\") || !escapedKey.test(text)) return', replace: "if (text.length >= 0) return" }],
    suite: vitest("src/base/json-text.prop.test.ts"),
  },
  {
    name: "object-read-unverified",
    breaks: "A1 every read is verified",
    edits: [{ file: "src/adapters/fs/object-store.ts", find: "        if (digestBytes(bytes) !== digest) throw corrupt(digest);\n", replace: "" }],
    suite: fault("flips", 200),
  },
  {
    name: "inline-read-unverified",
    breaks: "A1 every read is verified, wherever the bytes were",
    edits: [{ file: "src/artifacts/artifact-store.ts", find: "|| (inline !== undefined && digestBytes(bytes) !== artifact.digest)", replace: "" }],
    suite: vitest("src/artifacts/artifact-store"),
  },
  {
    name: "envelope-digest-unchecked",
    breaks: "A2 the payload gives the digest that its envelope names",
    edits: [
      {
        file: "src/artifacts/envelope-seal.ts",
        find: "if (sha256Hex(canonicalJson(payload, { fractions: true })) !== checked.payload_sha256)",
        replace: "if (checked.payload_sha256.length === 0)",
      },
    ],
    suite: vitest("src/artifacts"),
  },
  {
    name: "schema-not-checked",
    breaks: "A2 an output with a schema fits it",
    edits: [
      {
        file: "src/runtime/collect-outputs.ts",
        find: "if (problems.length > 0) throw invalid(name, where",
        replace: "if (problems.length < 0) throw invalid(name, where",
      },
    ],
    suite: outputTests,
  },
  {
    name: "stale-output-taken",
    breaks: "an output is what the step wrote, not what lay there",
    edits: [
      {
        file: "src/runtime/collect-outputs.ts",
        find: "const stale = entry !== null && before.get(path) === entry.mark;",
        replace: "const stale = entry !== null && entry.mark.length === 0;",
      },
    ],
    suite: outputTests,
  },
  {
    name: "link-followed",
    breaks: "no link is followed out of a folder",
    edits: [
      {
        file: "src/adapters/fs/folder-handle.ts",
        find: "return fs.lstatSync(entryPath(parent, name), { bigint: true",
        replace: "return fs.statSync(entryPath(parent, name), { bigint: true",
      },
      { file: "src/adapters/fs/folder-handle.ts", find: "const fileFlags = O_RDONLY | (O_NOFOLLOW ?? 0) |", replace: "const fileFlags = O_RDONLY |" },
    ],
    suite: vitest("src/adapters/fs/file-tree"),
  },
  {
    name: "hard-link-accepted",
    breaks: "a file that somebody else may change is not taken",
    edits: [{ file: "src/adapters/fs/folder-handle.ts", find: "if (seen.nlink !== 1n) throw", replace: "if (seen.nlink === 0n) throw" }],
    suite: vitest("src/adapters/fs/file-tree"),
  },
  {
    name: "dots-in-paths",
    breaks: "a relative path stays inside",
    edits: [{ file: "src/base/relative-path.ts", find: 'if (segment === "." || segment === "..")', replace: 'if (segment === ".")' }],
    suite: baseTests,
  },
  {
    name: "workspace-prefix-by-text",
    breaks: "a folder beside another is not inside it",
    edits: [{ file: "src/adapters/fs/trust-store.ts", find: "inner.startsWith(outer + sep)", replace: "inner.startsWith(outer)" }],
    suite: vitest("src/adapters/fs/trust-store"),
  },
  {
    name: "redactor-off",
    breaks: "S4 no secret reaches a log",
    edits: [
      {
        file: "src/adapters/process/redactor.ts",
        find: "return first === undefined ? passThrough : new",
        replace: "return first !== undefined || patterns.length === 0 ? passThrough : new",
      },
    ],
    suite: vitest("src/adapters/process/redactor"),
  },
  {
    name: "duplicate-keys-accepted",
    breaks: "a document says one thing",
    edits: [{ file: "src/base/parse-json.ts", find: "if (keys.has(key)) throw", replace: "if (keys.size < 0) throw" }],
    suite: baseTests,
  },
  {
    name: "prototype-keys-accepted",
    breaks: "no document reaches a prototype",
    edits: [{ file: "src/base/parse-json.ts", find: "if (refusedKeys.has(key)) throw", replace: "if (refusedKeys.size < 0) throw" }],
    suite: baseTests,
  },
  {
    name: "keys-in-natural-order",
    breaks: "canonical JSON sorts keys by UTF-16 code units",
    edits: [
      {
        file: "src/base/canonical-json.ts",
        find: "if (keys.length > 1) keys.sort();",
        replace: "if (keys.length > 1) keys.sort((a, b) => a.localeCompare(b));",
      },
    ],
    suite: baseTests,
  },
];
