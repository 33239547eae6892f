import process from "node:process";
import { createInterface } from "node:readline";
import type { CliHost, InputStream, LocalPreset, OutputStream } from "./cli-context.ts";

type Terminal = Pick<NodeJS.WriteStream, "write" | "on"> & { readonly isTTY?: boolean; readonly columns?: number; readonly destroyed?: boolean };

/** A stream of the process. A reader that went away (EPIPE) closes it quietly; any other failure of the stream does the same. */
export function outputStream(stream: Terminal): OutputStream {
  let closed = false;
  let isFull = false;
  const waiting = new Set<() => void>();
  const release = (): void => {
    isFull = false;
    for (const resolve of waiting) resolve();
    waiting.clear();
  };
  stream.on("drain", release);
  stream.on("close", release);
  stream.on("error", () => {
    closed = true;
    release();
  });
  return {
    write(data) {
      if (!closed && stream.destroyed !== true) isFull = !stream.write(data);
    },
    async drained() {
      if (isFull) await new Promise<void>((resolve) => waiting.add(resolve));
    },
    get isTty() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.columns !== undefined && stream.columns > 0 ? stream.columns : 80;
    },
    get closed() {
      return closed || stream.destroyed === true;
    },
  };
}

const lineMax = 4096;

/** Standard input, line by line. Nothing is read before the first line is asked for, and nothing keeps the process alive afterwards. */
export function inputStream(stream: NodeJS.ReadStream): InputStream {
  return {
    get isTty() {
      return stream.isTTY === true;
    },
    async readLine() {
      const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
      try {
        for await (const line of lines) return line.slice(0, lineMax);
        return null;
      } finally {
        lines.close();
        stream.pause();
      }
    },
  };
}

/** The host of a real process. The kernel is loaded when the first command asks for it. */
export function processHost(): CliHost {
  return {
    stdout: outputStream(process.stdout),
    stderr: outputStream(process.stderr),
    stdin: inputStream(process.stdin),
    cwd: process.cwd(),
    env: process.env,
    loadPreset: async (): Promise<LocalPreset> => await import("../presets/local.ts"),
    now: () => Date.now(),
    every(intervalMs, tick) {
      const timer = setInterval(tick, intervalMs);
      return () => clearInterval(timer);
    },
    onInterrupt(handler) {
      process.on("SIGINT", handler);
      process.on("SIGTERM", handler);
      return () => {
        process.off("SIGINT", handler);
        process.off("SIGTERM", handler);
      };
    },
    forceExit: (code) => process.exit(code),
  };
}
