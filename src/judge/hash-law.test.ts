import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { sha256Hex } from "../base/digest.ts";
import type { JsonValue } from "../base/json-value.ts";
import { LilyError } from "../base/lily-error.ts";
import type { RelativePath } from "../base/relative-path.ts";
import type { PlanHashGate } from "../contracts/plan-document.ts";
import { inAsciiOrder, judgeHashLaw, planHashLaw } from "./hash-law.ts";
import { hashLawCodes } from "./hash-law-verdict.ts";
import { type HashLawFiles, runHashLaw } from "./run-hash-law.ts";

type Node = string | Uint8Array | { readonly kind: "link" | "special" | "broken" };

/** A tree in memory: paths to bytes, or to things that are no regular files. */
function tree(nodes: Readonly<Record<string, Node>>): HashLawFiles {
  const bytesOf = (path: RelativePath): Uint8Array => {
    const node = nodes[path];
    if (node === undefined) throw new LilyError("INPUT_NOT_FOUND", `${path} does not exist`);
    if (typeof node === "string") return new TextEncoder().encode(node);
    if (node instanceof Uint8Array) return node;
    throw new LilyError(node.kind === "broken" ? "STORAGE_FAILED" : "PATH_INVALID", `${path} is a ${node.kind}`);
  };
  return {
    walk: async (root) => {
      const paths = Object.keys(nodes).filter((path) => path.startsWith(`${root}/`));
      if (paths.length === 0 && !(`${root}` in nodes)) throw new LilyError("INPUT_NOT_FOUND", `${root} does not exist`);
      return paths.map((path) => {
        const node = nodes[path];
        const kind = typeof node === "object" && "kind" in node && node.kind !== "broken" ? node.kind : "file";
        return { path, kind };
      });
    },
    read: async (path, bytesMax) => {
      const bytes = bytesOf(path);
      if (bytes.length > bytesMax) throw new LilyError("INPUT_TOO_LARGE", `${path} is too large`);
      return bytes;
    },
    open: async (path) => {
      let rest = bytesOf(path);
      return {
        read: (into) => {
          const count = Math.min(rest.length, into.length);
          into.set(rest.subarray(0, count));
          rest = rest.subarray(count);
          return count;
        },
        close: async () => undefined,
      };
    },
  };
}

function gate(changes: Partial<PlanHashGate>): PlanHashGate {
  const base = { law: "sha256_bundle_digest", root: "b", flag: "b/_passed.flag", index: null, ordering: "ascii_lex", path_base: "bundle_root" } as const;
  return { ...base, exclude_filenames: [], digest_field: null, pointer: null, equals: null, ...changes };
}

const flag = (text: string) => `sha256_hex = ${sha256Hex(text)}\n`;
const code = async (changes: Partial<PlanHashGate>, nodes: Readonly<Record<string, Node>>) => (await runHashLaw(gate(changes), tree(nodes))).code;

