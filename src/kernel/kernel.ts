/**
 * The kernel: the operations that CLI, HTTP and TypeScript share. Composition without technology: everything outside comes through
 * ports. Refusals by gate or policy are values inside the views; exceptions are LilyErrors with a code of the one table.
 */
import type { JsonObject, JsonValue } from "../base/json-value.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import type { ArtifactView, GateView, ProblemView, RunView, VerifyView } from "../contracts/run-view.ts";
import type { WhyView } from "../contracts/why-view.ts";
import type { WorkflowDocument } from "../graph/workflow-document.ts";
import type { ArtifactFilter, RunRow } from "../ports/run-index.ts";
import type { Reproduction } from "../audit/reproduction.ts";
import type { Audit } from "./audit.ts";
import type { Packs } from "./pack-views.ts";
import type { Security } from "./security-operations.ts";
import type { UnenforcedRules } from "./unenforced-rules.ts";

/**
 * A workflow to run: a file on disk, a document built in code (`defineWorkflow`), or a document with the folder its paths are relative to.
 * The paths of a document alone are relative to the default folder of the kernel: the working directory, in the local profile.
 */
export type WorkflowSource = { readonly file: string } | { readonly document: JsonObject; readonly dir: string } | WorkflowDocument;

export interface StartOptions {
  /** Raw texts from the command line are parsed by each parameter's schema; values are taken as they are. */
  readonly params?: Readonly<Record<string, JsonValue>>;
  /** Input name to file path, overriding the document's. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** Steps at once; default: the number of processors. */
  readonly parallel?: number;
  /** Continue a run made by `create`. */
  readonly runId?: string;
  /** Refuse when the plan's digest is another. */
  readonly planHash?: string;
  readonly title?: string;
  /** False: every pure step is done, whatever earlier results there are. Default: true. */
  readonly reuse?: boolean;
}

export interface ExecOptions {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Globs relative to cwd. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Gate commands: each one text that `sh -c` style quoting was NOT applied to; split into argv by the CLI. */
  readonly gates: readonly (readonly string[])[];
  readonly env: readonly string[];
  readonly secrets: readonly string[];
  readonly timeoutMs: number | null;
  readonly title?: string;
}

export interface RerunOptions {
  /** Ids of steps. */
  readonly from: readonly string[];
  readonly reason: string;
  /** Why a blocked run may go on. */
  readonly unblockReason?: string;
  readonly parallel?: number;
}

export interface ForkOptions {
  /** Ids of steps. */
  readonly from: readonly string[];
  readonly reason: string;
  /** Goes on with another workflow; it must have every kept step unchanged. */
  readonly workflow?: WorkflowSource;
  /** Of the other workflow; what is not given is as in the run that is forked. */
  readonly params?: Readonly<Record<string, JsonValue>>;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly parallel?: number;
  readonly title?: string;
}

export interface JudgeOptions {
  /** Only gates of this step. */
  readonly step?: string;
  /** Only gates with this id. */
  readonly gate?: string;
  readonly signal?: AbortSignal;
}

/** What a dry run found. */
export interface JudgedGates {
  readonly run_id: string;
  /** In the order of the plan, the run's own gates last. */
  readonly verdicts: readonly GateView[];
  /** Gates whose inputs do not exist; `step_id` is null for a gate of the run. */
  readonly skipped: readonly { readonly gate_id: string; readonly step_id: string | null; readonly reason: string }[];
  /** Why no checkpoint covers the verdicts; null when one does, or this machine has no key. */
  readonly anchoring: AnchoringFailure | null;
}

/** Why a sealed run is not anchored. */
export interface AnchoringFailure {
  readonly code: string;
  readonly message: string;
}

