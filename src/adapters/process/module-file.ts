/** Finds the module in a file that still has the bytes which the plan bound. */
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { type Digest, digestBytes, hexOf } from "../../base/digest.ts";
import { LilyError, messageOf } from "../../base/lily-error.ts";
import { isModuleDefinition, type ModuleDefinition } from "../../ports/module-definition.ts";

/** Throws MODULE_NOT_FOUND when the file cannot be read, WORKFLOW_DRIFT when it has other bytes. */
export async function checkModuleFile(name: string, path: string, digest: Digest): Promise<void> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new LilyError("MODULE_NOT_FOUND", `module ${name}: ${path} cannot be read: ${messageOf(cause)}`, { details: { module: name, path }, cause });
  });
  const seen = digestBytes(bytes);
  if (seen === digest) return;
  throw new LilyError("WORKFLOW_DRIFT", `module ${name}: ${path} changed after planning; plan again`, {
    details: { module: name, path, expected: digest, seen },
  });
}

/** Says what to do about a package that the module imports and that is not installed where it lies. */
export function withPackageAdvice(message: string): string {
  const missing = /Cannot find package '([^']+)'/.exec(message)?.[1];
  return missing === undefined ? message : `${message}. Install it beside the module: npm install ${missing} in its folder or in one above it`;
}

/** Imports the file, which runs its top level, and returns its one module. Throws MODULE_INVALID. */
export async function importModule(name: string, path: string, digest: Digest): Promise<ModuleDefinition> {
  const url = pathToFileURL(path);
  // Other bytes are another module: the loader caches by URL.
  url.searchParams.set("digest", hexOf(digest));
  const details = { module: name, path };
  const exports: unknown = await import(/* @vite-ignore */ url.href).catch((cause: unknown) => {
    throw new LilyError("MODULE_INVALID", `module ${name}: ${path} cannot be loaded: ${withPackageAdvice(messageOf(cause))}`, { details, cause });
  });
  const found = new Set(Object.values(exports as object).filter(isModuleDefinition));
  const [definition] = found;
  if (definition !== undefined && found.size === 1) return definition;
  const why = found.size === 0 ? "exports nothing made by defineModule" : `exports ${found.size} modules; keep one a file`;
  throw new LilyError("MODULE_INVALID", `module ${name}: ${path} ${why}`, { details });
}