describe("sha256_bundle_digest", () => {
  const good = { "b/B": "bee", "b/a": "ay", "b/sub/c": "sea", "b/_passed.flag": flag("beeaysea") };

  test("verifies the raw bytes in ASCII order of paths", async () => {
    const verdict = await runHashLaw(gate({}), tree(good));
    expect(verdict).toEqual({
      status: "passed",
      reason: null,
      evidence: "verified",
      code: null,
      path: null,
      strength: "digest",
      computed: sha256Hex("beeaysea"),
      claimed: sha256Hex("beeaysea"),
      files: 3,
      unlisted: [],
      metrics: { files: 3, unlisted: 0 },
    });
  });

  test("excluded base names are left out at every depth", async () => {
    const nodes = { ...good, "b/sub/skip.log": "x", "b/skip.log": { kind: "link" } } as const;
    expect(await code({ exclude_filenames: ["skip.log"] }, nodes)).toBeNull();
    expect(await code({}, nodes)).toBe("FILE_UNFIT");
  });

  test("a flag outside of the bundle works alike", async () => {
    expect(await code({ flag: "done" }, { "b/a": "ay", done: flag("ay") })).toBeNull();
  });

  test.each([
    ["no bundle", {}, "BUNDLE_MISSING"],
    ["no flag", { "b/a": "ay" }, "FLAG_MISSING"],
    ["no flag, although a link lies in the bundle: missing comes first", { "b/a": { kind: "link" } }, "FLAG_MISSING"],
    ["only the flag", { "b/_passed.flag": flag("") }, "BUNDLE_EMPTY"],
    ["a link", { ...good, "b/l": { kind: "link" } }, "FILE_UNFIT"],
    ["a special file", { ...good, "b/l": { kind: "special" } }, "FILE_UNFIT"],
    ["a flag that is a link", { ...good, "b/_passed.flag": { kind: "link" } }, "FLAG_INVALID"],
    ["a flag that is too large", { ...good, "b/_passed.flag": " ".repeat(70_000) }, "FLAG_INVALID"],
    ["a flag that cannot be read", { ...good, "b/_passed.flag": { kind: "broken" } }, "EVIDENCE_UNREADABLE"],
    ["a file that cannot be read", { ...good, "b/a": { kind: "broken" } }, "EVIDENCE_UNREADABLE"],
    ["an upper-case digest", { ...good, "b/_passed.flag": flag("beeaysea").toUpperCase() }, "FLAG_INVALID"],
    ["a flag of two lines", { ...good, "b/_passed.flag": flag("beeaysea") + flag("x") }, "FLAG_INVALID"],
    ["a flag that is not UTF-8", { ...good, "b/_passed.flag": new Uint8Array([0xff]) }, "FLAG_INVALID"],
    ["one byte changed", { ...good, "b/a": "aY" }, "DIGEST_MISMATCH"],
    ["a file added", { ...good, "b/z": "", "b/y": "y" }, "DIGEST_MISMATCH"],
    ["files swapped", { ...good, "b/B": "ay", "b/a": "bee" }, "DIGEST_MISMATCH"],
  ] as const)("%s never verifies", async (_, nodes, expected) => {
    const verdict = await runHashLaw(gate({}), tree(nodes));
    expect(verdict.code).toBe(expected);
    expect(verdict.evidence).toBe(hashLawCodes[expected]);
    expect(verdict.status).toBe(verdict.evidence === "unreadable" ? "error" : "failed");
    expect(verdict.reason).toContain(expected);
  });

  test("a JSON flag is read by its digest field", async () => {
    const json = (value: JsonValue) => ({ ...good, "b/_passed.flag": JSON.stringify(value) });
    const digest = sha256Hex("beeaysea");
    expect(await code({}, json({ sha256_hex: digest }))).toBeNull();
    expect(await code({ digest_field: "bundle_digest_sha256" }, json({ bundle_digest_sha256: digest, other: 1 }))).toBeNull();
    expect(await code({ digest_field: "bundle_digest_sha256" }, json({ sha256_hex: digest }))).toBe("FLAG_FIELD_MISSING");
    expect(await code({ digest_field: "toString" }, json({}))).toBe("FLAG_FIELD_MISSING");
    expect(await code({}, json({ sha256_hex: digest.slice(1) }))).toBe("FLAG_INVALID");
    expect(await code({}, json({ sha256_hex: 7 }))).toBe("FLAG_INVALID");
    expect(await code({}, { ...good, "b/_passed.flag": `{"sha256_hex":"${digest}","sha256_hex":"${digest}"}` })).toBe("FLAG_INVALID");
  });

  test("a gate without a flag is an error, not a pass", async () => {
    expect(await code({ flag: null }, good)).toBe("GATE_INVALID");
  });

  test("a root that cannot be listed is told apart: a path that is none, and a failing disk", async () => {
    expect(await code({ root: "../b" }, good)).toBe("FILE_UNFIT");
    const failing = { ...tree(good), walk: async () => Promise.reject(new LilyError("STORAGE_FAILED", "the disk failed")) };
    expect(await runHashLaw(gate({}), failing)).toMatchObject({ code: "EVIDENCE_UNREADABLE", status: "error" });
  });

  test("a listing that names a file twice is refused", () => {
    const read = { state: "read", bytes: new TextEncoder().encode(flag("x")) } as const;
    const entry = { path: "b/a", kind: "file" } as const;
    const plan = planHashLaw(gate({}), { flag: read, index: null, result: null, listing: [entry, entry] });
    expect(plan).toMatchObject({ kind: "verdict", verdict: { code: "PATH_DUPLICATE" } });
  });

  test("of 4096 subsets of twelve files only the whole bundle verifies", () => {
    const names = Array.from({ length: 12 }, (_, i) => `b/f${String.fromCharCode(97 + i)}`);
    const all = names.map((name) => `<${name}>`);
    const read = { state: "read", bytes: new TextEncoder().encode(flag(all.join(""))) } as const;
    let passed = 0;
    for (let mask = 0; mask < 4096; mask++) {
      const listing = names.filter((_, i) => (mask >> i) % 2 === 1).map((path) => ({ path, kind: "file" }) as const);
      const plan = planHashLaw(gate({}), { flag: read, index: null, result: null, listing });
      if (plan.kind === "verdict") continue;
      const computed = sha256Hex(plan.files.map((file) => `<${file.path}>`).join(""));
      if (judgeHashLaw(plan, { outcome: "hashed", computed, members: [] }).status === "passed") passed += mask === 4095 ? 1 : 1000;
    }
    expect(passed).toBe(1);
  });
});

