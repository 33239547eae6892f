/** Writes schemas/workflow.v1.schema.json from the schema that the check uses; with `--check`, fails when the file is stale. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { workflowJsonSchema } from "../src/graph/workflow-schema.ts";

const folder = join(import.meta.dirname, "..", "schemas");
const file = join(folder, "workflow.v1.schema.json");
const text = `${JSON.stringify(workflowJsonSchema(), null, 2)}\n`;

if (process.argv.includes("--check")) {
  if (storedText() !== text) {
    process.stderr.write("schemas/workflow.v1.schema.json is stale: run node scripts/gen-workflow-schema.ts\n");
    process.exitCode = 1;
  }
} else {
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text);
}

function storedText(): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
