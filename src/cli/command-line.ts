import type { CliContext } from "./cli-context.ts";
import { shellQuote } from "./shell-quote.ts";

/** A command that people can copy: called as this process was, with --workspace when the workspace was named. */
export function commandLine(cli: Pick<CliContext, "env" | "flags">, ...words: readonly string[]): string {
  const program = cli.env["npm_command"] === "exec" ? ["npx", "lily"] : ["lily"];
  const workspace = cli.flags.workspace === null ? [] : ["--workspace", cli.flags.workspace];
  return [...program, ...words, ...workspace].map(shellQuote).join(" ");
}
