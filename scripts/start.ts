/** `npm start`: runs the weather example through the built command line, then proves its record, as a newcomer would. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { repoRoot } from "./run-command.ts";

const bin = path.join(repoRoot, "dist", "cli", "lily.js");
const workflow = "examples/weather/workflow.yaml";

/** Runs `lily` with this terminal; resolves to its exit code. */
function lily(...args: readonly string[]): Promise<number> {
  console.log(`$ lily ${args.join(" ")}`);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...args], { cwd: repoRoot, stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 70));
  });
}

async function main(): Promise<number> {
  if (!existsSync(bin)) {
    console.error("dist/cli/lily.js is missing: run npm ci, or npm run build");
    return 2;
  }
  const ran = await lily("run", "start", workflow);
  if (ran !== 0) return ran;
  console.log("");
  return lily("record", "verify", "latest");
}

process.exitCode = await main();
