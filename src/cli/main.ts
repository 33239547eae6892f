/**
 * The command line from argv to exit code. Owns no state; everything outside comes through the host, so that tests run it whole.
 * Commands, kernel and formats are loaded only when a command needs them.
 */
import { run } from "@stricli/core";
import { errorTable } from "../base/error-table.ts";
import type { LilyError } from "../base/lily-error.ts";
import { kernelVersion } from "../base/version.ts";
import { buildCliApplication } from "./app.ts";
import type { CliContext, CliHost, GlobalFlags } from "./cli-context.ts";
import { proposeWords } from "./complete.ts";
import { type SplitArguments, splitArguments } from "./global-flags.ts";
import { jsonText } from "./render/json-text.ts";
import { reportError } from "./report-error.ts";
import type { StricliContext } from "./stricli-context.ts";
import { joinErrors } from "./usage-error.ts";

/** Runs one command line. Never throws; resolves to the exit code of the process. */
export async function main(argv: readonly string[], host: CliHost): Promise<number> {
  if (argv[0] === "__complete") return proposeWords(argv.slice(1), host);
  let split: SplitArguments;
  try {
    split = splitArguments(argv, host.env);
  } catch (thrown) {
    return reportError(host, { workspace: null, json: argv.includes("--json"), quiet: false, noColor: argv.includes("--no-color") }, thrown);
  }
  try {
    if (split.words[0] === "--version" || split.words[0] === "-V") return writeVersion(host, split.flags);
    return await runCommand(split, host);
  } catch (thrown) {
    return reportError(host, split.flags, thrown);
  }
}

function writeVersion(host: CliHost, flags: GlobalFlags): number {
  host.stdout.write(flags.json ? jsonText({ version: kernelVersion }) : `${kernelVersion}\n`);
  return 0;
}

async function runCommand(split: SplitArguments, host: CliHost): Promise<number> {
  const usage: LilyError[] = [];
  const faults: unknown[] = [];
  const app = buildCliApplication({ usage: (error) => void usage.push(error), thrown: (value) => void faults.push(value) }, split.words);
  const cli: CliContext = { ...host, flags: split.flags, tail: split.tail };
  const help: string[] = [];
  // exitCode is set beforehand, so that stricli's own codes never reach anybody.
  const process = { stdout: { write: (text: string) => void help.push(text) }, stderr: { write: () => undefined }, exitCode: 0 };
  const context: StricliContext & { process: typeof process } = { process, cli, outcome: { exitCode: errorTable.INTERNAL_INVARIANT.exit } };
  await run(app, commandWords(split), context);
  const misuse = joinErrors(usage, commandName(split.words));
  if (misuse !== null) throw misuse;
  if (faults.length > 0) throw faults[0];
  if (help.length > 0) return writeHelp(host, split.flags, help.join(""));
  return context.outcome.exitCode;
}

/** `lily run start`: the words before the first flag, at most two; never a value. */
function commandName(words: readonly string[]): string {
  const end = words.findIndex((word) => word.startsWith("-"));
  return ["lily", ...words.slice(0, end < 0 ? 2 : Math.min(2, end))].join(" ");
}

/** `lily help run start` is `lily run start --help`. Only exec takes a tail; elsewhere what follows `--` are plain arguments. */
function commandWords(split: SplitArguments): readonly string[] {
  if (split.words[0] === "help") return [...split.words.slice(1), "--help"];
  if (split.tail === null || split.words[0] === "exec") return split.words;
  return [...split.words, "--", ...split.tail];
}

function writeHelp(host: CliHost, flags: GlobalFlags, text: string): number {
  host.stdout.write(flags.json ? jsonText({ help: text }) : text);
  return 0;
}
