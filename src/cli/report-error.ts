import { errorTable } from "../base/error-table.ts";
import { isLilyError, LilyError, messageOf } from "../base/lily-error.ts";
import type { CliHost, GlobalFlags } from "./cli-context.ts";
import { jsonText } from "./render/json-text.ts";
import { paintFor } from "./render/paint.ts";
import { plainLines, plainText } from "./render/plain-text.ts";

/** What was thrown, as an error of the table. Anything else than a LilyError is a fault of ours. */
export function asLilyError(thrown: unknown): LilyError {
  if (isLilyError(thrown)) return thrown;
  return new LilyError("INTERNAL_INVARIANT", `unexpected fault: ${messageOf(thrown)}`, { cause: thrown });
}

/** Shows an error: what happened, where, what to do. With --json as the one document on stdout. Returns the exit code. */
export function reportError(host: CliHost, flags: GlobalFlags, thrown: unknown): number {
  const error = asLilyError(thrown);
  const { doc, retry, exit } = errorTable[error.code];
  if (flags.json) host.stdout.write(jsonText({ error: { code: error.code, message: error.message, details: error.details, retry, doc } }));
  else host.stderr.write(errorText(host, flags, error));
  if (host.env["LILY_DEBUG"] === "1") host.stderr.write(`${stackText(thrown)}\n`);
  return exit;
}

function errorText(host: CliHost, flags: GlobalFlags, error: LilyError): string {
  const paint = paintFor({ env: host.env, flags }, host.stderr);
  const [head = "", ...more] = plainLines(error.message).split("\n");
  const lines = [`${paint("bad", `lily: ${error.code}`)}  ${head}`, ...more.map((line) => `  ${line}`)];
  const places = Object.entries(error.details).filter(([, value]) => !isSaid(error.message, value));
  if (places.length > 0) lines.push(`  where  ${places.map(([name, value]) => `${plainText(name)} = ${plainText(placeText(value))}`).join(", ")}`);
  lines.push(`  do     ${error.entry.doc}`, paint("dim", `  more   lily explain ${error.code}`));
  return `${lines.join("\n")}\n`;
}

/** A list that stands in the message, item by item, is not said again. */
function isSaid(message: string, value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => message.includes(String(item)));
}

function placeText(value: unknown): string {
  return Array.isArray(value) ? value.join(" ") : String(value);
}

function stackText(thrown: unknown): string {
  return plainLines(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
}
