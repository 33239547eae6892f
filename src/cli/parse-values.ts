/** Parsers of single argument values. Each throws a LilyError that says what was expected; the command line adds which flag it was. */
import { parseDuration } from "../base/duration.ts";
import { LilyError } from "../base/lily-error.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const control = /[\u0000-\u001f\u007f-\u009f]/;

function refuse(message: string): LilyError {
  return new LilyError("USAGE_INVALID", message);
}

/** One line of text that is not empty and holds no control character. */
export function parseText(input: string): string {
  if (input.trim() === "") throw refuse("must not be empty");
  if (control.test(input)) throw refuse("must not hold control characters");
  if (!input.isWellFormed()) throw refuse("is not well-formed Unicode");
  return input;
}

/** Text for a record: a title or a reason. */
export function parseNote(input: string): string {
  const text = parseText(input);
  if (text.length > 1000) throw refuse("is longer than 1000 characters");
  return text;
}

/** A whole number of at least 1. */
export function parseCount(input: string): number {
  if (!/^[1-9]\d{0,8}$/.test(input)) throw refuse(`expected a whole number of at least 1, not ${JSON.stringify(input.slice(0, 40))}`);
  return Number(input);
}

/** A whole number of at least 0. */
export function parseIndex(input: string): number {
  if (!/^(?:0|[1-9]\d{0,14})$/.test(input)) throw refuse(`expected a whole number, not ${JSON.stringify(input.slice(0, 40))}`);
  return Number(input);
}

/** Milliseconds of a duration above zero. */
export function parseTimeout(input: string): number {
  const durationMs = parseDuration(input);
  if (durationMs <= 0) throw new LilyError("DURATION_INVALID", "a timeout must be longer than zero, for example 30s");
  return durationMs;
}

const pairName = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;

/** `name=value`; the value may be empty and may hold more `=`. */
export function parsePair(input: string): readonly [string, string] {
  const at = input.indexOf("=");
  if (at < 0) throw refuse(`expected name=value, not ${JSON.stringify(input.slice(0, 80))}`);
  const name = input.slice(0, at);
  if (!pairName.test(name)) throw refuse(`${JSON.stringify(name.slice(0, 80))} is not a name; expected name=value`);
  return [name, input.slice(at + 1)];
}

/** `name=FILE`. */
export function parseFilePair(input: string): readonly [string, string] {
  const [name, file] = parsePair(input);
  return [name, parseText(file)];
}

/** Pairs as an object. Throws when a name comes twice. */
export function pairsObject(flag: string, pairs: readonly (readonly [string, string])[]): Readonly<Record<string, string>> {
  const seen = new Map<string, string>();
  for (const [name, value] of pairs) {
    if (seen.has(name)) throw refuse(`${flag} ${name} is given twice`);
    seen.set(name, value);
  }
  return Object.fromEntries(seen);
}

/** Name of an environment variable, or a pattern of names as AWS_*. */
export function parseEnvironmentName(input: string): string {
  if (input.includes("=")) throw refuse(`expected a name only, not a value: the value is taken from your environment (${JSON.stringify(input.split("=")[0])})`);
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}\*?$/.test(input)) throw refuse(`${JSON.stringify(input.slice(0, 80))} is not the name of an environment variable`);
  return input;
}

/** Name of an environment variable whose value is secret: no pattern. */
export function parseSecretName(input: string): string {
  if (input.endsWith("*")) throw refuse("a secret is named in full, not by a pattern");
  return parseEnvironmentName(input);
}

const planHash = /^sha256:[0-9a-f]{64}$/;

export function parsePlanHash(input: string): string {
  if (!planHash.test(input)) throw refuse("expected sha256: and 64 hex digits, as lily workflow plan prints it");
  return input;
}
