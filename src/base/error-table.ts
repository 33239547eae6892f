/**
 * The one error table. Every `LilyError` code, what a machine must do next (`retry`), the HTTP status it maps to, the
 * exit code of the CLI, and one sentence for people: what happened and what to do. `lily explain CODE`, the reference page
 * and the HTTP problems are generated from this table; nothing else assigns an exit code.
 *
 * retry: `never` the same call will fail again; `later` it may succeed unchanged; `after-change` something must be mended first.
 * exit: 0 done, 1 the work failed, 2 usage or invalid input, 3 refused, 4 corrupt, 5 not anchored or behind its anchor,
 * 70 internal, 75 not settled yet, 130 interrupted.
 */
export type RetryClass = "never" | "later" | "after-change";

export interface ErrorEntry {
  readonly retry: RetryClass;
  readonly http: number;
  readonly exit: number;
  readonly doc: string;
}

const entry = (retry: RetryClass, http: number, exit: number, doc: string): ErrorEntry => ({ retry, http, exit, doc });

export const errorTable = {
  // Usage and input
  USAGE_INVALID: entry("after-change", 400, 2, "The command line is not understood. Run the command with --help."),
  INPUT_NOT_FOUND: entry("after-change", 404, 2, "A file that was named does not exist or cannot be read. Check the path."),
  INPUT_TOO_LARGE: entry("after-change", 413, 2, "The input exceeds a size, depth or key limit. Make it smaller."),
  INPUT_NOT_UTF8: entry("after-change", 400, 2, "The input is not valid UTF-8. Save it as UTF-8."),
  JSON_INVALID: entry("after-change", 400, 2, "The input is not strict JSON; the message names the place. Mend the document."),
  YAML_INVALID: entry("after-change", 400, 2, "The input is not YAML 1.2 as Lily reads it: no tags, anchors, aliases or merge keys; the message names the place."),
  JSON_NOT_CANONICAL: entry("never", 422, 2, "The value cannot be written as canonical JSON (RFC 8785), for example a fraction in a hashed document, NaN or a lone surrogate."),
  ID_INVALID: entry("after-change", 400, 2, "An identifier does not follow the grammar [A-Za-z0-9][A-Za-z0-9._-]{0,127} without '..'."),
  DURATION_INVALID: entry("after-change", 400, 2, "A duration is a number with ms, s, m or h, for example 30s."),
  PATH_INVALID: entry("after-change", 400, 2, "A path must be relative, use '/', stay inside its root and have no empty, '.' or '..' segment."),

  // Workspace
  WORKSPACE_NOT_FOUND: entry("after-change", 404, 2, "There is no workspace here. Run lily init, or name one with --workspace."),
  WORKSPACE_INVALID: entry("never", 500, 4, "The workspace folder is not one that Lily made, or its identity file is damaged. Run lily doctor."),
  WORKSPACE_NEWER: entry("after-change", 409, 3, "The workspace was written by a newer format. Use that version of Lily, or a newer one."),
  WORKSPACE_READ_ONLY: entry("after-change", 403, 3, "The workspace cannot be written. Check permissions and free space, or name another workspace."),
  WORKSPACE_UNFIT: entry("after-change", 409, 3, "The file system cannot keep the durability promises (links, exclusive creation or directory sync failed at the start probe)."),
  CONFIG_INVALID: entry("after-change", 400, 2, "lily.yaml is not valid; the message names the line and the member."),
  STORAGE_FULL: entry("later", 507, 70, "The disk is full. Nothing acknowledged was lost; free space and run lily run resume."),
  STORAGE_FAILED: entry("later", 500, 70, "Reading or writing the workspace failed. Nothing acknowledged was lost; mend the disk and resume."),

  // Ledger
  LEDGER_CHAIN_BROKEN: entry("never", 500, 4, "An event does not name the hash of the one before it: the record was altered. Keep the files and run lily doctor."),
  LEDGER_HASH_MISMATCH: entry("never", 500, 4, "An event's bytes do not give its hash: the record was altered or damaged."),
  LEDGER_LINE_INVALID: entry("never", 500, 4, "A line of the record is not an event in canonical form."),
  LEDGER_DAMAGED: entry("never", 500, 4, "The record is damaged before its committed end. Writing stops; reading and export still work. Run lily doctor."),
  LEDGER_TRANSITION_ILLEGAL: entry("never", 500, 4, "An event is not allowed in the state that the record describes. It is refused on reading as on writing."),
  LEDGER_KIND_UNKNOWN: entry("after-change", 409, 3, "The record holds an event kind this version does not know. Use a newer Lily."),
  LEDGER_EVENT_INVALID: entry("never", 500, 70, "An event does not fit the schema of its kind."),
  LEDGER_KEY_CONFLICT: entry("never", 409, 3, "An event with the same key but other data is already recorded."),
  LEDGER_HEAD_MOVED: entry("later", 409, 3, "Another writer appended first. Read the record again and decide anew."),
  LEDGER_TOKEN_STALE: entry("never", 409, 3, "This process no longer leads the run: a newer lease token exists. Its writes are refused."),
  LEDGER_POISONED: entry("never", 500, 70, "An earlier write failed, so this process stopped writing. Start again; recovery is automatic."),
  LEASE_HELD: entry("later", 409, 3, "Another live process leads this run. Wait for it, or cancel it with lily run cancel."),
  AUTHORITY_DAMAGED: entry("never", 500, 4, "The authority database is damaged or missing. Run lily doctor --recover-authority."),
  AUTHORITY_UNSAFE: entry("after-change", 409, 3, "The authority database does not run with the durability settings that acknowledgement needs."),
  INDEX_DAMAGED: entry("after-change", 500, 4, "The index database is damaged. It is derived: run lily doctor --rebuild."),
  CHECKPOINT_INVALID: entry("never", 500, 4, "A checkpoint does not verify: signature, size or root do not fit. Nothing runs over such a workspace. If it went its own way from a restored copy: lily doctor --accept-rollback REASON."),
  RECORD_UNANCHORED: entry("later", 409, 5, "The record is consistent, but no checkpoint covers it yet."),
  RECORD_BEHIND_ANCHOR: entry("never", 409, 5, "The record is shorter than a checkpoint says: it was cut or restored from an old copy. Nothing runs until the newest copy is back, or the loss is accepted with lily doctor --accept-rollback REASON."),
  KEY_MISSING: entry("after-change", 409, 3, "The checkpoint key of this workspace was not found outside the workspace, so nothing can be signed. Restore the key; lily doctor says who signs."),
  KEY_INVALID: entry("after-change", 409, 3, "The checkpoint key file is damaged or readable by others."),

  // Artifacts
  ARTIFACT_NOT_FOUND: entry("after-change", 404, 2, "No artifact has this id or digest in the workspace."),
  ARTIFACT_AMBIGUOUS: entry("after-change", 409, 2, "More than one artifact matches this prefix. Give more of the id."),
  OBJECT_MISSING: entry("never", 500, 4, "An object that a record names is not in the store. Run lily doctor."),
  OBJECT_CORRUPT: entry("never", 500, 4, "Stored bytes do not give their digest. They were not served. Run lily doctor."),
  SCHEMA_UNKNOWN: entry("after-change", 404, 2, "No schema with this id is registered. Register it in lily.yaml under schemas."),
  SCHEMA_INVALID: entry("after-change", 422, 2, "A schema document is not valid JSON Schema 2020-12, or refers to something that is not local."),
  SCHEMA_DUPLICATE: entry("after-change", 409, 2, "A schema id is registered twice with different content."),
  SCHEMA_INCOMPATIBLE: entry("after-change", 409, 3, "The new version of the schema breaks readers of the old one. Raise the version, or declare it breaking."),
  SCHEMA_MISMATCH: entry("after-change", 422, 1, "A payload does not fit its schema; the message names the path."),
  ENVELOPE_INVALID: entry("never", 422, 4, "An envelope's payload digest or shape does not verify."),

  // Workflow and plan
  WORKFLOW_INVALID: entry("after-change", 422, 2, "The workflow document has problems; each is named with its line."),
  WORKFLOW_DRIFT: entry("after-change", 409, 3, "Code or configuration that the plan binds changed after planning. Put it back as it was, start a new run, or go on from here with lily run fork RUN --from STEP --file FILE."),
  PARAM_INVALID: entry("after-change", 422, 2, "A parameter is missing, unknown or does not fit its schema."),
  EXECUTOR_UNAVAILABLE: entry("after-change", 422, 2, "The step names an executor that this installation does not have."),
  SANDBOX_UNAVAILABLE: entry("after-change", 409, 3, "The policy demands a sandbox and this machine offers none that Lily can use."),

  // Runs
  RUN_NOT_FOUND: entry("after-change", 404, 2, "No run has this id. lily run list shows the runs of this workspace."),
  RUN_AMBIGUOUS: entry("after-change", 409, 2, "More than one run matches this prefix. Give more of the id."),
  RUN_STATE_CONFLICT: entry("after-change", 409, 3, "The run is not in a state that allows this."),
  RUN_FAILED: entry("after-change", 200, 1, "The run finished and failed. lily run show names the step, gate or route that decided it."),
  RUN_BLOCKED: entry("later", 200, 75, "The run waits for a person: it was escalated. lily run show gives the reason."),
  RUN_CANCELED: entry("after-change", 200, 130, "The run was canceled."),
  SECURITY_ESCALATED: entry("after-change", 409, 3, "The security state rose while the run was going on: its steps were ended and it is INCOMPLETE. It never goes on; only a new run or a fork may follow, once the state is OPERATIONAL."),
  SECURITY_NOT_OPERATIONAL: entry("after-change", 409, 3, "The security state of the workspace does not allow anything to start. lily security show says why; lily security set OPERATIONAL --reason TEXT lets work go on."),
  UNAUTHORIZED: entry("after-change", 403, 3, "The acting principal may not do this here; the denial is recorded. The policy or lily.yaml names who may."),
  PACK_INVALID: entry("after-change", 422, 2, "A pack cannot be loaded: its manifest, its files or its names are not as packs have to be. The message names the pack and the place."),
  PACK_NOT_FOUND: entry("after-change", 404, 2, "A pack named in lily.yaml was not found, neither as a folder nor as an installed package."),
  PACK_VERSION_UNSUPPORTED: entry("after-change", 409, 3, "A pack needs another version of Lily than this one. Use that version, or another version of the pack."),
  PACK_CLASH: entry("after-change", 409, 2, "Two packs, or a pack and the kernel, bring the same name. The message names both."),
  STEP_FAILED: entry("later", 200, 1, "A step ended with an error; its logs are named in the message."),
  STEP_TIMEOUT: entry("later", 200, 1, "A step ran longer than its timeout and was ended with all its processes."),
  STEP_SPAWN_FAILED: entry("after-change", 200, 1, "The command of a step could not be started. Is it installed, and on PATH?"),
  STEP_OUTPUT_MISSING: entry("after-change", 200, 1, "A declared output was not produced."),
  STEP_OUTPUT_INVALID: entry("after-change", 200, 1, "A declared output is not a regular file inside the step's folder, is too large, or does not fit its schema."),
  STEP_OUTPUT_LIMIT: entry("after-change", 200, 1, "A step wrote more output than its limit. It was ended; what it wrote before is kept and marked as cut."),
  POLICY_VIOLATION: entry("after-change", 403, 3, "The policy of the run forbids what a step did, or what the workflow asks for; in the second case nothing was started."),
  MODULE_NOT_FOUND: entry("after-change", 404, 2, "No module has this name. Register it in lily.yaml under modules."),
  MODULE_INVALID: entry("after-change", 422, 2, "A module file does not export a module made by defineModule."),
  MODULE_FAILED: entry("later", 200, 1, "A module threw or returned an invalid result."),
  CONTEXT_REVOKED: entry("never", 409, 3, "The attempt was canceled, so its context refuses further work."),

  // Faults
  INTERRUPTED: entry("later", 503, 130, "The command was interrupted. The run can be resumed."),
  INTERNAL_INVARIANT: entry("never", 500, 70, "An internal check failed. Nothing was acknowledged after it. Please report the message."),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorTable;

/** True when `text` is a code of the table. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorTable, text);
}