describe("sha256_index_json_ascii_lex_raw_bytes", () => {
  const law = { law: "sha256_index_json_ascii_lex_raw_bytes", index: "b/index.json" } as const;
  const good = (index: JsonValue, content: string) => ({
    "b/B": "bee",
    "b/a": "ay",
    "b/sub/c": "sea",
    "b/index.json": JSON.stringify(index),
    "b/_passed.flag": flag(content),
  });

  test.each([
    ["a bare list", ["sub/c", "a"]],
    ["items", { items: ["sub/c", "a"] }],
    ["members", { members: [{ path: "sub/c" }, { path: "a", note: 1 }] }],
    ["entries", { v: 1, entries: ["sub/c", "a"] }],
    ["files", { files: ["sub/c", { path: "a" }] }],
  ] as const)("lists files as %s, hashed in ASCII order; what is not listed is reported", async (_, index) => {
    expect(await runHashLaw(gate(law), tree(good(index, "aysea")))).toMatchObject({
      status: "passed",
      files: 2,
      unlisted: ["b/B"],
      metrics: { files: 2, unlisted: 1 },
    });
  });

  test("index_order keeps the order of the index", async () => {
    expect(await code({ ...law, ordering: "index_order" }, good(["sub/c", "a"], "seaay"))).toBeNull();
    expect(await code({ ...law, ordering: "index_order" }, good(["sub/c", "a"], "aysea"))).toBe("DIGEST_MISMATCH");
  });

  test("paths may be relative to the run's root, and reach files beside the bundle", async () => {
    expect(await code({ ...law, path_base: "run_root" }, { ...good(["b/a", "data/x"], "ayex"), "data/x": "ex" })).toBeNull();
    expect(await code({ ...law, path_base: "run_root" }, good(["b/a", "data/x"], "ay"))).toBe("FILE_MISSING");
    expect(await code({ ...law, path_base: "run_root" }, { ...good(["b/a", "data/x"], "ay"), "data/x": { kind: "link" } })).toBe("FILE_UNFIT");
  });

  test("the index may list itself; excluded names and the flag are left out", async () => {
    const index = ["a", "index.json", "_passed.flag", "skip"];
    const text = JSON.stringify(index);
    expect(await code({ ...law, exclude_filenames: ["skip"] }, good(index, `ay${text}`))).toBeNull();
    expect(await code({ ...law, exclude_filenames: ["skip", "index.json"] }, good(index, "ay"))).toBeNull();
  });

  test.each([
    ["no index", { "b/index.json": undefined }, "INDEX_MISSING"],
    ["an index that is not JSON", { "b/index.json": "{" }, "INDEX_INVALID"],
    ["an index that is a link", { "b/index.json": { kind: "link" } }, "INDEX_INVALID"],
    ["an index that cannot be read", { "b/index.json": { kind: "broken" } }, "EVIDENCE_UNREADABLE"],
    ["an index without a list", { "b/index.json": "{}" }, "INDEX_INVALID"],
    ["an index that is a number", { "b/index.json": "7" }, "INDEX_INVALID"],
    ["an index with two lists", { "b/index.json": '{"files":["a"],"items":["a"]}' }, "INDEX_INVALID"],
    ["an entry that is a number", { "b/index.json": "[7]" }, "INDEX_INVALID"],
    ["an entry with a path that is a number", { "b/index.json": '[{"path":7}]' }, "INDEX_INVALID"],
    ["an entry with a digest that is none", { "b/index.json": '[{"path":"a","sha256_hex":"x"}]' }, "INDEX_INVALID"],
    ["an entry with neither path nor digest", { "b/index.json": "[{}]" }, "INDEX_INVALID"],
    ["an entry without a path", { "b/index.json": `[{"sha256_hex":"${"0".repeat(64)}"}]` }, "INDEX_INVALID"],
    ["an empty list", { "b/index.json": "[]" }, "INDEX_EMPTY"],
    ["only excluded files", { "b/index.json": '["_passed.flag"]' }, "INDEX_EMPTY"],
    ["an escape", { "b/index.json": '["../x"]' }, "PATH_ESCAPES"],
    ["an absolute path", { "b/index.json": '["/etc/passwd"]' }, "PATH_ESCAPES"],
    ["a path that is too long with its root", { "b/index.json": JSON.stringify([`${"d/".repeat(511)}ab`]) }, "PATH_ESCAPES"],
    ["a duplicate", { "b/index.json": '["a","a"]' }, "PATH_DUPLICATE"],
    ["an absent file", { "b/index.json": '["a","nope"]' }, "FILE_MISSING"],
    ["a link", { "b/a": { kind: "link" } }, "FILE_UNFIT"],
    ["one byte changed", { "b/a": "aY" }, "DIGEST_MISMATCH"],
  ] as const)("%s never verifies", async (_, changes, expected) => {
    const nodes: Record<string, Node> = good(["sub/c", "a"], "aysea");
    for (const [path, node] of Object.entries(changes)) {
      if (node === undefined) delete nodes[path];
      else nodes[path] = node;
    }
    const verdict = await runHashLaw(gate(law), tree(nodes));
    expect(verdict.code).toBe(expected);
    expect(verdict.status).not.toBe("passed");
  });

  test("a gate that names no index is an error", async () => {
    expect(await code({ ...law, index: null }, good(["a"], "ay"))).toBe("GATE_INVALID");
  });

  test("of 4096 ways to leave out, empty, change or keep six files only the whole verifies", async () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    const content = names.map((name) => `<${name}>`).join("");
    let passed = 0;
    for (let ways = 0; ways < 4096; ways++) {
      const nodes: Record<string, Node> = { "b/index.json": JSON.stringify(names), "b/_passed.flag": flag(content) };
      for (const [i, name] of names.entries()) {
        const way = [`<${name}>`, null, "", `<${name}`][(ways >> (2 * i)) % 4];
        if (way !== null && way !== undefined) nodes[`b/${name}`] = way;
      }
      if ((await runHashLaw(gate(law), tree(nodes))).status === "passed") passed += ways === 0 ? 1 : 1000;
    }
    expect(passed).toBe(1);
  });
});

