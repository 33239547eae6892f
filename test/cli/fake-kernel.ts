/** A kernel made by hand: answers of samples, and a list of what was asked of it. Its types are the kernel's own. */
import type { Reproduction } from "../../src/audit/reproduction.ts";
import { LilyError } from "../../src/base/lily-error.ts";
import { encodeLine, eventDataText } from "../../src/ledger/event-line.ts";
import type { LocalPreset } from "../../src/cli/cli-context.ts";
import type { WhyView } from "../../src/contracts/why-view.ts";
import type { LedgerEvent } from "../../src/contracts/event.ts";
import type { PlanDocument, PlanGate, PlanStep } from "../../src/contracts/plan-document.ts";
import type { ArtifactView, ProblemView, RunView, VerifyView } from "../../src/contracts/run-view.ts";
import type { ArtifactId, RunId } from "../../src/contracts/ids.ts";
import type { AnchoringFailure, DoctorFinding, JudgedGates, Kernel, ProvenanceGraph, RunHandle, RunReport } from "../../src/kernel/kernel.ts";
import type { PackRow } from "../../src/kernel/pack-views.ts";
import { fakeAudit, sampleReproduction } from "./sample-audit.ts";
import { artifactId, digest, goodEvents, planHash, runId, runView } from "./sample-run.ts";

const samplePack: PackRow = {
  name: "tabular",
  version: "1.2.0",
  title: "Checks of tabular data\u001b[1m",
  digest: digest("d"),
  dir: "/work/project/packs/tabular",
  entry: "./packs/tabular",
  kernel: ">=0.1.0 <1",
  files: 12,
  brings: {
    schemas: ["tabular.profile.v1"],
    modules: ["tabular.profile", "tabular.check"],
    executors: [],
    step_templates: ["tabular.profile"],
    gate_templates: ["tabular.no_nulls", "tabular.unique"],
    routes: ["tabular.stale"],
    policy: true,
  },
};

export interface FakeOptions {
  readonly reproduction?: Reproduction;
  readonly why?: WhyView;
  /** How many of the events were recorded before the run was taken up. */
  readonly eventsBefore?: number;
  readonly view?: RunView;
  readonly events?: readonly LedgerEvent[];
  readonly logs?: Awaited<ReturnType<Kernel["runs"]["logs"]>>;
  readonly bytes?: Uint8Array;
  readonly problems?: readonly ProblemView[];
  readonly verify?: readonly VerifyView[];
  readonly checkpoint?: boolean;
  readonly findings?: readonly DoctorFinding[];
  readonly graph?: ProvenanceGraph;
  readonly judged?: JudgedGates;
  /** Where the record of a report is damaged. */
  readonly reportProblem?: RunReport["problem"];
  /** Why the run is not anchored. */
  readonly anchoring?: AnchoringFailure;
  /** Why nothing can be anchored here. */
  readonly keyProblem?: AnchoringFailure;
  /** Thrown by whatever is asked first. */
  readonly fault?: unknown;
  /** Null: no workspace is found above the working directory. */
  readonly found?: string | null;
  /** Called before each event is given out. */
  readonly beforeEvent?: (event: LedgerEvent) => void | Promise<void>;
  readonly empty?: boolean;
  /** What nothing holds the run's commands to. */
  readonly unenforced?: NonNullable<Awaited<ReturnType<Kernel["runs"]["unenforced"]>>>;
  /** What the security state is. */
  readonly security?: Awaited<ReturnType<Kernel["security"]["show"]>>;
  /** Why a security state that was set could not be recorded. */
  readonly unrecorded?: Awaited<ReturnType<Kernel["security"]["set"]>>["unrecorded"];
}

export interface Fake {
  readonly preset: LocalPreset;
  /** What was asked: operation and arguments. */
  readonly calls: readonly (readonly [operation: string, ...args: readonly unknown[]])[];
}

