/**
 * S2: rollback is guidance, and audit only reads. What is proven, over every import of `src/`, static, re-exported, dynamic or of a type:
 *
 * 1. No file that `src/audit/` reaches by imports that exist at run time lies in `runtime/`, `kernel/`, `adapters/`, `presets/`, `cli/` or
 *    `testkit/`, is the ledger's writer or the artifact store, or imports a Node built-in other than the hash in `base/digest.ts`. So there
 *    is no code in reach that could start a process, load a module, write a file or an object, or append an event.
 * 2. The kernel's auditing files reach the same, and beside it only `audit-reader.ts`, which alone is given the kernel. None of them calls a
 *    method by which a process is started, a module loaded, or anything stored, appended or written.
 * 3. The auditing commands reach the kernel through its types alone, and call none of its operations but `kernel.audit` and those that read.
 *    The only file that one of them writes is its own output, by one call.
 *
 * What is not proven: that opening a kernel changes nothing. It may finish writing what was acknowledged, bring the index up to date, and make
 * a workspace where there is none. `run reproduce` runs steps, and is not among these files.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseSync, Visitor } from "oxc-parser";
import { describe, expect, it } from "vitest";
import { isTestPath, listFiles } from "../../scripts/check/source-tree.ts";

const root = path.join(import.meta.dirname, "../..");

type Read = (file: string) => string;
const readSource: Read = (file) => readFileSync(path.join(root, file), "utf8");

/** What a file imports at run time: types are gone by then. Null for a name that is computed. */
function runtimeImports(file: string, text: string): readonly (string | null)[] {
  const found: (string | null)[] = [];
  const visitor = new Visitor({
    ImportDeclaration: (node) => {
      const isType =
        node.importKind === "type" ||
        (node.specifiers.length > 0 && node.specifiers.every((one) => one.type === "ImportSpecifier" && one.importKind === "type"));
      if (!isType) found.push(node.source.value);
    },
    ExportAllDeclaration: (node) => void (node.exportKind === "type" ? null : found.push(node.source.value)),
    ExportNamedDeclaration: (node) => void (node.source === null || node.exportKind === "type" ? null : found.push(node.source.value)),
    ImportExpression: (node) => void found.push(node.source.type === "Literal" && typeof node.source.value === "string" ? node.source.value : null),
    CallExpression: (node) => {
      if (node.callee.type === "Identifier" && node.callee.name === "require") found.push(null);
    },
  });
  visitor.visit(parseSync(file, text).program);
  return found;
}

interface Reach {
  /** Files of `src/`, with the path of imports that leads there. */
  readonly files: ReadonlyMap<string, readonly string[]>;
  /** `file imports name`, for everything outside of `src/`. */
  readonly outside: readonly string[];
}

/** `stop` names files whose own imports are looked at elsewhere. */
function reachOf(entries: readonly string[], read: Read, stop: ReadonlySet<string> = new Set()): Reach {
  const files = new Map<string, readonly string[]>(entries.map((entry) => [entry, [entry]]));
  const outside: string[] = [];
  const open = [...entries];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (stop.has(file) && !entries.includes(file)) continue;
    for (const name of runtimeImports(file, read(file))) {
      if (name === null || !name.startsWith(".")) {
        outside.push(`${file} imports ${name ?? "what it computes"}`);
        continue;
      }
      const target = path.posix.join(path.posix.dirname(file), name);
      if (files.has(target)) continue;
      files.set(target, [...(files.get(file) ?? []), target]);
      open.push(target);
    }
  }
  return { files, outside };
}

/** Names of members that a file calls, as `store.put()` calls `put`. */
function calledMembers(file: string, text: string): readonly string[] {
  const found: string[] = [];
  const visitor = new Visitor({
    CallExpression: ({ callee }) => {
      if (callee.type === "MemberExpression") found.push(callee.property.type === "Identifier" && !callee.computed ? callee.property.name : "[computed]");
    },
  });
  visitor.visit(parseSync(file, text).program);
  return found;
}