describe("sha256_member_digest_concat", () => {
  const law = { law: "sha256_member_digest_concat", index: "b/index.json" } as const;
  const sea = sha256Hex("sea");
  const bee = sha256Hex("bee");
  const good = (members: JsonValue, concat: string) => ({
    "b/B": "bee",
    "b/sub/c": "sea",
    "b/index.json": JSON.stringify({ members }),
    "b/_passed.flag": flag(concat),
  });

  test("verifies the members' digits in array order, and each member's bytes", async () => {
    const members = [
      { path: "sub/c", sha256_hex: sea },
      { path: "B", sha256_hex: bee },
    ];
    expect(await runHashLaw(gate(law), tree(good(members, sea + bee)))).toMatchObject({ status: "passed", files: 2, computed: sha256Hex(sea + bee) });
    expect(await code(law, good(members, bee + sea))).toBe("DIGEST_MISMATCH");
  });

  test("a member whose bytes differ from its digest contradicts, although the flag agrees", async () => {
    const verdict = await runHashLaw(gate(law), tree(good([{ path: "B", sha256_hex: sea }], sea)));
    expect(verdict).toMatchObject({ code: "MEMBER_DIGEST_MISMATCH", path: "b/B" });
  });

  test("a member without a path counts by its digest; one without a digest is refused", async () => {
    expect(
      await code(
        law,
        good(
          [
            { id: "x", sha256: sea },
            { path: "B", sha256_hex: bee },
          ],
          sea + bee,
        ),
      ),
    ).toBeNull();
    expect(await code(law, good(["B"], bee))).toBe("INDEX_INVALID");
    expect(await code(law, good([{ path: "nope", sha256_hex: bee }], bee))).toBe("FILE_MISSING");
  });

  test("a digest that was not computed never agrees", () => {
    const claimed = sha256Hex("x");
    const plan = { kind: "members", files: [{ path: "b/a", sha256: claimed }], concat: "", unlisted: [], claimed } as const;
    expect(judgeHashLaw(plan, { outcome: "hashed", computed: claimed, members: [] }).code).toBe("MEMBER_DIGEST_MISMATCH");
  });
});

