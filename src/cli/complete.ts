import { proposeCompletions } from "@stricli/core";
import { buildCliApplication } from "./app.ts";
import type { CliHost } from "./cli-context.ts";
import type { StricliContext } from "./stricli-context.ts";

const globalWords = ["--workspace", "--json", "--quiet", "--no-color"];

/** Writes what may follow the given words, one a line with what it is; the last word is the one being typed. Shell scripts call this. */
export async function proposeWords(words: readonly string[], host: CliHost): Promise<number> {
  const ignore = { write: () => undefined };
  const process = { stdout: ignore, stderr: ignore };
  const cli = { ...host, flags: { workspace: workspaceOf(words, host.env), json: false, quiet: true, noColor: true }, tail: null };
  const forCommand = (): StricliContext => ({ process, cli, outcome: { exitCode: 0 } });
  const partial = words.at(-1) ?? "";
  const before = words.slice(0, -1).filter((word, at) => !globalWords.includes(word) && !word.startsWith("--workspace=") && words[at - 1] !== "--workspace");
  const app = buildCliApplication({ usage: () => undefined, thrown: () => undefined });
  const proposals = await proposeCompletions(app, [...before, partial], { process, forCommand }).catch(nothing);
  const global = partial.startsWith("-")
    ? globalWords.filter((word) => word.startsWith(partial)).map((completion) => ({ completion, brief: "for every command" }))
    : [];
  host.stdout.write(
    [...proposals.filter(({ completion }) => completion !== "--" || before[0] === "exec"), ...global]
      .map(({ completion, brief }) => `${completion}\t${brief}\n`)
      .join(""),
  );
  return 0;
}

function workspaceOf(words: readonly string[], env: CliHost["env"]): string | null {
  const at = words.indexOf("--workspace");
  const joined = words.find((word) => word.startsWith("--workspace="));
  return (at < 0 ? joined?.slice("--workspace=".length) : words[at + 1]) || env["LILY_WORKSPACE"] || null;
}

/** A half-typed line that does not parse is no error: there is nothing to propose. */
function nothing(): readonly [] {
  return [];
}