/** A run in progress. */
export interface RunHandle {
  readonly runId: string;
  /** Every event, after it is durable, from the first one; ends when the run rests. */
  events(): AsyncIterable<LedgerEvent>;
  /** How many events the record of a run had when it was taken up again; 0 for one that begins. Whoever shows what is new starts there. */
  readonly eventsBefore: number;
  /** Ends the run: processes first, then RUN_CANCELED. */
  cancel(reason: string): Promise<void>;
  /** Resolves when the run rests: succeeded, failed, blocked or canceled. Rejects on faults only. */
  done(): Promise<RunView>;
  /**
   * Resolves with `done`: null, or why no checkpoint could be cut over the sealed run (KEY_INVALID, STORAGE_FULL). The record is whole all
   * the same; `records.verify` says `unanchored` until a later checkpoint covers it. A machine without a key is no failure.
   */
  anchoring(): Promise<AnchoringFailure | null>;
}

export interface ReproduceOptions {
  /** How often; default 1, at most 100. */
  readonly times?: number;
  /** Steps at once; default: the number of processors. */
  readonly parallel?: number;
  /** Told of each run once it has begun; the next one waits for what it returns. */
  readonly follow?: (handle: RunHandle) => Promise<unknown>;
}

export interface Runs {
  create(options: { readonly title?: string; readonly workOrderFile?: string; readonly runId?: string }): Promise<RunView>;
  start(source: WorkflowSource, options?: StartOptions): Promise<RunHandle>;
  exec(options: ExecOptions): Promise<RunHandle>;
  /**
   * Continues after a crash, or a blocked run when `unblockReason` is given. Of a run that is sealed but that no checkpoint covers it cuts the
   * missing checkpoint, and the handle is of the finished run; one that is covered is RUN_STATE_CONFLICT.
   */
  resume(run: string, options?: { readonly unblockReason?: string; readonly parallel?: number }): Promise<RunHandle>;
  /**
   * Does steps of a run that rests, and all that needs them, again; every earlier attempt stays. USAGE_INVALID for a step it does not have,
   * RUN_STATE_CONFLICT when it does not rest, or is blocked and no `unblockReason` is given, SECURITY_ESCALATED when it is INCOMPLETE, WORKFLOW_DRIFT.
   */
  rerun(run: string, options: RerunOptions): Promise<RunHandle>;
  /**
   * Starts a new run that shares the first events of one that rests, up to the first that did a step of `from` or what needs it, and proves it.
   * What had succeeded stands in, everything else is done. USAGE_INVALID, RUN_STATE_CONFLICT, WORKFLOW_DRIFT naming the step that could not be
   * kept; of an INCOMPLETE run SECURITY_NOT_OPERATIONAL unless the state is OPERATIONAL.
   */
  fork(run: string, options: ForkOptions): Promise<RunHandle>;
  /**
   * The dry run: judges gates of a run that rests on what is stored, and stores the verdicts. No step runs and no state changes (E5).
   * USAGE_INVALID for a step or gate it does not have, RUN_STATE_CONFLICT when it does not rest, WORKFLOW_DRIFT, SECURITY_NOT_OPERATIONAL.
   * INTERRUPTED, with nothing recorded, when `signal` aborts.
   */
  judge(run: string, options?: JudgeOptions): Promise<JudgedGates>;
  /**
   * Does the run again, as new runs of the same plan on the stored inputs, without reuse, and compares the results. WORKFLOW_DRIFT names the
   * file that is not what the plan bound, OBJECT_MISSING an input that is gone; RUN_STATE_CONFLICT when the run has not ended.
   */
  reproduce(run: string, options?: ReproduceOptions): Promise<Reproduction>;
  /** Cancels a run that this or another process leads, or that nobody leads; resolves when it rests. */
  cancel(run: string, reason: string): Promise<RunView>;
  /** `run` may be a unique prefix of an id, or `latest`. RUN_NOT_FOUND, RUN_AMBIGUOUS. */
  show(run: string): Promise<RunView>;
  list(filter?: { readonly status?: string; readonly limit?: number }): Promise<readonly RunRow[]>;
  /** Follows a run that any process leads: every event from `fromSeq`; ends when the run rests or `signal` aborts. */
  watch(run: string, options?: { readonly fromSeq?: number; readonly signal?: AbortSignal }): AsyncIterable<LedgerEvent>;
  /** Logs of one step, one gate, both of these, or all. */
  logs(
    run: string,
    filter?: { readonly step?: string; readonly gate?: string; readonly attempt?: number },
  ): Promise<readonly { readonly path: string; readonly size: number; readonly absolutePath: string }[]>;
  /** Rules of the run's policy that nothing holds its commands to; null when there are none. RUN_NOT_FOUND, RUN_AMBIGUOUS. */
  unenforced(run: string): Promise<UnenforcedRules | null>;
  /** Why a step was reused, done again, skipped or denied. USAGE_INVALID for a step that the run does not have. */
  why(run: string, step: string): Promise<WhyView>;
  /** The same with what the record says about each; a recorded log whose file is gone is among them. */
  checkedLogs(run: string, filter?: Parameters<Runs["logs"]>[1]): Promise<readonly CheckedLog[]>;
}

