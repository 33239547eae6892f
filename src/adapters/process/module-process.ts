/**
 * Owns: one run of a module in a process of its own, with the same tree handling as a command (E6 in full).
 * States: prepared -> running -> settled. Invariants: 1. the promise settles only when no process of the module is alive; 2. values
 * count only when the process ended with 0 and left a whole result.
 * S4: what lies in its temporary folder, which a SIGKILL leaves behind, holds no secret: values go by the environment, logs are redacted.
 * Not responsible for: confining what the module may do; that is the sandbox's.
 */
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Digest, hexOf } from "../../base/digest.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../base/json-value.ts";
import { LilyError } from "../../base/lily-error.ts";
import { parseJson } from "../../base/parse-json.ts";
import type { ModuleContext, ReportedEffect } from "../../ports/module-host.ts";
import type { ProcessOutcome, ProcessRunner } from "../../ports/process-runner.ts";
import { moduleChild, type ModuleJob } from "./module-child.ts";
import { withPackageAdvice } from "./module-file.ts";

/** Shorter than what a run waits for a module to settle, so that an ended one is never taken for abandoned. */
const graceMs = 1_000;
const logBytesMax = 16 * 1024 * 1024;
const logPollMs = 100;
const describeTimeoutMs = 30_000;
/** More than any run records: a module in a loop does not fill the disk with its reports. */
const effectsMax = 1_000;

type Heard = (effect: ReportedEffect) => void;

export interface ModuleFileRef {
  readonly name: string;
  readonly path: string;
  readonly digest: Digest;
}

/** Name and version, found by loading the file in a process. Throws MODULE_INVALID. */
export async function describeModule(processes: ProcessRunner, file: ModuleFileRef): Promise<{ readonly version: string }> {
  const base = { runId: "describe", stepId: file.name, attempt: 1, cwd: tmpdir(), env: {}, log: () => undefined, effect: () => undefined };
  const result = await runJob(processes, file, { ...base, signal: new AbortController().signal }, { kind: "describe", input: null }, [], () => undefined);
  const version = result["version"];
  if (result["outcome"] === "described" && typeof version === "string") return { version };
  throw refused(file, result);
}

/** Runs the module; resolves to its outputs. Throws what `LoadedModule.run` does, and CONTEXT_REVOKED when the signal aborted. */
export async function runModuleProcess(
  processes: ProcessRunner,
  file: ModuleFileRef,
  context: ModuleContext,
  input: unknown,
  secrets: readonly string[],
  heard: Heard,
): Promise<JsonObject> {
  const result = await runJob(processes, file, context, { kind: "run", input }, secrets, heard);
  const values = result["values"];
  if (result["outcome"] === "done" && isJsonObject(values)) return values;
  throw refused(file, result);
}

