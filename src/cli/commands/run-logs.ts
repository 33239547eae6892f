import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { LilyError, messageOf } from "../../base/lily-error.ts";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { jsonText } from "../render/json-text.ts";
import { logText } from "../render/log-text.ts";
import { paintFor } from "../render/paint.ts";
import { plainText } from "../render/plain-text.ts";
import { note } from "../write-output.ts";

export interface RunLogsFlags {
  readonly step?: string;
  readonly attempt?: number;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly raw: boolean;
}

export async function runLogs(cli: CliContext, flags: RunLogsFlags, run: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const all = await kernel.runs.logs(run, {
      ...(flags.step === undefined ? {} : { step: flags.step }),
      ...(flags.attempt === undefined ? {} : { attempt: flags.attempt }),
    });
    const logs = all.filter((log) => wanted(basename(log.path), flags));
    if (cli.flags.json) {
      cli.stdout.write(jsonText({ logs: logs.map((log) => ({ path: log.path, size: log.size, absolute_path: log.absolutePath })) }));
      return 0;
    }
    if (logs.length === 0) note(cli, "no logs: a stream without output has no file");
    const paint = paintFor(cli, cli.stdout);
    for (const log of logs) {
      if (cli.stdout.closed) break;
      if (!flags.raw && !cli.flags.quiet) cli.stdout.write(`${paint("dim", `== ${plainText(log.path)} (${log.size} bytes)`)}\n`);
      await copyLog(cli, log.absolutePath, flags.raw);
    }
    return 0;
  });
}

function wanted(name: string, flags: RunLogsFlags): boolean {
  if (flags.stdout === flags.stderr) return true;
  return name.startsWith(flags.stdout ? "stdout" : "stderr");
}

/** Streams one log; a log may be far larger than memory. */
async function copyLog(cli: CliContext, path: string, raw: boolean): Promise<void> {
  const decoder = logText();
  let lastUnit = "\n";
  try {
    for await (const chunk of createReadStream(path)) {
      const bytes: Uint8Array = chunk;
      const text = raw ? "" : decoder.next(bytes);
      cli.stdout.write(raw ? bytes : text);
      lastUnit = text.at(-1) ?? lastUnit;
      await cli.stdout.drained();
      if (cli.stdout.closed) return;
    }
  } catch (cause) {
    throw new LilyError("STORAGE_FAILED", `cannot read the log ${path}: ${messageOf(cause)}`, { details: { path }, cause });
  }
  if (raw) return;
  const rest = decoder.end();
  cli.stdout.write((rest.at(-1) ?? lastUnit) === "\n" ? rest : `${rest}\n`);
}
