/** A host in memory: what a command wrote, and levers for time, interrupts and a reader that went away. */
import type { CliHost, LocalPreset, OutputStream } from "../../src/cli/cli-context.ts";
import { main } from "../../src/cli/main.ts";

export interface FakeStream extends OutputStream {
  text(): string;
  close(): void;
}

export function fakeStream(options: { readonly isTty?: boolean; readonly columns?: number } = {}): FakeStream {
  const chunks: string[] = [];
  let closed = false;
  return {
    isTty: options.isTty ?? false,
    columns: options.columns ?? 80,
    get closed() {
      return closed;
    },
    write(data) {
      if (!closed) chunks.push(typeof data === "string" ? data : Buffer.from(data).toString("latin1"));
    },
    drained: () => Promise.resolve(),
    text: () => chunks.join(""),
    close() {
      closed = true;
    },
  };
}

export interface FakeHostOptions {
  readonly preset?: LocalPreset;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTty?: boolean;
  readonly columns?: number;
  readonly cwd?: string;
  /** Lines of standard input; absent: it is empty. */
  readonly input?: readonly string[];
}

export interface FakeHost extends CliHost {
  readonly stdout: FakeStream;
  readonly stderr: FakeStream;
  /** Runs what waits for time. */
  tick(): void;
  /** Presses Ctrl-C; false when nobody listens. */
  interrupt(): boolean;
  readonly forced: readonly number[];
}

export function fakeHost(options: FakeHostOptions = {}): FakeHost {
  const ticks = new Set<() => void>();
  const handlers = new Set<() => void>();
  const forced: number[] = [];
  const lines = [...(options.input ?? [])];
  return {
    stdout: fakeStream(options),
    stderr: fakeStream(options),
    stdin: { isTty: options.isTty ?? false, readLine: () => Promise.resolve(lines.shift() ?? null) },
    cwd: options.cwd ?? "/work/project",
    env: { TERM: "xterm", ...options.env },
    loadPreset: () => (options.preset === undefined ? Promise.reject(new Error("this test has no kernel")) : Promise.resolve(options.preset)),
    now: () => Date.parse("2026-01-01T00:00:05.000Z"),
    every(_intervalMs, tick) {
      ticks.add(tick);
      return () => ticks.delete(tick);
    },
    onInterrupt(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    forceExit: (code) => void forced.push(code),
    tick: () => {
      for (const tick of ticks) tick();
    },
    interrupt: () => {
      for (const handler of handlers) handler();
      return handlers.size > 0;
    },
    forced,
  };
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly host: FakeHost;
}

/** Runs one command line on a fake host. */
export async function lily(argv: readonly string[], options: FakeHostOptions = {}): Promise<Ran> {
  const host = fakeHost(options);
  const code = await main(argv, host);
  return { code, stdout: host.stdout.text(), stderr: host.stderr.text(), host };
}