const actingRooms = ["runtime", "kernel", "adapters", "presets", "cli", "testkit"];
/** The ledger writes and the artifact store puts; what else lies in their rooms computes. */
const actingFiles = [
  "src/ledger/ledger.ts",
  "src/ledger/stream-writer.ts",
  "src/ledger/workspace-writer.ts",
  "src/ledger/commit-queue.ts",
  "src/artifacts/artifact-store.ts",
];
const acts = (file: string): boolean => actingRooms.some((room) => file.startsWith(`src/${room}/`)) || actingFiles.includes(file);
/** Members by which something is started, stored, appended or written, on any port or store of Lily. */
const actingMembers = new Set([
  ...["start", "startStep", "startGate", "exec", "resume", "rerun", "cancel", "fork", "load", "loadIsolated", "endLeftovers"],
  ...["put", "putSource", "prepareJson", "prepareSmallJson", "prepareText", "prepareSource", "append", "appendWorkspace", "commit", "write", "writeFile"],
  ...["remove", "rename", "unlink", "mkdir", "truncate", "take", "giveBack", "sign", "checkpoint", "replace", "rebuildIndex", "acceptRollback"],
]);

function auditFiles(): readonly string[] {
  return listFiles(root, "src/audit", (name) => name.endsWith(".ts")).filter((file) => !isTestPath(file));
}

const auditKernel = ["audit-operations", "diff-runs", "export-run", "report-run"]
  .map((name) => `src/kernel/${name}.ts`)
  .filter((file) => existsSync(path.join(root, file)));
const reader = "src/kernel/audit-reader.ts";
const auditCommands = ["rollback-plan", "rollback-confirm", "run-summary", "run-irreversible", "run-diff", "run-export", "run-report"]
  .map((name) => `src/cli/commands/${name}.ts`)
  .filter((file) => existsSync(path.join(root, file)));

function auditProblems(read: Read): readonly string[] {
  const { files, outside } = reachOf(auditFiles(), read);
  return [
    ...[...files].flatMap(([file, route]) => (acts(file) ? [`audit reaches ${file}: ${route.join(" -> ")}`] : [])),
    ...outside.filter(
      (what) => what !== "src/base/digest.ts imports node:crypto" && !/ imports (?:zod|ajv|ajv\/dist\/2020\.js|yaml|semver|@dagrejs\/dagre)$/.test(what),
    ),
  ];
}

function kernelProblems(read: Read): readonly string[] {
  const { files } = reachOf(auditKernel, read, new Set([reader]));
  return [
    ...[...files].flatMap(([file, route]) =>
      acts(file) && !auditKernel.includes(file) && file !== reader ? [`${route.join(" -> ")} reaches code that acts`] : [],
    ),
    ...[...auditKernel, reader].flatMap((file) =>
      calledMembers(file, read(file)).flatMap((name) => (actingMembers.has(name) ? [`${file} calls ${name}`] : [])),
    ),
  ];
}

const readingOperations = ["audit", "workspaceDir", "workspaceId", "provenance", "records", "artifacts", "runs", "report"];
const readingMembers = new Set(["show", "list", "logs", "checkedLogs", "get", "lines", "verify"]);
/** What a command may take of Node: paths, and the one call that writes the file it was told to. */
const nodeNames = new Set(["node:path *", "node:fs realpathSync", "node:fs/promises writeFile"]);

function commandProblems(read: Read): readonly string[] {
  return auditCommands.flatMap((file) => [...kernelUses(file, read(file)), ...worldUses(file, read(file))]);
}

/** Uses of a kernel that are not known to read. */
function kernelUses(file: string, text: string): readonly string[] {
  const found: string[] = [];
  new Visitor({
    MemberExpression: ({ object, property }) => {
      if (property.type !== "Identifier") return;
      if (object.type === "Identifier" && object.name === "kernel" && !readingOperations.includes(property.name))
        found.push(`${file} uses kernel.${property.name}`);
      if (object.type !== "MemberExpression" || object.object.type !== "Identifier" || object.object.name !== "kernel") return;
      if (object.property.type !== "Identifier" || object.property.name === "audit" || readingMembers.has(property.name)) return;
      found.push(`${file} calls kernel.${object.property.name}.${property.name}`);
    },
  }).visit(parseSync(file, text).program);
  // Handed on or taken apart, a kernel could be used where nobody looks.
  if ((text.replaceAll(/^import .*$/gm, "").match(/\bkernel\b(?!\.)/g) ?? []).length > 1) found.push(`${file} hands the kernel on`);
  return found;
}

