/**
 * The plan: a workflow after checking and resolving. `plan_hash` is the tagged digest "plan" of its canonical form, so it holds no
 * time, no machine path and no secret value. It covers the resolved document, parameters, policy digest, schemas, modules and code.
 * Types only (the compiler in `graph/` is the one producer); order of arrays is document order and is significant.
 */
import type { Digest } from "../base/digest.ts";
import type { JsonValue } from "../base/json-value.ts";

export interface PlanDocument {
  readonly v: 1;
  readonly workflow: string;
  readonly title: string | null;
  readonly params: Readonly<Record<string, JsonValue>>;
  readonly inputs: Readonly<Record<string, PlanInput>>;
  readonly policy: PlanPolicy;
  readonly policy_digest: Digest;
  readonly steps: readonly PlanStep[];
  readonly gates: readonly PlanGate[];
  readonly routes: readonly PlanRoute[];
  /** Every file of code that the plan binds: argv items that name regular files, `uses` globs, module files. Sorted by path. */
  readonly code: readonly PlanCode[];
  /** Every `uses` glob, once, sorted: a file that one of them matches later is drift too. */
  readonly uses?: readonly string[];
  readonly modules: readonly PlanModule[];
  /** Packs of lily.yaml, in its order; absent when there are none. */
  readonly packs?: readonly PlanPack[];
  readonly schemas: readonly { readonly schema_id: string; readonly digest: Digest }[];
}

/** `file` is relative to the workflow's folder; `--input name=FILE` overrides it when the run starts. */
export interface PlanInput {
  readonly file: string | null;
  readonly schema: string | null;
  readonly media_type: string | null;
}

export interface PlanPolicy {
  /** Executables that steps may run, by name or path: one list a layer, each of which must allow it; null allows all. */
  readonly tools: readonly (readonly string[])[] | null;
  /** Globs. `allow` is one list a layer, each of which must match, so that an empty one allows all; what `deny` matches is denied. */
  readonly write: { readonly allow: readonly (readonly string[])[]; readonly deny: readonly string[] } | null;
  readonly network: "allow" | "deny";
  readonly sandbox: "off" | "prefer" | "require";
  /** Attempts of one step from every automatic cause together (E3). */
  readonly attempts_max: number;
  /** Bytes that one attempt may add or change outside the workspace folder. */
  readonly diff_bytes_max?: number;
  /** The longest that a step or a gate may run; the steps and gates of the plan keep to it already. */
  readonly timeout_max_ms?: number;
  /** A step that was tried more often than this is not retried, neither by itself nor by a route; a goto may still do it again. */
  readonly retry_max?: number;
  /** Names and patterns (`AWS_*`) of variables that steps may have beside PATH and HOME: one of every list must cover each. */
  readonly env_allow?: readonly (readonly string[])[];
  /** Principals that may unblock an escalated run; absent: whoever may write the workspace. */
  readonly unblock_by?: readonly string[];
  /** `operational`: nothing starts while no security port vouches for the workspace. */
  readonly security?: "any" | "operational";
}

export interface PlanRetry {
  readonly max: number;
  readonly backoff_ms: number;
  readonly factor: number;
  readonly max_backoff_ms: number;
}

export type PlanExecutor =
  | { readonly kind: "process"; readonly argv: readonly string[] }
  | { readonly kind: "shell"; readonly text: string }
  | { readonly kind: "module"; readonly module: string; readonly isolation: "none" | "process" };

export interface PlanEnvironment {
  readonly env: Readonly<Record<string, string>>;
  readonly env_from: readonly string[];
  readonly secrets: readonly string[];
}

/** Exactly one of `path`, `glob` for files; neither for a value that a module returns under this name. */
export interface PlanOutput {
  readonly path: string | null;
  readonly glob: string | null;
  readonly schema: string | null;
  readonly media_type: string | null;
  readonly optional: boolean;
}

