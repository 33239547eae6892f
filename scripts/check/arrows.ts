/**
 * Keeps the arrows of `layers.json`: who may import whom, which Node built-ins and packages, no cycle. Type-only imports count, because
 * a type is a dependency too. The file is parsed with oxc-parser: dependency-cruiser reads TypeScript through a compiler API that
 * TypeScript 7 no longer has.
 */
import { existsSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import path from "node:path";
import { findCycles } from "./cycles.ts";
import { type Layers, type Room, readLayers } from "./layers.ts";
import { type ImportEdge, readSources, type SourceFile } from "./source-tree.ts";

interface Declared {
  readonly production: ReadonlySet<string>;
  readonly any: ReadonlySet<string>;
}

interface Context {
  readonly root: string;
  readonly layers: Layers;
  readonly declared: Declared;
}

/** Problems as `file:line what`, empty when every arrow is allowed. */
export function checkArrows(root: string): readonly string[] {
  const context: Context = { root, layers: readLayers(root), declared: readDeclared(root) };
  const sources = readSources(root);
  const problems = sources.flatMap((source) =>
    source.imports.flatMap((edge) => checkEdge(context, source, edge).map((what) => `${source.path}:${edge.line} ${what}`)),
  );
  return [...unknownRooms(context.layers, sources), ...problems, ...cycleProblems(sources)];
}

/** Room of a file under `src/`; null for the entries that lie directly in `src/`. */
function roomOf(file: string): string | null {
  const [, room, ...rest] = file.split("/");
  return rest.length === 0 ? null : (room ?? null);
}

function unknownRooms(layers: Layers, sources: readonly SourceFile[]): readonly string[] {
  return sources.flatMap((source) => {
    const room = roomOf(source.path);
    if (room !== null && layers.rooms[room] === undefined) return [`${source.path} lies in the room "${room}", which layers.json does not have`];
    if (room === "adapters" && source.path.split("/").length < 4) return [`${source.path} belongs into the folder of its technology`];
    return room === null && source.path !== "src/index.ts" ? [`${source.path} belongs into a room`] : [];
  });
}

function checkEdge(context: Context, source: SourceFile, edge: ImportEdge): readonly string[] {
  const roomName = roomOf(source.path);
  const room = roomName === null ? null : (context.layers.rooms[roomName] ?? null);
  if (edge.specifier === null) return room?.pure === true && !source.isTest ? ["computes what it imports; a pure room names it"] : [];
  if (edge.specifier.startsWith(".")) return checkRelative(context, source, roomName, room, edge.specifier);
  if (isBuiltin(edge.specifier)) return source.isTest ? [] : checkBuiltin(source, roomName, room, edge.specifier);
  return checkPackage(context, source, roomName, room, edge.specifier);
}

function checkRelative(context: Context, source: SourceFile, roomName: string | null, room: Room | null, specifier: string): readonly string[] {
  const target = path.posix.join(path.posix.dirname(source.path), specifier);
  if (!existsSync(path.join(context.root, target))) return [`imports ${specifier}, which does not exist`];
  if (!target.startsWith("src/")) return source.isTest ? [] : [`imports ${specifier}, which lies outside src/`];
  if (source.isTest) return [];
  const targetRoom = roomOf(target);
  if (/\.(?:test|test-support)\.ts$/.test(target)) return [`imports the test file ${target}`];
  if (roomName === null) return targetRoom === "cli" || targetRoom === "testkit" ? [`is the library entry and must not import ${targetRoom}`] : [];
  if (targetRoom === null) return [`imports the library entry ${target}; import the file itself`];
  if (targetRoom === roomName)
    return roomName === "adapters" && technologyOf(source.path) !== technologyOf(target) ? [`is an adapter and imports another one: ${target}`] : [];
  return room?.imports.includes(targetRoom) === true ? [] : [`imports ${target}: the arrow ${roomName} -> ${targetRoom} is not in layers.json`];
}

function technologyOf(file: string): string {
  return file.split("/")[2] ?? "";
}

function checkBuiltin(source: SourceFile, roomName: string | null, room: Room | null, specifier: string): readonly string[] {
  const name = specifier.replace(/^node:/, "");
  if (!specifier.startsWith("node:")) return [`imports ${specifier} without node:`];
  if (room === null) return [`is the library entry and must not import ${specifier}`];
  // One file carries the one built-in of the pure rooms, so that replacing it is one change.
  if (roomName === "base" && source.path !== "src/base/digest.ts") return [`imports ${specifier}; in base only digest.ts may`];
  return room.node.includes("*") || room.node.includes(name) ? [] : [`imports ${specifier}: layers.json gives ${roomName ?? "src"} no such built-in`];
}

function checkPackage(context: Context, source: SourceFile, roomName: string | null, room: Room | null, specifier: string): readonly string[] {
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  if (source.isTest) return context.declared.any.has(name) ? [] : [`imports ${name}, which package.json does not declare`];
  if (!context.declared.production.has(name)) return [`imports ${name}, which package.json does not declare for users`];
  return room?.packages.includes(name) === true ? [] : [`imports ${name}: layers.json does not list this package for ${roomName ?? "the library entry"}`];
}

function readDeclared(root: string): Declared {
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as Readonly<Record<string, Readonly<Record<string, string>> | undefined>>;
  const names = (...members: readonly string[]): readonly string[] => members.flatMap((member) => Object.keys(manifest[member] ?? {}));
  const production = names("dependencies", "optionalDependencies", "peerDependencies");
  return { production: new Set(production), any: new Set([...production, ...names("devDependencies")]) };
}

function cycleProblems(sources: readonly SourceFile[]): readonly string[] {
  const graph = new Map<string, readonly string[]>();
  for (const source of sources) {
    const targets = source.imports.flatMap((edge) =>
      edge.specifier?.startsWith(".") === true ? [path.posix.join(path.posix.dirname(source.path), edge.specifier)] : [],
    );
    graph.set(source.path, targets);
  }
  return findCycles(graph).map((cycle) => `import cycle: ${[...cycle, cycle[0]].join(" -> ")}`);
}
