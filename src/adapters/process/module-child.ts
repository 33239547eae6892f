/**
 * The main function of a process that runs one module. Its text is handed to `node --eval`, so that it works from source, from a package and from
 * a bundle alike; therefore it refers to nothing outside of itself, and gets `import` as an argument.
 */
export interface ModuleJob {
  readonly kind: "describe" | "run";
  /** URL of the module file. */
  readonly url: string;
  readonly resultPath: string;
  readonly input: unknown;
  readonly runId: string;
  readonly stepId: string;
  readonly attempt: number;
  readonly cwd: string;
  /** Names of the step's environment. The values are in the environment of the process: this job lies on disk (S4). */
  readonly envNames: readonly string[];
  /** Those of them whose values are secret. */
  readonly secretNames: readonly string[];
  /** File that gets a line of JSON for each effect that the module reports. */
  readonly effectsPath: string;
  /** More are not written. */
  readonly effectsMax: number;
}

/** What the process leaves behind. `secret`: an output holds a secret, so it was not written; `invalid`: no module there; `mismatch`: the input does not fit; `failed`: the module threw or its outputs do not fit. */
export type ModuleJobResult =
  | { readonly outcome: "secret" }
  | { readonly outcome: "described"; readonly name: string; readonly version: string }
  | { readonly outcome: "done"; readonly values: unknown }
  | { readonly outcome: "invalid" | "mismatch" | "failed"; readonly message: string };

export async function moduleChild(load: (specifier: string) => Promise<unknown>, jobPath: string): Promise<void> {
  type Schema = { "~standard": { validate: (value: unknown) => unknown } };
  type Definition = {
    name: string;
    version: string;
    input: Schema | null;
    output: Schema | Record<string, Schema> | null;
    run: (context: object, input: unknown) => unknown;
  };
  type Issue = { message: string; path?: readonly (PropertyKey | { key: PropertyKey })[] };

  const fs = (await load("node:fs")) as typeof import("node:fs");
  const job = JSON.parse(fs.readFileSync(jobPath, "utf8")) as ModuleJob;
  const brand = Symbol.for("lily.module.v1");
  const env: Record<string, string> = Object.fromEntries(job.envNames.map((name) => [name, process.env[name] ?? ""]));
  const secrets = job.secretNames.map((name) => env[name] ?? "");
  const redact = (words: string): string => secrets.reduce((clean, secret) => (secret === "" ? clean : clean.replaceAll(secret, "[redacted]")), words);
  const text = (thrown: unknown): string => redact(thrown instanceof Error ? thrown.message : String(thrown));
  let effects = 0;
  // Written down before the module goes on: the process may be ended at any moment, and what it said must not end with it.
  const effect = (reported: unknown): void => {
    if (typeof reported !== "object" || reported === null) throw new Error("context.effect takes an object");
    if (effects++ >= job.effectsMax) return;
    const { category, description, reversible, details } = reported as Record<string, unknown>;
    const clean = (value: unknown): unknown => (typeof value === "string" ? redact(value) : value);
    const isPlain = typeof details === "object" && details !== null;
    const named = isPlain ? Object.fromEntries(Object.entries(details).map(([name, value]) => [redact(name), clean(value)])) : details;
    const line = JSON.stringify({ category, description: clean(description), reversible, details: named });
    fs.appendFileSync(job.effectsPath, `${line}\n`, { mode: 0o600 });
  };

  // JSON.stringify would turn what JSON cannot say into something else; in-process modules are refused it, so these are too.
  function onlyJson(this: unknown, key: string, value: unknown): unknown {
    const raw = (this as Record<string, unknown>)[key];
    const prototype: unknown = typeof raw === "object" && raw !== null && !Array.isArray(raw) ? Object.getPrototypeOf(raw) : null;
    const fits = ["string", "boolean", "undefined", "object"].includes(typeof raw) || Number.isFinite(raw);
    if (!fits || (prototype !== null && prototype !== Object.prototype)) throw new Error(`an output is not JSON at ${key}`);
    return value;
  }
  const finish = (result: ModuleJobResult): never => {
    const temporary = `${job.resultPath}.part`;
    const whole = JSON.stringify(result, onlyJson);
    const holdsSecret = result.outcome === "done" && secrets.some((secret) => secret.length >= 6 && whole.includes(JSON.stringify(secret).slice(1, -1)));
    fs.writeFileSync(temporary, holdsSecret ? '{"outcome":"secret"}' : whole, { mode: 0o600 });
    fs.renameSync(temporary, job.resultPath);
    process.exit(0);
  };
  const check = async (schema: Schema, value: unknown): Promise<{ value: unknown } | { problem: string }> => {
    const result = (await schema["~standard"].validate(value)) as { value: unknown; issues?: readonly Issue[] };
    if (result.issues === undefined) return { value: result.value };
    const place = (issue: Issue) => (issue.path ?? []).map((part) => `/${String(typeof part === "object" ? part.key : part)}`).join("");
    return {
      problem: result.issues
        .slice(0, 5)
        .map((issue) => (place(issue) === "" ? issue.message : `${place(issue)}: ${issue.message}`))
        .join("; "),
    };
  };
  const find = async (): Promise<Definition> => {
    const exports = (await load(job.url)) as object;
    const found = new Set(
      Object.values(exports).filter((value: unknown) => typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[brand] === true),
    );
    const [definition] = found;
    if (found.size === 1) return definition as Definition;
    throw new Error(found.size === 0 ? "exports nothing made by defineModule" : `exports ${found.size} modules; keep one a file`);
  };
  const checkOutputs = async (definition: Definition, outputs: Record<string, unknown>): Promise<unknown> => {
    const { output } = definition;
    if (output === null) return outputs;
    const schemas: [string | null, Schema][] = "~standard" in output ? [[null, output as Schema]] : Object.entries(output as Record<string, Schema>);
    const extra = Object.keys(outputs).find((name) => !("~standard" in output) && !Object.hasOwn(output, name));
    if (extra !== undefined) throw new Error(`it returned ${extra}, which it does not declare`);
    const checked: Record<string, unknown> = {};
    for (const [name, schema] of schemas) {
      const result = await check(schema, name === null ? outputs : outputs[name]);
      if ("problem" in result) throw new Error(`${name ?? "outputs"} does not fit its schema: ${result.problem}`);
      if (name === null) return result.value;
      checked[name] = result.value;
    }
    return checked;
  };

  const definition = await find().catch((thrown: unknown) => finish({ outcome: "invalid", message: text(thrown) }));
  if (job.kind === "describe") return finish({ outcome: "described", name: definition.name, version: definition.version });
  const abort = new AbortController();
  process.on("SIGTERM", () => abort.abort());
  const input = definition.input === null ? { value: job.input } : await check(definition.input, job.input);
  if ("problem" in input) return finish({ outcome: "mismatch", message: input.problem });
  const log = (line: string) => void fs.writeSync(1, `${line}\n`);
  const { runId, stepId, attempt, cwd } = job;
  try {
    const result: unknown = (await definition.run({ runId, stepId, attempt, cwd, env, signal: abort.signal, log, effect }, input.value)) ?? {};
    if (typeof result !== "object" || Array.isArray(result)) throw new Error("it returned something that is not an object of outputs by name");
    finish({ outcome: "done", values: await checkOutputs(definition, result as Record<string, unknown>) });
  } catch (thrown) {
    finish({ outcome: "failed", message: text(thrown) });
  }
}