export const sampleArtifact: ArtifactView = {
  artifact_id: artifactId("3") as ArtifactId,
  run_id: runId as RunId,
  artifact_type: "file",
  storage_kind: "file",
  digest: digest("c"),
  size: 12,
  media_type: "text/csv",
  artifact_name: "data\u001b[31m.csv",
  producer_id: "weather/clean",
  producer_kind: "tool",
  created_at: "2026-01-01T00:00:03.000Z",
  inputs: [artifactId("4") as ArtifactId],
  stored_in: "object",
};

export const sampleGraph: ProvenanceGraph = {
  nodes: [
    { id: "input/csv", kind: "input", label: 'csv "raw"', digest: digest("c") },
    { id: "step/clean", kind: "step", label: "clean", digest: null },
    { id: artifactId("5"), kind: "artifact", label: "clean.json", digest: digest("d") },
    { id: "gate/rows", kind: "gate", label: "rows", digest: null },
  ],
  edges: [
    { from: "input/csv", to: "step/clean", kind: "used" },
    { from: "step/clean", to: artifactId("5"), kind: "produced" },
    { from: artifactId("5"), to: "gate/rows", kind: "judged" },
  ],
};

export const anchored: VerifyView = {
  run_id: runId,
  result: "anchored",
  anchor: "local key lily/ws-1, checkpoint of 12 leaves",
  events: 8,
  head: digest("1"),
  problems: [],
};

const rowsGate: PlanGate = {
  id: "rows",
  required: true,
  timeout_ms: 60_000,
  check: { kind: "command", argv: ["node", "gates/rows.mjs"], env: {}, env_from: [], secrets: [] },
};

function planStep(id: string, needs: readonly string[], gates: readonly PlanGate[]): PlanStep {
  return {
    id,
    title: null,
    needs,
    executor: { kind: "process", argv: ["node", `steps/${id}.mjs`] },
    with: {},
    outputs: {},
    workdir: "source",
    timeout_ms: null,
    retry: { max: 0, backoff_ms: 0, factor: 1, max_backoff_ms: 0 },
    pure: false,
    effects: [],
    gates,
    log_bytes_max: 1,
    env: {},
    env_from: [],
    secrets: [],
  };
}

export const samplePlan: PlanDocument = {
  v: 1,
  workflow: "weather",
  title: "Daily weather",
  params: { year: 2015 },
  inputs: {},
  policy: { tools: null, write: null, network: "allow", sandbox: "off", attempts_max: 10 },
  policy_digest: digest("e"),
  steps: [planStep("clean", [], [rowsGate]), planStep("report", ["clean"], [])],
  gates: [],
  routes: [{ id: "repair", when: { step: null, gate: "rows", status: "failed", violation: null }, do: { kind: "goto", target: "clean", max: 2 } }],
  code: [{ path: "steps/clean.mjs", digest: digest("f") }],
  modules: [],
  schemas: [],
};

const sampleWhy: WhyView = {
  run_id: runId,
  step_id: "clean",
  decision: "ran",
  because: "step clean ran again: code lib/parse.mjs changed and input inputs.csv is new",
  advice: null,
  why_artifact_id: `art_${"7".repeat(32)}`,
  compared_with: { run_id: "0196f0", step_id: "clean", attempt: 1 },
  inputs: 14,
  changed: [
    { kind: "code", name: "lib/parse.mjs", before: `sha256:${"a".repeat(64)}`, after: `sha256:${"b".repeat(64)}` },
    { kind: "input", name: "inputs.csv", before: null, after: `sha256:${"c".repeat(64)}` },
  ],
};