/** Imports by which a command could act by itself, and more than one write. */
function worldUses(file: string, text: string): readonly string[] {
  const found: string[] = [];
  let writes = 0;
  new Visitor({
    ImportDeclaration: (node) => {
      const name = node.source.value;
      if (node.importKind !== "type" && /\/(?:kernel|presets|adapters|runtime)\//.test(name)) found.push(`${file} imports ${name}`);
      if (!name.startsWith("node:")) return;
      for (const one of node.specifiers) {
        const imported = one.type === "ImportSpecifier" && one.imported.type === "Identifier" ? one.imported.name : "*";
        if (!nodeNames.has(`${name} *`) && !nodeNames.has(`${name} ${imported}`)) found.push(`${file} imports ${imported} of ${name}`);
      }
    },
    ImportExpression: () => void found.push(`${file} imports what it computes`),
    CallExpression: ({ callee }) => {
      if (callee.type === "Identifier" && callee.name === "writeFile") writes++;
    },
  }).visit(parseSync(file, text).program);
  return writes > 1 ? [...found, `${file} writes ${writes} files`] : found;
}

/** The sources with one file changed: what a careless edit would be. */
function planted(file: string, change: (text: string) => string): Read {
  return (name) => (name === file ? change(readSource(name)) : readSource(name));
}

describe("audit", () => {
  it("S2: reaches no code that starts, loads, stores, appends or writes", () => {
    expect(auditFiles().length).toBeGreaterThan(15);
    expect(auditProblems(readSource)).toEqual([]);
  });

  it("S2: the kernel's auditing files reach no more, and call nothing that acts", () => {
    expect(auditKernel).toContain("src/kernel/audit-operations.ts");
    expect(kernelProblems(readSource)).toEqual([]);
  });

  it("S2: the auditing commands only read, and write the one file they are told to", () => {
    expect(auditCommands).toContain("src/cli/commands/rollback-confirm.ts");
    expect(commandProblems(readSource)).toEqual([]);
  });

  it.each([
    ["the runner", "../runtime/performer.ts", "RunPerformer"],
    ["the kernel's parts", "../kernel/core.ts", "KernelCore"],
    ["the ledger", "../ledger/ledger.ts", "openLedger"],
    ["the artifact store", "../artifacts/artifact-store.ts", "createArtifactStore"],
    ["an adapter", "../adapters/process/process-runner.ts", "processRunner"],
  ])("S2: an import of %s would be found", (_what, specifier, name) => {
    const file = "src/audit/rollback-planner.ts";
    for (const line of [`import { ${name} } from "${specifier}";`, `export { ${name} } from "${specifier}";`, `void import("${specifier}");`]) {
      expect(auditProblems(planted(file, (text) => `${line}\n${text}`)).join("\n")).toContain(`audit reaches src/${specifier.slice(3)}: ${file} ->`);
    }
    expect(auditProblems(planted(file, (text) => `import type { ${name} } from "${specifier}";\n${text}`))).toEqual([]);
  });

  it("S2: a built-in, a computed import and a require would be found", () => {
    const file = "src/audit/confirm-rollback.ts";
    for (const line of ['import { spawn } from "node:child_process";', "void import(name);", 'const fs = require("node:fs");'])
      expect(auditProblems(planted(file, (text) => `${line}\n${text}`))).toHaveLength(1);
  });

  it("S2: an act of a kernel's auditing file or of a command would be found", () => {
    const operations = planted("src/kernel/audit-operations.ts", (text) => `import { openLedger } from "../ledger/ledger.ts";\n${text}`);
    expect(kernelProblems(operations)).toContainEqual(expect.stringContaining("src/ledger/ledger.ts reaches code that acts"));
    expect(kernelProblems(planted(reader, (text) => `${text}\nstore.putSource(x);`))).toEqual([`${reader} calls putSource`]);
    const command = "src/cli/commands/rollback-confirm.ts";
    expect(commandProblems(planted(command, (text) => `${text}\nkernel.runs.start(x); kernel.rebuildIndex();`))).toEqual([
      `${command} calls kernel.runs.start`,
      `${command} uses kernel.rebuildIndex`,
    ]);
    expect(commandProblems(planted(command, (text) => `import { rm } from "node:fs/promises";\n${text}`))).toEqual([
      `${command} imports rm of node:fs/promises`,
    ]);
    expect(commandProblems(planted(command, (text) => `${text}\nconst { runs } = kernel;`))).toEqual([`${command} hands the kernel on`]);
    expect(commandProblems(planted(command, (text) => `import { exec } from "node:child_process";\n${text}`))).toEqual([
      `${command} imports exec of node:child_process`,
    ]);
  });
});