async function runJob(
  processes: ProcessRunner,
  file: ModuleFileRef,
  context: ModuleContext,
  job: Pick<ModuleJob, "kind" | "input">,
  secrets: readonly string[],
  heard: Heard,
): Promise<JsonObject> {
  const dir = await mkdtemp(join(tmpdir(), "lily-module-"));
  try {
    const resultPath = join(dir, "result.json");
    const url = pathToFileURL(file.path);
    url.searchParams.set("digest", hexOf(file.digest));
    const { runId, stepId, attempt, cwd, env } = context;
    const envNames = Object.keys(env);
    const secretNames = envNames.filter((name) => env[name] !== "" && secrets.includes(env[name] ?? ""));
    const effectsPath = join(dir, "effects.jsonl");
    const whole: ModuleJob = { ...job, url: url.href, resultPath, runId, stepId, attempt, cwd, envNames, secretNames, effectsPath, effectsMax };
    await writeFile(join(dir, "job.json"), JSON.stringify(whole), { mode: 0o600 });
    const outcome = await runChild(processes, context, dir, job.kind === "describe" ? describeTimeoutMs : null, secrets, new EffectLines(effectsPath, heard));
    return await readResult(file, outcome, resultPath, dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function runChild(
  processes: ProcessRunner,
  context: ModuleContext,
  dir: string,
  timeoutMs: number | null,
  secrets: readonly string[],
  effects: EffectLines,
): Promise<ProcessOutcome> {
  if (context.signal.aborted) throw revoked(context);
  const stdoutPath = join(dir, "stdout.log");
  const code = `(${moduleChild.toString()})((specifier) => import(specifier), ${JSON.stringify(join(dir, "job.json"))})`;
  const running = processes.start({
    argv: [process.execPath, "--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", code],
    cwd: context.cwd,
    env: context.env,
    timeoutMs,
    stdoutPath,
    stderrPath: join(dir, "stderr.log"),
    logBytesMax,
    redact: secrets.filter((secret) => secret !== ""),
    graceMs,
    marker: `${context.runId}/${context.stepId}/${context.attempt}`,
  });
  const kill = () => running.kill();
  context.signal.addEventListener("abort", kill, { once: true });
  const lines = new LogLines(stdoutPath, context);
  const timer = setInterval(() => {
    void lines.forward();
    void effects.forward();
  }, logPollMs);
  try {
    const outcome = await running.done;
    clearInterval(timer);
    // Also when it was ended: what it had said by then is true.
    await effects.forward();
    effects.requireValid();
    if (context.signal.aborted) throw revoked(context);
    await lines.forward();
    await lines.end(join(dir, "stderr.log"));
    return outcome;
  } finally {
    clearInterval(timer);
    context.signal.removeEventListener("abort", kill);
  }
}

/** Passes on what a process appends to a file, line by line, while it runs. */
class FileLines {
  readonly #path: string;
  readonly #take: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #offset = 0;
  #rest = "";
  #busy: Promise<void> = Promise.resolve();

  constructor(path: string, take: (line: string) => void) {
    this.#path = path;
    this.#take = take;
  }

  /** What stands behind the last line end. */
  get rest(): string {
    return this.#rest;
  }

  forward(): Promise<void> {
    this.#busy = this.#busy.then(() => this.#forward(this.#path)).catch(() => undefined);
    return this.#busy;
  }

  async #forward(path: string): Promise<void> {
    const file = await open(path, "r").catch(() => null);
    if (file === null) return;
    try {
      const piece = new Uint8Array(256 * 1024);
      for (;;) {
        const { bytesRead } = await file.read(piece, 0, piece.length, this.#offset);
        if (bytesRead === 0) return;
        this.#offset += bytesRead;
        const lines = (this.#rest + this.#decoder.decode(piece.subarray(0, bytesRead), { stream: true })).split("\n");
        this.#rest = lines.pop() ?? "";
        for (const line of lines) this.#take(line);
      }
    } finally {
      await file.close();
    }
  }
}

class LogLines {
  readonly #context: ModuleContext;
  readonly #lines: FileLines;

  constructor(path: string, context: ModuleContext) {
    this.#context = context;
    this.#lines = new FileLines(path, (line) => this.#log(line));
  }

  forward(): Promise<void> {
    return this.#lines.forward();
  }

  /** The rest without a line end, and then what went to stderr. */
  async end(stderrPath: string): Promise<void> {
    if (this.#lines.rest !== "") this.#log(this.#lines.rest);
    const text = await readFile(stderrPath, "utf8").catch(() => "");
    for (const line of text.split("\n")) if (line !== "") this.#log(line);
  }

  #log(line: string): void {
    if (!this.#context.signal.aborted) this.#context.log(line);
  }
}

/** Effects that the process wrote down. A line that it was ended in says nothing. */
class EffectLines {
  readonly #heard: Heard;
  readonly #lines: FileLines;
  #refused: unknown = null;

  constructor(path: string, heard: Heard) {
    this.#heard = heard;
    this.#lines = new FileLines(path, (line) => this.#take(line));
  }

  forward(): Promise<void> {
    return this.#lines.forward();
  }

  /** Throws what refused the first line that is no effect. */
  requireValid(): void {
    if (this.#refused !== null) throw this.#refused;
  }

  #take(line: string): void {
    try {
      // Whoever hears it checks it: what a process wrote comes from outside.
      const effect: ReportedEffect = JSON.parse(line);
      this.#heard(effect);
    } catch (thrown) {
      this.#refused ??= thrown;
    }
  }
}

async function readResult(file: ModuleFileRef, outcome: ProcessOutcome, path: string, dir: string): Promise<JsonObject> {
  const bytes = outcome.outcome === "exited" && outcome.exitCode === 0 ? await readFile(path).catch(() => null) : null;
  if (bytes === null) throw new LilyError("MODULE_FAILED", `module ${file.name}: ${await endText(outcome, dir)}`);
  let result: JsonValue;
  try {
    result = parseJson(bytes);
  } catch (cause) {
    throw new LilyError("MODULE_FAILED", `module ${file.name}: its outputs are not JSON that Lily takes`, { cause });
  }
  if (isJsonObject(result)) return result;
  throw new LilyError("MODULE_FAILED", `module ${file.name}: its result cannot be read`);
}

async function endText(outcome: ProcessOutcome, dir: string): Promise<string> {
  if (outcome.error !== null) return outcome.error;
  const stderr = await readFile(join(dir, "stderr.log"), "utf8").catch(() => "");
  const last = /^(\w*Error.*)$/m.exec(stderr)?.[1];
  switch (outcome.outcome) {
    case "exited":
      return outcome.exitCode === 0
        ? "its process ended before it gave a result"
        : `its process exited with ${outcome.exitCode}${last === undefined ? "" : `: ${last}`}`;
    case "output_limit":
      return `it wrote more than ${logBytesMax} bytes of log`;
    case "timeout":
      return "it took too long to load";
    case "signaled":
    case "killed":
    case "spawn_failed":
      return `its process was ended${outcome.signal === null ? "" : ` by ${outcome.signal}`}`;
  }
}

function refused(file: ModuleFileRef, result: JsonObject): LilyError {
  const message = String(result["message"] ?? "its result cannot be read");
  const details = { module: file.name, path: file.path };
  switch (result["outcome"]) {
    case "invalid":
      return new LilyError("MODULE_INVALID", `module ${file.name}: ${file.path} ${withPackageAdvice(message)}`, { details });
    case "secret":
      return new LilyError(
        "STEP_OUTPUT_INVALID",
        `an output of module ${file.name} holds the value of a secret of the step; it was not stored. Keep secrets out of outputs`,
        { details },
      );
    case "mismatch":
      return new LilyError("SCHEMA_MISMATCH", `the input of module ${file.name} does not fit: ${message}`, { details });
    default:
      return new LilyError("MODULE_FAILED", `module ${file.name}: ${message}`, { details });
  }
}

function revoked(context: ModuleContext): LilyError {
  return new LilyError("CONTEXT_REVOKED", `attempt ${context.attempt} of step ${context.stepId} was ended`);
}
