import { LilyError, isLilyError } from "../base/lily-error.ts";
import { parseJson } from "../base/parse-json.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import type { ProblemView } from "../contracts/run-view.ts";
import type { KernelCore } from "./core.ts";
import type { Schemas } from "./kernel.ts";
import { baseOf, dirOf, loadConfiguration } from "./workflow-source.ts";

const documentBytesMax = 64 * 1024 * 1024;

export function schemaOperations(core: KernelCore): Schemas {
  return {
    list: async () => {
      const { registry } = await loadConfiguration(core, null);
      return registry.list().map(({ schema_id, origin, digest }) => ({ schema_id, origin, digest }));
    },
    show: async (schemaId) => (await loadConfiguration(core, null)).registry.get(schemaId).document,
    check: (schemaId, file) => (file === null ? checkVersions(core, schemaId) : checkFile(core, schemaId, file)),
  };
}

/** Every schema compiles, and no version gives readers of the one before it something they refuse. */
async function checkVersions(core: KernelCore, schemaId: string | null): Promise<readonly ProblemView[]> {
  const { registry, file } = await loadConfiguration(core, null);
  if (schemaId !== null) registry.get(schemaId);
  const problems: ProblemView[] = [];
  for (const schema of registry.list()) {
    if (schemaId !== null && schema.schema_id !== schemaId) continue;
    try {
      await registry.compile(schema.schema_id);
    } catch (thrown) {
      if (!isLilyError(thrown)) throw thrown;
      problems.push(problemOf(thrown.code, thrown.message, file, null));
    }
  }
  for (const { schema_id, previous, path, message } of registry.versionProblems()) {
    if (schemaId === null || schema_id === schemaId)
      problems.push(problemOf("SCHEMA_INCOMPATIBLE", `${schema_id} breaks readers of ${previous}: ${message}`, file, path));
  }
  return problems;
}

async function checkFile(core: KernelCore, schemaId: string | null, file: string): Promise<readonly ProblemView[]> {
  if (schemaId === null) throw new LilyError("USAGE_INVALID", "name the schema that the file is checked against");
  const { registry } = await loadConfiguration(core, null);
  const tree = await core.parts.trees.openTree(dirOf(file));
  const value = parseJson(await tree.read(parseRelativePath(baseOf(file)), documentBytesMax));
  const problems = await registry.validate(schemaId, value);
  return problems.map(({ path, message }) => problemOf("SCHEMA_MISMATCH", message, file, path));
}

function problemOf(code: string, message: string, file: string | null, path: string | null): ProblemView {
  return { code, message, file, line: null, column: null, path, suggestion: null };
}
