import { spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { outputStream, processHost } from "../../src/cli/process-host.ts";

const bin = fileURLToPath(new URL("../../src/cli/lily.ts", import.meta.url));

async function run(argv: readonly string[], closeStdout = false): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, [bin, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  const out: string[] = [];
  const err: string[] = [];
  child.stdout.setEncoding("utf8").on("data", (text: string) => out.push(text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => err.push(text));
  if (closeStdout) child.stdout.destroy();
  const [code] = (await EventEmitter.once(child, "close")) as [number | null];
  return { code, stdout: out.join(""), stderr: err.join("") };
}

test("a reader of stdout that goes away is no error", async () => {
  expect(await run(["explain"], true)).toEqual({ code: 0, stdout: "", stderr: "" });
});

test("the executable answers and ends with the exit code of the command", async () => {
  const [version, usage, help] = await Promise.all([run(["--version"]), run(["frob"]), run(["help"])]);
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect([usage.code, usage.stdout, usage.stderr.startsWith("lily: USAGE_INVALID")]).toEqual([2, "", true]);
  expect([help.code, help.stdout.includes("TRY THIS FIRST")]).toEqual([0, true]);
});

class FakePipe extends EventEmitter {
  readonly written: string[] = [];
  readonly isTTY = true;
  columns = 0;
  destroyed = false;
  isFull = false;
  write(data: string | Uint8Array): boolean {
    this.written.push(String(data));
    return !this.isFull;
  }
}

test("a stream takes nothing more once its reader went away, or once it is destroyed", () => {
  const pipe = new FakePipe();
  const stream = outputStream(pipe as unknown as Parameters<typeof outputStream>[0]);
  stream.write("a");
  pipe.emit("error", Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
  stream.write("b");
  expect([stream.closed, pipe.written, stream.isTty, stream.columns]).toEqual([true, ["a"], true, 80]);
  const other = new FakePipe();
  const destroyed = outputStream(other as unknown as Parameters<typeof outputStream>[0]);
  other.columns = 120;
  other.destroyed = true;
  destroyed.write("a");
  expect([destroyed.closed, other.written, destroyed.columns]).toEqual([true, [], 120]);
});

test("writing waits while the reader is slow, and goes on when it reads or goes away", async () => {
  for (const event of ["drain", "close", "error"]) {
    const pipe = new FakePipe();
    pipe.isFull = true;
    const stream = outputStream(pipe as unknown as Parameters<typeof outputStream>[0]);
    await stream.drained();
    stream.write("a");
    let done = false;
    const waiting = stream.drained().then(() => {
      done = true;
    });
    await Promise.resolve();
    expect(done).toBe(false);
    pipe.emit(event, new Error("gone"));
    await waiting;
    expect(done).toBe(true);
  }
});

test("the process listens for interrupts only while a command asks for them", () => {
  const host = processHost();
  const before = process.listenerCount("SIGINT");
  const stop = host.onInterrupt(() => undefined);
  expect(process.listenerCount("SIGINT")).toBe(before + 1);
  stop();
  expect(process.listenerCount("SIGINT")).toBe(before);
});
