import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseSync, Visitor } from "oxc-parser";

/** One import, re-export, dynamic import or import type of a file. */
export interface ImportEdge {
  readonly line: number;
  /** Null when a dynamic import is computed. */
  readonly specifier: string | null;
}

export interface SourceFile {
  /** Relative to the root, with `/`. */
  readonly path: string;
  readonly isTest: boolean;
  readonly imports: readonly ImportEdge[];
}

/** Files under a folder of the root, sorted, relative to the root; nothing when the folder is absent. */
export function listFiles(root: string, folder: string, wanted: (name: string) => boolean): readonly string[] {
  let entries: import("node:fs").Dirent[];
  try {
    entries = readdirSync(path.join(root, folder), { withFileTypes: true, recursive: true });
  } catch {
    return [];
  }
  return entries
    .filter((entry) => entry.isFile() && wanted(entry.name))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))
    .filter((file) => !file.split("/").includes("node_modules"))
    .sort();
}

/** Test code may import what production code may not. */
export function isTestPath(file: string): boolean {
  return /\.(?:test|prop\.test|fault\.test|test-support)\.ts$/.test(file);
}

/** Every way a module can name another: static, re-export, dynamic, import type and require. */
export function importsOf(file: string, text: string): readonly ImportEdge[] {
  const parsed = parseSync(file, text);
  if (parsed.errors.length > 0) throw new Error(`${file} does not parse: ${parsed.errors[0]?.message ?? ""}`);
  const edges: ImportEdge[] = [];
  const add = (specifier: string | null, start: number): void => {
    edges.push({ line: text.slice(0, start).split("\n").length, specifier });
  };
  const visitor = new Visitor({
    ImportDeclaration: (node) => add(node.source.value, node.start),
    ExportAllDeclaration: (node) => add(node.source.value, node.start),
    ExportNamedDeclaration: (node) => {
      if (node.source !== null) add(node.source.value, node.start);
    },
    ImportExpression: (node) => add(node.source.type === "Literal" && typeof node.source.value === "string" ? node.source.value : null, node.start),
    TSImportType: (node) => add(node.source.value, node.start),
    TSExternalModuleReference: (node) => add(node.expression.value, node.start),
  });
  visitor.visit(parsed.program);
  return edges;
}

/** Reads every TypeScript file of `src/`. */
export function readSources(root: string): readonly SourceFile[] {
  return listFiles(root, "src", (name) => name.endsWith(".ts")).map((file) => ({
    path: file,
    isTest: isTestPath(file),
    imports: importsOf(file, readFileSync(path.join(root, file), "utf8")),
  }));
}