describe("json_verdict", () => {
  const law = { law: "json_verdict", root: "r.json", flag: null, pointer: "/checks/0/ok", equals: true } as const;
  const file = (value: JsonValue) => ({ "r.json": JSON.stringify(value) });

  test("passes when the value is there, and says that it is asserted", async () => {
    expect(await runHashLaw(gate(law), tree(file({ checks: [{ ok: true }] })))).toMatchObject({ status: "passed", strength: "asserted", files: 1 });
    expect(await code({ ...law, pointer: "", equals: { b: [1.5], a: null } }, file({ a: null, b: [1.5] }))).toBeNull();
    expect(await code({ ...law, pointer: "/a~1b/~0" }, file({ "a/b": { "~": true } }))).toBeNull();
  });

  test.each([
    ["no file", {}, "RESULT_MISSING"],
    ["a link", { "r.json": { kind: "link" } }, "RESULT_INVALID"],
    ["a broken disk", { "r.json": { kind: "broken" } }, "EVIDENCE_UNREADABLE"],
    ["no JSON", { "r.json": "ok" }, "RESULT_INVALID"],
    ["another value", file({ checks: [{ ok: "true" }] }), "RESULT_DIFFERS"],
    ["no such element", file({ checks: [] }), "RESULT_DIFFERS"],
    ["no such member", file({ checks: { "00": 1 } }), "RESULT_DIFFERS"],
    ["a scalar on the way", file({ checks: 7 }), "RESULT_DIFFERS"],
  ] as const)("%s never verifies", async (_, nodes, expected) => {
    expect(await code(law, nodes)).toBe(expected);
  });

  test("a bad pointer or none never verifies", async () => {
    expect(await code({ ...law, pointer: "checks" }, file({ checks: true }))).toBe("RESULT_DIFFERS");
    expect(await code({ ...law, pointer: "/checks/x" }, file({ checks: [true] }))).toBe("RESULT_DIFFERS");
    expect(await code({ ...law, pointer: null }, file(true))).toBe("GATE_INVALID");
  });

  test("without the document having been looked for, the result is missing", () => {
    const plan = planHashLaw(gate(law), { flag: null, index: null, result: null, listing: null });
    expect(plan).toMatchObject({ kind: "verdict", verdict: { code: "RESULT_MISSING" } });
  });
});

