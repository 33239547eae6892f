import { proposeCompletions } from "@stricli/core";
import { buildCliApplication } from "./app.ts";
import type { CliHost } from "./cli-context.ts";
import type { StricliContext } from "./stricli-context.ts";

const globalWords = ["--workspace", "--json", "--quiet", "--no-color"];

/** Writes what may follow the given words, one a line with what it is; the last word is the one being typed. Shell scripts call this. */
export async function proposeWords(words: readonly string[], host: CliHost): Promise<number> {
  const ignore = { write: () => undefined };
  const process = { stdout: ignore, stderr: ignore };
  const cli = { ...host, flags: { workspace: null, json: false, quiet: true, noColor: true }, tail: null };
  const forCommand = (): StricliContext => ({ process, cli, outcome: { exitCode: 0 } });
  const partial = words.at(-1) ?? "";
  const before = words.slice(0, -1).filter((word) => !globalWords.includes(word));
  const app = buildCliApplication({ usage: () => undefined, thrown: () => undefined });
  const proposals = await proposeCompletions(app, [...before, partial], { process, forCommand }).catch(nothing);
  const global = partial.startsWith("-")
    ? globalWords.filter((word) => word.startsWith(partial)).map((completion) => ({ completion, brief: "for every command" }))
    : [];
  host.stdout.write([...proposals, ...global].map(({ completion, brief }) => `${completion}\t${brief}\n`).join(""));
  return 0;
}

/** A half-typed line that does not parse is no error: there is nothing to propose. */
function nothing(): readonly [] {
  return [];
}
