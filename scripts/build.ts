/**
 * Builds `dist/`: the library as plain modules with declarations (tsc), and the command line as one entry with lazy chunks (rolldown).
 * A command should not pay for what it does not use, so heavy packages stay in chunks of their own, read when first needed.
 */
import { chmod, lstat, mkdir, readFile, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { rolldown } from "rolldown";
import { listFiles } from "./check/source-tree.ts";
import { repoRoot, runCommand } from "./run-command.ts";

const dist = path.join(repoRoot, "dist");
/** Built here and then moved, so that a build that fails leaves the last good one in place. */
const staging = path.join(repoRoot, "node_modules", ".cache", "lily-build");
/** Says from which inputs `dist/` was built. */
const stamp = path.join(repoRoot, "node_modules", ".cache", "lily-build.sha256");
const cliEntry = path.join(repoRoot, "src", "cli", "lily.ts");

/** What the shell starts. Old syntax and one import only, so that an old Node gets a sentence and not a stack trace. */
const launcher = `#!/usr/bin/env node
import module from "node:module";

var major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  process.stderr.write("lily needs Node 24 or newer; this is Node " + process.versions.node + ". Try: npx -p node@24 -p lily-kernel lily\\n");
  process.exitCode = 2;
} else {
  module.enableCompileCache();
  await import("./main.js");
}
`;

async function buildLibrary(): Promise<void> {
  const result = await runCommand(["tsc", "-p", "tsconfig.build.json", "--outDir", staging]);
  if (result.code !== 0) throw new Error(`the library does not compile:\n${result.output}`);
}

async function buildCli(): Promise<void> {
  if (!existsSync(cliEntry)) throw new Error("src/cli/lily.ts is missing: there is no command line to build");
  const bundle = await rolldown({
    input: { main: cliEntry },
    cwd: repoRoot,
    platform: "node",
    external: [/^node:/],
    treeshake: true,
    onLog(level, log) {
      if (level === "warn") throw new Error(`rolldown: ${log.message}`);
    },
  });
  await bundle.write({
    dir: path.join(staging, "cli"),
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name]-[hash].js",
    minify: false,
    sourcemap: false,
  });
  await bundle.close();
  const bin = path.join(staging, "cli", "lily.js");
  await writeFile(bin, launcher);
  await chmod(bin, 0o755);
}

/** npm links the commands of dependencies but not the package's own; with the link, npm scripts of the checkout can call `lily`. */
async function linkOwnCommand(): Promise<void> {
  const folder = path.join(repoRoot, "node_modules", ".bin");
  if (process.platform === "win32" || !existsSync(folder)) return;
  const link = path.join(folder, "lily");
  const target = path.join("..", "..", "dist", "cli", "lily.js");
  const seen = await lstat(link).catch(() => null);
  if (seen?.isSymbolicLink() === true && (await readlink(link)) === target) return;
  await rm(link, { force: true });
  await symlink(target, link);
}

/** Digest of everything that the build reads. */
async function inputsDigest(): Promise<string> {
  const hash = createHash("sha256");
  const settings = ["package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json", "scripts/build.ts"];
  for (const file of [...settings, ...listFiles(repoRoot, "src", (name) => name.endsWith(".ts"))]) {
    const bytes = await readFile(path.join(repoRoot, file));
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
}

/** npx builds a checkout once more before it runs its command; replacing equal files under a running command would only do harm. */
async function upToDate(digest: string): Promise<boolean> {
  const built = await readFile(stamp, "utf8").catch(() => "");
  return built === digest && existsSync(path.join(dist, "index.js")) && existsSync(path.join(dist, "cli", "lily.js"));
}

async function build(): Promise<void> {
  const digest = await inputsDigest();
  if (await upToDate(digest)) return;
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true });
  await Promise.all([buildLibrary(), buildCli()]);
  await rm(dist, { recursive: true, force: true });
  await rename(staging, dist);
  await writeFile(stamp, digest);
}

try {
  await build();
  await linkOwnCommand();
} catch (error) {
  process.stderr.write(`build failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
