#!/usr/bin/env node
/** The executable. Answers --version before anything else is loaded. */
import { enableCompileCache } from "node:module";
import process from "node:process";
import { kernelVersion } from "../base/version.ts";

// Not awaited at top level: a bundled chunk may import this module back, and would then wait for itself.
void start(process.argv.slice(2));

async function start(argv: readonly string[]): Promise<void> {
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
    process.stdout.write(`${kernelVersion}\n`);
    return;
  }
  enableCompileCache();
  const [{ main }, { processHost }] = await Promise.all([import("./main.ts"), import("./process-host.ts")]);
  process.exitCode = await main(argv, processHost());
  endSoon();
}

/** Module code that did not stop when its run was ended does not keep the process (E6); output that a slow reader still waits for does. */
function endSoon(): void {
  const isWritten = (): boolean => process.stdout.writableLength + process.stderr.writableLength === 0;
  setInterval(() => (isWritten() ? process.exit() : undefined), 200).unref();
}
