import {
  AliasNotFoundError,
  ArgumentParseError,
  EnumValidationError,
  FlagNotFoundError,
  InvalidNegatedFlagSyntaxError,
  UnexpectedFlagError,
  UnexpectedPositionalError,
  UnsatisfiedFlagError,
  UnsatisfiedPositionalError,
} from "@stricli/core";
import { isLilyError, LilyError, messageOf } from "../base/lily-error.ts";

/** What stricli could not scan or parse, as one of our errors: the flag, what was seen, what was probably meant. `words` are those of the command line. */
export function usageError(thrown: unknown, words: readonly string[] = []): LilyError {
  if (isLilyError(thrown)) return thrown;
  const code = thrown instanceof ArgumentParseError && isLilyError(thrown.exception) ? thrown.exception.code : "USAGE_INVALID";
  return new LilyError(code, messageFor(thrown, words), { cause: thrown });
}

/** By class, not by name of the class: names change when code is bundled. */
function messageFor(thrown: unknown, words: readonly string[]): string {
  if (thrown instanceof FlagNotFoundError) return `there is no flag ${quoted(flagText(thrown.input))}${meant(thrown.corrections.map(flagText))}`;
  if (thrown instanceof AliasNotFoundError) return `there is no flag ${quoted(`-${thrown.input}`)}`;
  if (thrown instanceof ArgumentParseError) return `${argumentName(thrown.externalFlagNameOrPlaceholder)}: ${messageOf(thrown.exception)}`;
  if (thrown instanceof EnumValidationError) return `--${thrown.externalFlagName}: ${quoted(thrown.input)} is not one of ${thrown.values.join(", ")}`;
  if (thrown instanceof UnsatisfiedFlagError) {
    const flag = `--${thrown.externalFlagName}`;
    if (words.length > 0 && !words.some((word) => word === flag || word.startsWith(`${flag}=`))) return `${flag} is missing`;
    return `--${thrown.externalFlagName} needs a value${thrown.nextFlagName === undefined ? "" : `, but --${thrown.nextFlagName} follows`}`;
  }
  if (thrown instanceof UnexpectedPositionalError) return `unexpected argument ${quoted(thrown.input)}`;
  if (thrown instanceof UnsatisfiedPositionalError) return `${thrown.placeholder} is missing`;
  if (thrown instanceof InvalidNegatedFlagSyntaxError) return `--${thrown.externalFlagName} takes no value`;
  if (thrown instanceof UnexpectedFlagError) return `--${thrown.externalFlagName} is given twice: ${quoted(thrown.previousInput)} and ${quoted(thrown.input)}`;
  return messageOf(thrown);
}

/** The problems of one command line as one error that says which command it was; null when there is none. */
export function joinErrors(errors: readonly LilyError[], command: string): LilyError | null {
  const [first] = errors;
  if (first === undefined) return null;
  return new LilyError(first.code, errors.map((error) => error.message).join("; "), {
    details: { ...first.details, command: command.slice(0, 80) },
    cause: first.cause,
  });
}

/** No command has this name. */
export function unknownCommand(input: string, corrections: readonly string[]): LilyError {
  return new LilyError("USAGE_INVALID", `there is no command ${quoted(input)}${meant(corrections.map((text) => text.replaceAll("`", "")))}`);
}

function meant(corrections: readonly string[]): string {
  return corrections.length === 0 ? "" : `; did you mean ${corrections.join(" or ")}?`;
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

function flagText(name: string): string {
  return name.startsWith("-") ? name : `--${name}`;
}

/** Placeholders are written in capitals, flags are not. */
function argumentName(name: string): string {
  return /^[a-z]/.test(name) ? `--${name}` : name;
}