export interface PlanStep extends PlanEnvironment {
  readonly id: string;
  readonly title: string | null;
  /** Ids of the steps that must succeed first, in document order; explicit ones and those that references imply. */
  readonly needs: readonly string[];
  readonly executor: PlanExecutor;
  readonly with: Readonly<Record<string, JsonValue>>;
  /** Run inputs that the command reads in place: for provenance only. Absent when there are none. */
  readonly reads?: readonly string[];
  readonly outputs: Readonly<Record<string, PlanOutput>>;
  readonly workdir: "source" | "isolated";
  readonly timeout_ms: number | null;
  readonly retry: PlanRetry;
  readonly pure: boolean;
  /** Of a pure step: the files of `PlanDocument.code` that it and its gates depend on, sorted. An isolated one finds these and no others. */
  readonly code?: readonly string[];
  /** Of a pure step that takes values from the caller: whether they are part of what it depends on. */
  readonly env_affects_output?: boolean;
  readonly effects: readonly PlanEffect[];
  readonly gates: readonly PlanGate[];
  readonly log_bytes_max: number;
}

export interface PlanEffect {
  readonly category: "file_system" | "network" | "data_mutation" | "configuration" | "system" | "other";
  readonly description: string;
  readonly reversible: boolean | null;
  readonly hint: string | null;
}

export type PlanGateCheck =
  | ({ readonly kind: "command"; readonly argv: readonly string[] } & PlanEnvironment)
  | { readonly kind: "schema"; readonly schema: string; readonly of: string }
  | { readonly kind: "module"; readonly module: string; readonly isolation: "none" | "process"; readonly with: Readonly<Record<string, JsonValue>> }
  | { readonly kind: "hash"; readonly hash: PlanHashGate };

export type HashLaw = "sha256_bundle_digest" | "sha256_member_digest_concat" | "sha256_index_json_ascii_lex_raw_bytes" | "json_verdict";

/** A hash gate: `root` and `flag` are paths relative to the step's folder. Laws: docs/formats/hash-gates.md. */
export interface PlanHashGate {
  readonly law: HashLaw;
  readonly root: string;
  readonly flag: string | null;
  readonly index: string | null;
  readonly ordering: "ascii_lex" | "index_order";
  readonly path_base: "bundle_root" | "run_root";
  readonly exclude_filenames: readonly string[];
  readonly digest_field: string | null;
  /** For json_verdict: a JSON pointer into the file at `root` and the value it must equal. */
  readonly pointer: string | null;
  readonly equals: JsonValue;
}

export interface PlanGate {
  readonly id: string;
  readonly required: boolean;
  readonly timeout_ms: number;
  readonly check: PlanGateCheck;
}

export interface PlanRouteCondition {
  readonly step: string | null;
  readonly gate: string | null;
  /** Step: failed, timeout, interrupted. Gate: failed, error. Null matches any. */
  readonly status: "failed" | "timeout" | "interrupted" | "error" | null;
  readonly violation: boolean | null;
  /** True: only when trying again is used up, by `retry.max`, `attempts_max` or the bound of an earlier matching route. */
  readonly exhausted?: boolean;
}

export type PlanRouteAction =
  | { readonly kind: "retry"; readonly max: number }
  | { readonly kind: "goto"; readonly target: string; readonly max: number }
  | { readonly kind: "escalate"; readonly reason: string }
  | { readonly kind: "abort"; readonly reason: string }
  | { readonly kind: "continue" };

export interface PlanRoute {
  readonly id: string;
  readonly when: PlanRouteCondition;
  readonly do: PlanRouteAction;
}

export interface PlanCode {
  /** Relative to the workflow's folder. */
  readonly path: string;
  readonly digest: Digest;
}

export interface PlanModule {
  readonly name: string;
  /** Relative to the folder of lily.yaml, or to the pack's folder. */
  readonly path: string;
  readonly digest: Digest;
  /** The pack that brings it; absent for modules of lily.yaml. */
  readonly pack?: string;
}

/** A pack that the workspace loads; its digest covers every file of it. */
export interface PlanPack {
  readonly name: string;
  readonly version: string;
  readonly digest: Digest;
}
