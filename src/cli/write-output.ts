/** The two ways out: what was asked for goes to stdout (one JSON document with --json), everything else to stderr. */
import type { CliContext } from "./cli-context.ts";
import { jsonText } from "./render/json-text.ts";

/** Writes the answer of a command, in the form that was asked for. `text` is made only when it is needed. */
export function answer(cli: CliContext, document: unknown, text: () => string): void {
  if (cli.flags.json) cli.stdout.write(jsonText(document));
  else cli.stdout.write(withLineEnd(text()));
}

/** A remark beside the answer. Silent with --quiet. */
export function note(cli: CliContext, text: string): void {
  if (!cli.flags.quiet) cli.stderr.write(withLineEnd(text));
}

function withLineEnd(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}
