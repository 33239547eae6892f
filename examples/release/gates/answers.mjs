/** `answers.mjs TARBALL`: unpacked in an empty folder, without any other package, the command names the version of its package. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";

const folder = mkdtempSync(path.join(tmpdir(), "lily-release-"));
try {
  execFileSync("tar", ["-xzf", process.argv[2] ?? "", "-C", folder]);
  const { version } = JSON.parse(readFileSync(path.join(folder, "package", "package.json"), "utf8"));
  const answer = execFileSync(process.execPath, [path.join(folder, "package", "dist", "cli", "lily.js"), "--version"], {
    cwd: folder,
    encoding: "utf8",
  }).trim();
  process.stdout.write(`package ${version}, command ${answer}\n`);
  process.exitCode = answer === version ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
