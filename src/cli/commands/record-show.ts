import { LilyError } from "../../base/lily-error.ts";
import type { LedgerEvent } from "../../contracts/event.ts";
import type { CliContext } from "../cli-context.ts";
import { closestWords } from "../closest-words.ts";
import { withKernel } from "../open-workspace.ts";
import { jsonText } from "../render/json-text.ts";
import { plainText } from "../render/plain-text.ts";

export interface RecordShowFlags {
  readonly kind?: string;
  readonly from?: number;
  readonly jsonl: boolean;
}

/** Streams, so that a record of any length fits; only --json has to hold all events at once. */
export async function recordShow(cli: CliContext, flags: RecordShowFlags, run: string): Promise<number> {
  if (flags.jsonl && cli.flags.json)
    throw new LilyError("USAGE_INVALID", "give --json or --jsonl, not both: --json is one document, --jsonl the lines of the record");
  const kind = flags.kind === undefined ? undefined : await knownKind(flags.kind);
  const filter = { ...(kind === undefined ? {} : { kind }), ...(flags.from === undefined ? {} : { fromSeq: flags.from }) };
  return await withKernel(cli, async (kernel) => {
    if (flags.jsonl) return await copyLines(cli, kernel.records.lines(run, filter));
    const kept: LedgerEvent[] = [];
    for await (const event of kernel.records.show(run, filter)) {
      await cli.stdout.drained();
      if (cli.stdout.closed) break;
      if (cli.flags.json) kept.push(event);
      else cli.stdout.write(`${String(event.seq).padStart(5)}  ${event.at}  ${event.kind.padEnd(20)}  ${plainText(JSON.stringify(event.data))}\n`);
    }
    if (cli.flags.json) cli.stdout.write(jsonText({ events: kept }));
    return 0;
  });
}

/** The bytes of the record itself, so that what is printed verifies like the file. */
async function copyLines(cli: CliContext, lines: AsyncIterable<string>): Promise<number> {
  for await (const line of lines) {
    await cli.stdout.drained();
    if (cli.stdout.closed) break;
    cli.stdout.write(line);
  }
  return 0;
}

async function knownKind(typed: string): Promise<string> {
  const { eventDataSchemas, isEventKind } = await import("../../contracts/events.ts");
  const kind = typed.toUpperCase();
  if (isEventKind(kind)) return kind;
  const near = closestWords(kind, Object.keys(eventDataSchemas));
  throw new LilyError(
    "USAGE_INVALID",
    `--kind: there is no event kind ${JSON.stringify(typed.slice(0, 80))}${near.length === 0 ? "" : `; did you mean ${near.join(" or ")}?`}`,
  );
}
