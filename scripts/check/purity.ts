import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { runCommand } from "../run-command.ts";
import { readLayers } from "./layers.ts";

/**
 * What a pure room may use beyond the language: values that any JavaScript host has and that read nothing from the outside. Everything
 * else (process, Buffer, timers, console, fetch) is then an unknown name for the compiler.
 */
const hostDeclarations = `
interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}
declare var AbortSignal: { any(signals: Iterable<AbortSignal>): AbortSignal; abort(reason?: unknown): AbortSignal };
interface AbortController { readonly signal: AbortSignal; abort(reason?: unknown): void }
declare var AbortController: { new (): AbortController };
interface TextEncoder { encode(text?: string): Uint8Array<ArrayBuffer>; encodeInto(text: string, into: Uint8Array): { read: number; written: number } }
declare var TextEncoder: { new (): TextEncoder };
interface TextDecoder { decode(bytes?: Uint8Array, options?: { stream?: boolean }): string }
declare var TextDecoder: { new (label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean }): TextDecoder };
declare function structuredClone<T>(value: T): T;
`;

/** The one built-in that one file may name. */
const cryptoDeclarations = `
declare module "node:crypto" {
  interface Hash { update(data: Uint8Array | string): Hash; digest(): Uint8Array<ArrayBuffer>; digest(encoding: "hex"): string }
  export function createHash(algorithm: string): Hash;
  export function hash(algorithm: string, data: Uint8Array | string, encoding: "hex"): string;
  export function hash(algorithm: string, data: Uint8Array | string, encoding: "buffer"): Uint8Array<ArrayBuffer>;
}
`;

/** Compiles the pure rooms without Node's types: a use of the outside world is then a type error. Returns the compiler's problems. */
export async function checkPurity(root: string): Promise<readonly string[]> {
  const folder = path.join(root, "node_modules", ".cache", "lily-purity");
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, "host.d.ts"), hostDeclarations + cryptoDeclarations);
  const pure = Object.entries(readLayers(root).rooms).filter(([, room]) => room.pure);
  const config = {
    extends: path.join(root, "tsconfig.json"),
    compilerOptions: { types: [], lib: ["es2024"] },
    include: ["host.d.ts", ...pure.map(([name]) => path.join(root, "src", name))],
    exclude: pure.flatMap(([name]) => [path.join(root, "src", name, "**/*.test.ts"), path.join(root, "src", name, "**/*.test-support.ts")]),
  };
  const file = path.join(folder, "tsconfig.json");
  await writeFile(file, JSON.stringify(config, null, 2));
  const result = await runCommand(["tsc", "--noEmit", "-p", file], { cwd: root });
  return result.code === 0 ? [] : result.output.trim().split("\n");
}
