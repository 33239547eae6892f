/** A workspace in a folder of its own, opened as a program opens it: real database, files and processes. */
import { appendFileSync, chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { expect } from "vitest";
import type { JsonObject } from "../../src/base/json-value.ts";
import { isLilyError, type LilyError } from "../../src/base/lily-error.ts";
import type { LedgerEvent } from "../../src/contracts/event.ts";
import type { RunView, StepView } from "../../src/contracts/run-view.ts";
import type { Kernel, RunHandle, StartOptions } from "../../src/kernel/kernel.ts";
import { openLocal } from "../../src/presets/local.ts";

export interface Ran {
  readonly view: RunView;
  readonly events: readonly LedgerEvent[];
}

export class Bed {
  readonly root: string;
  /** The folder of workflows. */
  readonly dir: string;
  readonly workspaceDir: string;
  readonly dataHome: string;
  #kernel: Kernel | null = null;

  /** `root` is a folder that the bed may fill and remove. */
  constructor(root: string = mkdtempSync(join(tmpdir(), "lily-bed-"))) {
    this.root = realpathSync(root);
    this.dir = join(this.root, "work");
    this.workspaceDir = join(this.dir, ".lily");
    this.dataHome = join(this.root, "data");
    mkdirSync(this.dir, { recursive: true });
  }

  async kernel(): Promise<Kernel> {
    this.#kernel ??= await this.open();
    return this.#kernel;
  }

  /** Another opening of the same workspace; the caller closes it. */
  open(): Promise<Kernel> {
    return openLocal({ workspaceDir: this.workspaceDir, create: true, dataHome: this.dataHome });
  }

  /** Ends this opening, so that files may be changed behind its back. */
  async close(): Promise<void> {
    const kernel = this.#kernel;
    this.#kernel = null;
    await kernel?.close();
  }

  async remove(): Promise<void> {
    await this.close().catch(() => undefined);
    rmSync(this.root, { recursive: true, force: true });
  }

  write(path: string, content: string | Uint8Array, mode = 0o644): string {
    const file = join(this.dir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { mode });
    chmodSync(file, mode);
    return file;
  }

  append(path: string, text: string): void {
    appendFileSync(join(this.dir, path), text);
  }

  read(path: string): string {
    return readFileSync(join(this.dir, path), "utf8");
  }

  has(path: string): boolean {
    return existsSync(join(this.dir, path));
  }

  async start(document: JsonObject, options: StartOptions = {}): Promise<RunHandle> {
    return (await this.kernel()).runs.start({ document, dir: this.dir }, options);
  }

  async run(document: JsonObject, options: StartOptions = {}): Promise<Ran> {
    return this.finish(await this.start(document, options));
  }

  async finish(handle: RunHandle): Promise<Ran> {
    const view = await handle.done();
    return { view, events: await this.events(view.run_id) };
  }

  async events(runId: string): Promise<readonly LedgerEvent[]> {
    const events: LedgerEvent[] = [];
    for await (const event of (await this.kernel()).records.show(runId)) events.push(event);
    return events;
  }

  async expectAnchored(runId: string): Promise<void> {
    const kernel = await this.kernel();
    expect(await kernel.records.verify(runId)).toMatchObject({ result: "anchored", problems: [] });
    expect(await kernel.runs.show(runId)).toMatchObject({ run_id: runId });
  }

  recordFile(runId: string): string {
    return join(this.workspaceDir, "runs", runId, "record.jsonl");
  }
}

/** A workflow document of these steps. */
export function flow(steps: JsonObject, more: JsonObject = {}): JsonObject {
  return { workflow: "demo", version: 1, steps, ...more };
}

/** A step that runs a shell text. */
export function sh(text: string, more: JsonObject = {}): JsonObject {
  return { run: ["sh", "-c", text], ...more };
}

export function stepOf(view: RunView, id: string): StepView {
  const step = view.steps.find((one) => one.step_id === id);
  if (step === undefined) throw new Error(`the view has no step ${id}`);
  return step;
}

/** Kinds in order, steps and gates named: `STEP_STARTED a/1`. */
export function traceOf(events: readonly LedgerEvent[]): readonly string[] {
  return events.flatMap((event) => {
    const { data } = event;
    if (event.kind === "ARTIFACT_STORED" || event.kind === "LEADER_TAKEN") return [];
    const name = "gate_id" in data && data.gate_id !== undefined ? data.gate_id : "step_id" in data ? data.step_id : undefined;
    const attempt = "attempt" in data ? `/${data.attempt}` : "";
    return [name === undefined ? event.kind : `${event.kind} ${name}${attempt}`];
  });
}

/** What was thrown, which must be a LilyError. */
export async function refusalOf(work: Promise<unknown> | (() => Promise<unknown>)): Promise<LilyError> {
  try {
    await (typeof work === "function" ? work() : work);
  } catch (thrown) {
    if (isLilyError(thrown)) return thrown;
    throw thrown;
  }
  throw new Error("nothing was refused");
}

/** Every regular file below a folder. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Resolves when `is` says so; polls, because another process is watched. Rejects after `limitMs`. */
export async function until(is: () => boolean | Promise<boolean>, limitMs = 20_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await is())) {
    if (performance.now() > endMs) throw new Error(`waited ${limitMs} ms in vain`);
    await new Promise((resolve) => void setTimeout(resolve, 20));
  }
}

export const isRoot = process.getuid?.() === 0;
