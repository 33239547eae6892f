import { LilyError } from "../base/lily-error.ts";
import type { GlobalFlags } from "./cli-context.ts";

export interface SplitArguments {
  readonly flags: GlobalFlags;
  /** The command line without global flags and without the tail. */
  readonly words: readonly string[];
  /** What stood after the first `--`; null when there was none. */
  readonly tail: readonly string[] | null;
}

const switches = new Set(["--json", "--quiet", "--no-color"]);

/** Takes the global flags out of a command line, wherever they stand before `--`. Throws USAGE_INVALID. */
export function splitArguments(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): SplitArguments {
  const end = argv.indexOf("--");
  const head = end < 0 ? argv : argv.slice(0, end);
  const seen = new Set<string>();
  const words: string[] = [];
  let workspace: string | null = null;
  for (let i = 0; i < head.length; i++) {
    const word = head[i] ?? "";
    if (switches.has(word)) seen.add(word);
    else if (word === "--workspace" || word.startsWith("--workspace=")) {
      if (workspace !== null) throw new LilyError("USAGE_INVALID", "--workspace is given twice");
      workspace = word === "--workspace" ? (head[++i] ?? "") : word.slice("--workspace=".length);
      if (workspace === "" || workspace.startsWith("--")) throw new LilyError("USAGE_INVALID", "--workspace needs a folder, as --workspace .lily");
    } else words.push(word);
  }
  return {
    flags: {
      workspace: workspace ?? nonEmpty(env["LILY_WORKSPACE"]),
      json: seen.has("--json"),
      quiet: seen.has("--quiet"),
      noColor: seen.has("--no-color"),
    },
    words,
    tail: end < 0 ? null : argv.slice(end + 1),
  };
}

function nonEmpty(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : text;
}