/** A log file and its place in the record. */
export interface CheckedLog {
  /** Relative to the run's folder. */
  readonly path: string;
  readonly size: number;
  readonly absolutePath: string;
  /**
   * `recorded`: its digest is in the record. `running`: its attempt has not ended. `unrecorded`: its attempt was cut off, so nothing
   * vouches for it. `foreign`: its attempt ended, and the record names no such log.
   */
  readonly state: "recorded" | "running" | "unrecorded" | "foreign";
  readonly isMissing: boolean;
  readonly artifactId: string | null;
  /** OBJECT_CORRUPT when the file is not what was recorded. */
  check(): Promise<void>;
  /** The recorded bytes, after `check`; null for what is not recorded. */
  readonly bytes: (() => AsyncIterable<Uint8Array>) | null;
}

export interface Artifacts {
  put(
    file: string,
    options?: { readonly type?: string; readonly name?: string; readonly run?: string; readonly schema?: string; readonly mediaType?: string },
  ): Promise<ArtifactView>;
  /** Verified bytes of an artifact by id, unique id prefix, or digest. */
  get(id: string): Promise<Uint8Array>;
  show(id: string): Promise<ArtifactView>;
  list(filter?: ArtifactFilter): Promise<readonly ArtifactView[]>;
  /**
   * Puts another artifact in the place of a current output or input of a run that rests, and does again what was made from it. The step
   * that made it keeps the replacement; its own gates judge it again. ARTIFACT_NOT_FOUND; ARTIFACT_AMBIGUOUS when several runs hold it and
   * none is named; SCHEMA_MISMATCH; RUN_STATE_CONFLICT when it stands nowhere, or the run does not rest.
   */
  replace(original: string, replacement: Replacement, options: ReplaceOptions): Promise<RunHandle>;
}

/** An absolute path, or the id of an artifact that is kept already. */
export type Replacement = { readonly file: string } | { readonly artifact: string };

export interface ReplaceOptions {
  readonly reason: string;
  readonly run?: string;
  /** Why a blocked run may go on. */
  readonly unblockReason?: string;
}

export interface SchemaRow {
  readonly schema_id: string;
  readonly origin: "built-in" | "workspace" | "pack";
  readonly digest: string;
}

export interface Schemas {
  list(): Promise<readonly SchemaRow[]>;
  /** The JSON Schema 2020-12 document. SCHEMA_UNKNOWN. */
  show(schemaId: string): Promise<JsonObject>;
  /** Without `file`: compatibility of each registered version with the one before. With it: validates the JSON file against the schema. */
  check(schemaId: string | null, file: string | null): Promise<readonly ProblemView[]>;
}

export interface Workflows {
  check(source: WorkflowSource): Promise<readonly ProblemView[]>;
  /** Throws WORKFLOW_INVALID with the problems in the message when `check` finds any. */
  plan(source: WorkflowSource, options?: Pick<StartOptions, "params">): Promise<{ readonly plan: PlanDocument; readonly plan_hash: string }>;
}

