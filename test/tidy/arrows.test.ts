import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkArrows } from "../../scripts/check/arrows.ts";
import { type Layers, readLayers } from "../../scripts/check/layers.ts";

const repoRoot = path.resolve(import.meta.dirname, "../..");
const layers: Layers = readLayers(repoRoot);
const roomNames = Object.keys(layers.rooms);
let bed = "";

beforeAll(() => {
  bed = mkdtempSync(path.join(os.tmpdir(), "lily-arrows-"));
  cpSync(path.join(repoRoot, "layers.json"), path.join(bed, "layers.json"));
  cpSync(path.join(repoRoot, "package.json"), path.join(bed, "package.json"));
});
afterAll(() => rmSync(bed, { recursive: true, force: true }));

/** A file of a room; adapters lie in the folder of a technology. */
function fileIn(room: string, name: string): string {
  return room === "adapters" ? `src/adapters/one/${name}` : `src/${room}/${name}`;
}

/** Problems of a tree that holds exactly these files. */
function problemsOf(files: Readonly<Record<string, string>>): readonly string[] {
  rmSync(path.join(bed, "src"), { recursive: true, force: true });
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(bed, file)), { recursive: true });
    writeFileSync(path.join(bed, file), text);
  }
  return checkArrows(bed);
}

function relative(from: string, to: string): string {
  const text = path.posix.relative(path.posix.dirname(from), to);
  return text.startsWith(".") ? text : `./${text}`;
}

function plant(from: string, to: string, statement: (specifier: string) => string): readonly string[] {
  const source = fileIn(from, "source.ts");
  const target = fileIn(to, "target.ts");
  return problemsOf({
    [source]: statement(relative(source, target)),
    [target]: "export interface Target { readonly a: 1 }\nexport const target = 1;\n",
  });
}

const pairs = roomNames.flatMap((from) => roomNames.filter((to) => to !== from).map((to) => ({ from, to })));
const forbidden = pairs.filter(({ from, to }) => layers.rooms[from]?.imports.includes(to) !== true);
const allowed = pairs.filter(({ from, to }) => layers.rooms[from]?.imports.includes(to) === true);

const statements: Readonly<Record<string, (specifier: string) => string>> = {
  "a type-only import": (specifier) => `import type { Target } from "${specifier}";\nexport type Again = Target;\n`,
  "an inline import type": (specifier) => `export type Again = import("${specifier}").Target;\n`,
  "a re-export": (specifier) => `export { target } from "${specifier}";\n`,
  "a dynamic import": (specifier) => `export const again = async () => import("${specifier}");\n`,
};

describe("arrows", () => {
  test("the table has no cycle, so that some pairs are forbidden", () => {
    expect(forbidden.length).toBeGreaterThan(allowed.length);
  });

  test.each(Object.keys(statements))("every forbidden pair of rooms is caught as %s", (name) => {
    const statement = statements[name] ?? String;
    const slipped = forbidden.filter(
      ({ from, to }) => !plant(from, to, statement).some((problem) => problem.includes(`the arrow ${from} -> ${to} is not in layers.json`)),
    );
    expect(slipped).toEqual([]);
  });

  test("every allowed pair of rooms passes", () => {
    const refused = allowed.flatMap(({ from, to }) => plant(from, to, (specifier) => `export { target } from "${specifier}";\n`));
    expect(refused).toEqual([]);
  });

  test("a Node built-in in a pure room is caught, with and without the prefix", () => {
    const slipped = roomNames
      .filter((room) => layers.rooms[room]?.pure === true)
      .flatMap((room) => ["node:fs", "fs", "node:timers/promises"].map((name) => ({ room, name })))
      .filter(({ room, name }) => problemsOf({ [fileIn(room, "a.ts")]: `import type {} from "${name}";\n` }).length === 0);
    expect(slipped).toEqual([]);
  });

  test("node:crypto is caught in base outside digest.ts", () => {
    const text = `export { hash } from "node:crypto";\n`;
    expect(problemsOf({ "src/base/digest.ts": text })).toEqual([]);
    expect(problemsOf({ "src/base/brand.ts": text })).toEqual(["src/base/brand.ts:1 imports node:crypto; in base only digest.ts may"]);
  });

  test("an undeclared package is caught in every room", () => {
    const slipped = roomNames.filter((room) => problemsOf({ [fileIn(room, "a.ts")]: `import "left-pad";\n` }).length === 0);
    expect(slipped).toEqual([]);
  });

  test("a declared package is caught in a room whose row does not list it", () => {
    const slipped = roomNames
      .filter((room) => layers.rooms[room]?.packages.includes("yaml") !== true)
      .filter((room) => problemsOf({ [fileIn(room, "a.ts")]: `import type { Document } from "yaml";\nexport type A = Document;\n` }).length === 0);
    expect(slipped).toEqual([]);
  });

  test("a package for development only is caught in production code, and allowed in tests", () => {
    expect(problemsOf({ "src/ledger/a.ts": `import "rolldown";\n` })).toHaveLength(1);
    expect(problemsOf({ "src/ledger/a.test.ts": `import "rolldown";\n` })).toEqual([]);
  });

  test("an adapter that imports another adapter is caught", () => {
    const problems = problemsOf({ "src/adapters/one/a.ts": `export * from "../two/b.ts";\n`, "src/adapters/two/b.ts": "export const b = 1;\n" });
    expect(problems).toEqual(["src/adapters/one/a.ts:1 is an adapter and imports another one: src/adapters/two/b.ts"]);
  });

  test("an import cycle is caught, also of types alone", () => {
    const problems = problemsOf({
      "src/base/a.ts": `import type { B } from "./b.ts";\nexport type A = B;\n`,
      "src/base/b.ts": `import type { C } from "./c.ts";\nexport type B = C;\n`,
      "src/base/c.ts": `import type { A } from "./a.ts";\nexport type C = A;\n`,
    });
    expect(problems).toEqual(["import cycle: src/base/a.ts -> src/base/b.ts -> src/base/c.ts -> src/base/a.ts"]);
  });

  test("a room that the table does not have, a file outside of rooms and a missing target are caught", () => {
    expect(problemsOf({ "src/utils/a.ts": "export const a = 1;\n" })).toHaveLength(1);
    expect(problemsOf({ "src/loose.ts": "export const a = 1;\n" })).toHaveLength(1);
    expect(problemsOf({ "src/base/a.ts": `export * from "./gone.ts";\n` })).toHaveLength(1);
  });

  test("production code that imports a test, the public entry or something outside src is caught", () => {
    const test = { "src/base/a.test.ts": "export const a = 1;\n", "src/index.ts": "export {};\n" };
    expect(problemsOf({ ...test, "src/base/b.ts": `export * from "./a.test.ts";\n` })).toHaveLength(1);
    expect(problemsOf({ ...test, "src/base/b.ts": `export * from "../index.ts";\n` })).toHaveLength(1);
    expect(problemsOf({ ...test, "src/base/b.ts": `export * from "../../package.json";\n` })).toHaveLength(1);
  });

  test("a computed import is caught in pure rooms only", () => {
    const text = "export const load = async (name: string) => import(name);\n";
    expect(problemsOf({ "src/graph/a.ts": text })).toHaveLength(1);
    expect(problemsOf({ "src/adapters/one/a.ts": text })).toEqual([]);
  });
});