export function fakeKernel(options: FakeOptions = {}): Fake {
  const calls: (readonly [string, ...unknown[]])[] = [];
  const view = options.view ?? runView("succeeded");
  const events = options.events ?? goodEvents;
  const asked = (operation: string, ...args: readonly unknown[]): void => {
    calls.push([operation, ...args]);
    if (options.fault !== undefined) throw options.fault;
  };
  const reply = <T>(value: T, operation: string, ...args: readonly unknown[]): T => {
    asked(operation, ...args);
    return value;
  };
  async function* eventsOut(signal?: AbortSignal): AsyncGenerator<LedgerEvent> {
    for (const event of events) {
      await options.beforeEvent?.(event);
      if (signal?.aborted === true) return;
      yield event;
    }
  }
  async function* linesOut(): AsyncGenerator<string> {
    for await (const event of eventsOut()) yield encodeLine(event, eventDataText(event)).line;
  }
  const handle: RunHandle = {
    runId: view.run_id,
    eventsBefore: options.eventsBefore ?? 0,
    events: () => eventsOut(),
    cancel: async (reason) => asked("handle.cancel", reason),
    done: async () => view,
    anchoring: async () => options.anchoring ?? null,
  };
  const known = (run: string): void => {
    if (run !== "latest" && !view.run_id.startsWith(run)) throw new LilyError("RUN_NOT_FOUND", `no run ${JSON.stringify(run)}`, { details: { run } });
  };
  const kernel: Kernel = {
    workspaceDir: "/work/project/.lily",
    workspaceId: "ws-1",
    audit: fakeAudit(events, samplePlan, known, asked),
    runs: {
      create: async (request) => reply(runView("created", { steps: [], gates: [] }), "runs.create", request),
      start: async (source, request) => reply(handle, "runs.start", source, request),
      exec: async (request) => reply(handle, "runs.exec", request),
      resume: async (run, request) => reply(handle, "runs.resume", run, request),
      judge: async (run, { signal, ...request } = {}) => {
        known(run);
        return reply(options.judged ?? { run_id: view.run_id, verdicts: [], skipped: [], anchoring: null }, "runs.judge", run, request);
      },
      fork: async (run, request) => reply(handle, "runs.fork", run, request),
      rerun: async (run, request) => reply(handle, "runs.rerun", run, request),
      reproduce: async (run, request) =>
        reply(options.reproduction ?? sampleReproduction, "runs.reproduce", run, { times: request?.times, parallel: request?.parallel }),
      cancel: async (run, reason) => reply(view, "runs.cancel", run, reason),
      show: async (run) => {
        known(run);
        return reply(view, "runs.show", run);
      },
      list: async (filter) => {
        asked("runs.list", filter);
        const row = {
          run_id: runId as RunId,
          kind: "workflow",
          workflow: "weather",
          title: "Daily \u202eweather",
          status: "succeeded",
          created_at: view.created_at,
          updated_at: view.created_at,
          events: 8,
        };
        return options.empty === true ? [] : [row, { ...row, status: "failed", workflow: null, title: null }];
      },
      watch: (run, request) => reply(eventsOut(request?.signal), "runs.watch", run),
      logs: async (run, filter) => reply(options.logs ?? [], "runs.logs", run, filter),
      unenforced: async () => options.unenforced ?? null,
      why: async (run, step) => {
        known(run);
        return reply(options.why ?? sampleWhy, "runs.why", run, step);
      },
      checkedLogs: async (run, filter) =>
        reply(options.logs ?? [], "runs.logs", run, filter).map((log) => ({
          ...log,
          state: "running",
          isMissing: false,
          artifactId: null,
          check: async () => undefined,
          bytes: null,
        })),
    },
    artifacts: {
      put: async (file, request) => reply(sampleArtifact, "artifacts.put", file, request),
      get: async (id) => reply(options.bytes ?? new TextEncoder().encode("hello\n"), "artifacts.get", id),
      show: async (id) => reply(sampleArtifact, "artifacts.show", id),
      list: async (filter) => reply(options.empty === true ? [] : [sampleArtifact], "artifacts.list", filter),
      replace: async (original, replacement, request) => reply(handle, "artifacts.replace", original, replacement, request),
    },
    schemas: {
      list: async () => reply(options.empty === true ? [] : [{ schema_id: "gate_result.v1", origin: "built-in", digest: digest("b") }], "schemas.list"),
      show: async (id) => reply({ $id: id, type: "object" }, "schemas.show", id),
      check: async (id, file) => reply(options.problems ?? [], "schemas.check", id, file),
    },
    packs: {
      list: async () => reply(options.empty === true ? [] : [samplePack], "packs.list"),
      check: async (folder) => reply(options.problems ?? [], "packs.check", folder),
    },
    workflows: {
      check: async (source) => reply(options.problems ?? [], "workflows.check", source),
      plan: async (source, request) => reply({ plan: samplePlan, plan_hash: planHash }, "workflows.plan", source, request),
    },
    records: {
      verify: async (run, given) => reply(options.verify?.[0] ?? anchored, "records.verify", run, ...(Object.keys(given ?? {}).length === 0 ? [] : [given])),
      verifyAll: async () => reply(options.verify ?? [anchored], "records.verifyAll"),
      show: (run, request) => reply(eventsOut(), "records.show", run, request),
      lines: (run, request) => reply(linesOut(), "records.lines", run, request),
      checkpoint: async () => {
        asked("records.checkpoint");
        const note = "lily/ws-1\n12\nAAAA\n\n— lily/ws-1 BBBB\n";
        return options.checkpoint === false ? null : { note, size: 12, root: digest("9"), key_name: "lily/ws-1", verifier_key: "lily/ws-1+00000000+AAAA" };
      },
    },
    get security() {
      return security;
    },
    provenance: async (run) => reply(options.graph ?? sampleGraph, "provenance", run),
    report: async (run, request) =>
      reply(
        {
          run_id: view.run_id,
          html: "<!doctype html>\n",
          status: view.status,
          events: 8,
          sealed: true,
          problem: options.reportProblem ?? null,
          script: `sha256:${"5c".repeat(32)}`,
        },
        "report",
        run,
        request,
      ),
    rebuildIndex: async () => reply({ runs: 2, events: 16 }, "rebuildIndex"),
    keyProblem: async () => options.keyProblem ?? null,
    acceptRollback: async (reason) => reply(`rollback accepted: ${reason}`, "acceptRollback", reason),
    doctor: async () => reply(options.findings ?? [{ level: "ok", subject: "identity", message: "workspace ws-1", remedy: null }], "doctor"),
    close: async () => void calls.push(["close"]),
  };
  const security: Kernel["security"] = {
    show: async () => reply(options.security ?? { state: "OPERATIONAL", boundary: "no security.json", reason: null }, "security.show"),
    set: async (to, reason) => {
      const change = { from: "OPERATIONAL", to: "LOCKDOWN", reason, by: "user:ada\u001b[31m", unrecorded: options.unrecorded ?? null } as const;
      return reply(change, "security.set", to, reason);
    },
  };
  const found = options.found === undefined ? "/work/project/.lily" : options.found;
  const preset: LocalPreset = {
    openLocal: async (request) => {
      calls.push(["openLocal", request]);
      if (!request.create && request.workspaceDir.includes("missing")) throw new LilyError("WORKSPACE_NOT_FOUND", `no workspace at ${request.workspaceDir}`);
      return kernel;
    },
    initWorkspace: async (dir) => {
      const made = {
        workspaceDir: `${dir}/.lily`,
        workspaceId: "ws-1",
        created: options.empty !== true,
        files: options.empty === true ? [] : ["lily.yaml", ".lily/.gitignore"],
      };
      return reply(made, "initWorkspace", dir);
    },
    findWorkspace: () => found,
    localSecurity: async () => security,
    recoverAuthority: async (dir) => reply({ findings: ["tokens continue past 7", "open leases are unknown"] }, "recoverAuthority", dir),
  };
  return { preset, calls };
}