/** What a verifier brings along instead of trusting this machine. */
export interface VerifyOptions {
  /** The only key to trust, as C2SP writes it: `name+id+base64`. KEY_INVALID when it is not one. */
  readonly key?: string;
  /** Text of a signed note kept elsewhere. CHECKPOINT_INVALID when no trusted key signed it, KEY_MISSING when there is none. */
  readonly checkpoint?: string;
}

export interface Records {
  verify(run: string, options?: VerifyOptions): Promise<VerifyView>;
  /** Verifies every stream of the workspace. */
  verifyAll(options?: VerifyOptions): Promise<readonly VerifyView[]>;
  show(run: string, options?: { readonly fromSeq?: number; readonly kind?: string }): AsyncIterable<LedgerEvent>;
  /** The exact lines of the record, each with its LF: all of them together are the bytes of record.jsonl. */
  lines(run: string, options?: { readonly fromSeq?: number; readonly kind?: string }): AsyncIterable<string>;
  /** Cuts a checkpoint over the workspace log; the signed note. Null when nothing is sealed yet. KEY_MISSING, KEY_INVALID. */
  checkpoint(): Promise<{
    readonly note: string;
    readonly size: number;
    readonly root: string;
    readonly key_name: string;
    /** The public key as a verifier takes it. */
    readonly verifier_key: string;
  } | null>;
}

/** Nodes and edges of who made what from what, for one run. */
export interface ProvenanceGraph {
  readonly nodes: readonly {
    readonly id: string;
    readonly kind: "artifact" | "step" | "gate" | "input" | "run";
    readonly label: string;
    readonly digest: string | null;
  }[];
  readonly edges: readonly { readonly from: string; readonly to: string; readonly kind: "produced" | "used" | "judged" | "reused" | "forked" }[];
}

export interface DoctorFinding {
  readonly level: "ok" | "note" | "problem";
  readonly subject: string;
  readonly message: string;
  /** What to do; null when nothing. */
  readonly remedy: string | null;
}

/** One self-contained HTML page about a run (docs/formats/report.md). */
export interface RunReport {
  readonly run_id: string;
  readonly html: string;
  readonly status: string;
  /** Consistent events that the page tells of. */
  readonly events: number;
  readonly sealed: boolean;
  /** Where the record stops being what was recorded; null when it is consistent. */
  readonly problem: { readonly event: number; readonly kind: string | null; readonly message: string } | null;
  /** Digest of the script in the page: the same for every report that this build of Lily makes. */
  readonly script: string;
}

export interface Kernel {
  readonly workspaceDir: string;
  readonly workspaceId: string;
  readonly runs: Runs;
  readonly artifacts: Artifacts;
  readonly schemas: Schemas;
  readonly packs: Packs;
  readonly workflows: Workflows;
  readonly records: Records;
  readonly security: Security;
  readonly audit: Audit;
  provenance(run: string): Promise<ProvenanceGraph>;
  /** Works for every run, also one whose record is damaged. `linkFrom`: the absolute folder that the page will lie in, so that it can link to logs. */
  report(run: string, options?: { readonly linkFrom?: string }): Promise<RunReport>;
  /** Drops the index and builds it again from records. */
  rebuildIndex(): Promise<{ readonly runs: number; readonly events: number }>;
  /** Checks identity, authority, records, objects, key, index; explains each resolved value. */
  doctor(): Promise<readonly DoctorFinding[]>;
  /** Why runs that end here stay unanchored (KEY_MISSING, KEY_INVALID); null when the checkpoint key is there. */
  keyProblem(): Promise<AnchoringFailure | null>;
  /**
   * Goes on from an older copy of the workspace, which is refused otherwise (RECORD_BEHIND_ANCHOR): records the reason and sets the remembered
   * checkpoint aside. What was recorded, in words. RUN_STATE_CONFLICT when the workspace is not behind, KEY_MISSING.
   */
  acceptRollback(reason: string): Promise<string>;
  close(): Promise<void>;
}
