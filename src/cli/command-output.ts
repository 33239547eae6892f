/**
 * Owns: how far each log file of a run was shown. Passes the output of a command through while it runs, from the files that the run
 * captures, so that what people see is what was kept, with secrets already redacted.
 * Invariants: every byte is shown once and in order per stream; two passes never overlap.
 */
import { open } from "node:fs/promises";
import { basename } from "node:path";
import type { Kernel } from "../kernel/kernel.ts";
import type { CliContext, OutputStream } from "./cli-context.ts";
import { type LogText, logText } from "./render/log-text.ts";

export interface CommandOutput {
  stopTicking(): void;
  /** Shows the rest, after the run rests. */
  finish(): Promise<void>;
}

const pollMs = 100;
const chunkBytes = 64 * 1024;

interface Shown {
  bytes: number;
  readonly text: LogText;
}

export function commandOutput(cli: CliContext, kernel: Kernel, runId: string): CommandOutput {
  const shown = new Map<string, Shown>();
  let pass: Promise<void> = Promise.resolve();
  const showLogs = async (): Promise<void> => {
    const logs = await kernel.runs.logs(runId);
    for (const log of logs.filter(({ path }) => path.startsWith("steps/"))) {
      const target = basename(log.path).startsWith("stderr") || cli.flags.json ? cli.stderr : cli.stdout;
      const state = shown.get(log.absolutePath) ?? { bytes: 0, text: logText() };
      shown.set(log.absolutePath, state);
      await showNew(log.absolutePath, state, target);
    }
  };
  const nextPass = async (before: Promise<void>): Promise<void> => {
    await before;
    try {
      await showLogs();
    } catch {
      // A log that cannot be read now is read by a later pass; output shown is a view, never a reason to fail the run (S3).
    }
  };
  const queue = async (): Promise<void> => {
    pass = nextPass(pass);
    await pass;
  };
  const stopTicking = cli.every(pollMs, () => void queue());
  return { stopTicking, finish: queue };
}

async function showNew(path: string, state: Shown, target: OutputStream): Promise<void> {
  const file = await open(path, "r");
  try {
    for (;;) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(chunkBytes), 0, chunkBytes, state.bytes);
      if (bytesRead === 0) return;
      state.bytes += bytesRead;
      const bytes = buffer.subarray(0, bytesRead);
      // A pipe gets the bytes as they are; a terminal gets no control sequences from a captured log.
      target.write(target.isTty ? state.text.next(bytes) : bytes);
      await target.drained();
    }
  } finally {
    await file.close();
  }
}