test("ASCII order compares bytes, and astral characters come after all others", () => {
  const order = inAsciiOrder(["ab", "a/b", "a-b", "a", "B", "\u{10000}", "\uffff", "é"].map((path) => ({ path })));
  expect(order.map((file) => file.path)).toEqual(["B", "a", "a-b", "a/b", "ab", "é", "\uffff", "\u{10000}"]);
});

describe("worked examples of docs/formats/hash-gates.md", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/formats/hash-gates.md"), "utf8");
  const digestAfter = (text: string) => /`([0-9a-f]{64})`/.exec(page.slice(page.indexOf(text)))?.[1] ?? "";
  const rows = page.matchAll(/^\| `(bundle\/[^`]+)` \| `([^`]+)` \| `([0-9a-f]{64})` \|$/gm);
  const bundle = new Map([...rows].map(([, path = "", bytes = "", digest = ""]) => [path, { bytes, digest }]));
  const nodes: Record<string, Node> = Object.fromEntries([...bundle].map(([path, { bytes }]) => [path, bytes]));
  const flagged = (text: string, more: Readonly<Record<string, Node>> = {}) => tree({ ...nodes, ...more, flag: `sha256_hex = ${digestAfter(text)}\n` });
  const run = (changes: Partial<PlanHashGate>, files: HashLawFiles) => runHashLaw(gate({ root: "bundle", flag: "flag", ...changes }), files);

  test("the table's digests are those of its bytes", () => {
    expect(bundle.size).toBe(3);
    for (const { bytes, digest } of bundle.values()) expect(sha256Hex(bytes)).toBe(digest);
  });

  test("each law verifies with the digest that the page gives", async () => {
    expect(await run({}, flagged("SHA-256 of `beeaysea`"))).toMatchObject({ status: "passed" });
    const member = (path: string) => ({ path, sha256_hex: bundle.get(`bundle/${path}`)?.digest ?? "" });
    const index = JSON.stringify([member("sub/c.txt"), member("B.txt")]);
    expect(await run({ law: "sha256_member_digest_concat", index: "i" }, flagged("128 hex digits", { i: index }))).toMatchObject({ status: "passed" });
    const listed = { law: "sha256_index_json_ascii_lex_raw_bytes", index: "i" } as const;
    const files = { i: '{"files":["sub/c.txt","a.txt"]}' };
    expect(await run(listed, flagged("SHA-256 of `aysea`", files))).toMatchObject({ status: "passed", unlisted: ["bundle/B.txt"] });
    expect(await run({ ...listed, ordering: "index_order" }, flagged("of `seaay`", files))).toMatchObject({ status: "passed" });
  });

  test("the page explains every code", () => {
    for (const name of Object.keys(hashLawCodes)) expect(page).toContain(name);
  });
});

const runs = join(import.meta.dirname, "../../../shared/fixtures/engine-runs");
describe.skipIf(!existsSync(runs))("real validation bundles (skipped where ../shared/fixtures is absent)", () => {
  const bundles = existsSync(runs) ? readdirSync(runs) : [];

  test.each(bundles)("%s is judged as its name says", async (name) => {
    const base = join(runs, name);
    const paths = readdirSync(base, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(base, join(entry.parentPath, entry.name)));
    const flagPath = paths.find((path) => path.endsWith("/_passed.flag")) ?? "";
    const nodes = Object.fromEntries(paths.map((path) => [path, new Uint8Array(readFileSync(join(base, path)))]));
    const root = flagPath.slice(0, flagPath.lastIndexOf("/"));
    const verdict = await runHashLaw(gate({ root, flag: flagPath, exclude_filenames: ["_passed.flag"], digest_field: "sha256_hex" }), tree(nodes));
    expect(verdict.code).toBe(name.startsWith("pass-") ? null : "DIGEST_MISMATCH");
  });
});
