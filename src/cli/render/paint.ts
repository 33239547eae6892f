import { styleText } from "node:util";
import type { CliContext, OutputStream } from "../cli-context.ts";

export type Tone = "good" | "bad" | "warn" | "dim" | "strong";

/** Colours text for one stream, or leaves it as it is. */
export type Paint = (tone: Tone, text: string) => string;

const formats = { good: "green", bad: "red", warn: "yellow", dim: "dim", strong: "bold" } as const satisfies Record<Tone, string>;

/** Colour only on a terminal that has it, and never against NO_COLOR or --no-color (https://no-color.org). */
export function paintFor(cli: Pick<CliContext, "env" | "flags">, stream: OutputStream): Paint {
  const noColor = cli.env["NO_COLOR"];
  if (!stream.isTty || cli.flags.noColor || cli.env["TERM"] === "dumb" || (noColor !== undefined && noColor !== "")) return (_tone, text) => text;
  return (tone, text) => styleText(formats[tone], text, { validateStream: false });
}
