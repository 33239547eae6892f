/** `contents.mjs TARBALL`: the package holds what it should and nothing else, and its command can be executed. */
import { execFileSync } from "node:child_process";
import process from "node:process";

const allowed = [/^package\/(?:dist|schemas)\/./, /^package\/(?:README\.md|LICENSE|package\.json)$/];
const forbidden = /\.test(?:-support)?\.|\/\./;
const needed = ["README.md", "LICENSE", "package.json", "dist/index.js", "dist/index.d.ts", "dist/cli/lily.js", "schemas/workflow.v1.schema.json"];

const list = (...flags) =>
  execFileSync("tar", [...flags, process.argv[2] ?? ""], { encoding: "utf8" })
    .trimEnd()
    .split("\n");
const files = list("-tzf");
const command = list("-tvzf").find((line) => line.endsWith(" package/dist/cli/lily.js")) ?? "";

const problems = [
  ...files.filter((file) => !allowed.some((pattern) => pattern.test(file)) || forbidden.test(file)).map((file) => `${file} does not belong into the package`),
  ...needed.filter((file) => !files.includes(`package/${file}`)).map((file) => `${file} is missing`),
  ...(/^-rwxr-xr-x /.test(command) ? [] : ["dist/cli/lily.js is not executable"]),
];
process.stdout.write(`${files.length} files\n`);
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
