import { existsSync } from "node:fs";
import path from "node:path";
import { runCommand } from "../run-command.ts";
import { heading, type Page } from "./page.ts";

/** `docs/reference/cli.md`: the help of every command, as the command itself prints it. Null while there is no command line. */
export function cliPage(root: string): Page | null {
  const bin = path.join(root, "src", "cli", "lily.ts");
  if (!existsSync(bin)) return null;
  return {
    path: "docs/reference/cli.md",
    async render() {
      const sections = await describe(bin, []);
      return [heading("Command line", "the help texts of src/cli"), ...sections].join("\n");
    },
  };
}

async function describe(bin: string, words: readonly string[]): Promise<readonly string[]> {
  const help = await runCommand(["node", bin, ...words, "--help"], { env: { COLUMNS: "100" } });
  if (help.code !== 0) throw new Error(`lily ${words.join(" ")} --help ended with ${help.code}: ${help.output}`);
  const section = `## lily${words.map((word) => ` ${word}`).join("")}\n\n\`\`\`text\n${ownHelp(help.stdout, words)}\n\`\`\`\n`;
  const inner = await Promise.all(commandNames(help.stdout).map((name) => describe(bin, [...words, name])));
  return [section, ...inner.flat()];
}

/** The global flags stand once, on the first page. */
function ownHelp(help: string, words: readonly string[]): string {
  const end = words.length === 0 ? -1 : help.indexOf("\nGLOBAL FLAGS");
  return (end === -1 ? help : help.slice(0, end)).trimEnd();
}

/** Names under the heading COMMANDS of a help text, each once. */
function commandNames(help: string): readonly string[] {
  const lines = help.split("\n");
  const start = lines.findIndex((line) => line.trim() === "COMMANDS");
  if (start === -1) return [];
  const names: string[] = [];
  for (const line of lines.slice(start + 1)) {
    const name = /^ {2}([a-z][a-z-]*)\b/.exec(line)?.[1];
    if (line.trim() === "") break;
    if (name !== undefined) names.push(name);
  }
  return [...new Set(names)];
}
