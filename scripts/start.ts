/** `npm start`: runs the weather example through the built command line, then proves its record, as a newcomer would. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { weatherDataFile } from "../examples/weather/data-file.ts";
import { repoRoot } from "./run-command.ts";

const bin = path.join(repoRoot, "dist", "cli", "lily.js");
const closing = `
One gate failed first, and the run repaired it: examples/weather/README.md tells why.
  look    npx lily run show latest
  verify  npx lily record verify latest
`;

/** Runs `lily` in this terminal, as `npx lily` would: the commands that it prints can be pasted. Resolves to its exit code. */
function lily(...args: readonly string[]): Promise<number> {
  process.stdout.write(`$ npx lily ${args.join(" ")}\n`);
  const env = { ...process.env, npm_command: "exec" };
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...args], { cwd: repoRoot, env, stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 70));
  });
}

async function main(): Promise<number> {
  if (!existsSync(bin)) {
    process.stderr.write("dist/cli/lily.js is missing: run npm ci, or npm run build\n");
    return 2;
  }
  const data = path.relative(repoRoot, weatherDataFile());
  const ran = await lily("run", "start", "examples/weather/workflow.yaml", "--input", `csv=${data}`);
  if (ran !== 0) return ran;
  process.stdout.write("\n");
  const verified = await lily("record", "verify", "latest");
  if (verified === 0) process.stdout.write(closing);
  return verified;
}

process.exitCode = await main();
