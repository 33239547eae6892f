/** Joins the rooms into the operations of a kernel. Each family of operations is loaded when it is first used. */
import type { LedgerEvent } from "../contracts/event.ts";
import { runStream } from "../contracts/ids.ts";
import { KernelCore } from "./core.ts";
import type { Artifacts, Kernel, Records, Runs, Schemas, Workflows } from "./kernel.ts";
import type { KernelParts } from "./kernel-parts.ts";
import { lazyAudit } from "./lazy-audit.ts";
import type { Packs } from "./pack-views.ts";
import type { Security, SecurityParts } from "./security-operations.ts";

export function openKernel(parts: KernelParts): Kernel {
  const core = new KernelCore(parts);
  return {
    workspaceDir: parts.workspaceDir,
    workspaceId: core.workspaceId,
    runs: lazyRuns(core),
    artifacts: lazyArtifacts(core),
    schemas: lazySchemas(core),
    packs: lazyPacks(core),
    workflows: lazyWorkflows(core),
    records: lazyRecords(core),
    security: lazySecurity(core),
    audit: lazyAudit(core),
    provenance: async (run) => {
      const { foldProvenance } = await import("../audit/provenance.ts");
      const ledger = await core.ledger();
      const events: LedgerEvent[] = [];
      for await (const event of ledger.readStream(runStream(await core.findRun(run)))) events.push(event);
      return foldProvenance(events);
    },
    report: async (run, options = {}) => (await import("./report-run.ts")).reportRun(core, run, options),
    rebuildIndex: async () => {
      await parts.index.clear();
      const index = await core.freshIndex();
      const { heads } = await parts.authority.journal.changedSince(0);
      return { runs: (await index.runs({})).length, events: heads.reduce((sum, head) => sum + head.size, 0) };
    },
    doctor: async () => (await import("./doctor.ts")).examine(core),
    keyProblem: async () => (await import("./checkpoints.ts")).keyProblem(core),
    acceptRollback: async (reason) => (await import("./checkpoints.ts")).acceptWorkspaceRollback(core, reason),
    close: () => core.close(),
  };
}

function lazyRuns(core: KernelCore): Runs {
  const load = async (): Promise<Runs> => (await import("./run-operations.ts")).runOperations(core);
  return {
    create: async (options) => (await load()).create(options),
    start: async (source, options) => (await load()).start(source, options),
    exec: async (options) => (await load()).exec(options),
    resume: async (run, options) => (await load()).resume(run, options),
    rerun: async (run, options) => (await load()).rerun(run, options),
    fork: async (run, options) => (await load()).fork(run, options),
    judge: async (run, options) => (await load()).judge(run, options),
    reproduce: async (run, options) => (await load()).reproduce(run, options),
    cancel: async (run, reason) => (await load()).cancel(run, reason),
    show: async (run) => (await load()).show(run),
    // Needs the index alone, so that listing runs loads nothing else.
    list: async (filter = {}) => (await core.readableIndex()).runs(filter),
    watch: (run, options) => later(load, (runs) => runs.watch(run, options)),
    logs: async (run, filter) => (await load()).logs(run, filter),
    unenforced: async (run) => (await import("./unenforced-rules.ts")).unenforcedRules(core, run),
    why: async (run, step) => (await import("./why-run.ts")).whyRun(core, run, step),
    checkedLogs: async (run, filter) => (await load()).checkedLogs(run, filter),
  };
}

function lazyArtifacts(core: KernelCore): Artifacts {
  const load = async (): Promise<Artifacts> => (await import("./artifact-operations.ts")).artifactOperations(core);
  return {
    put: async (file, options) => (await load()).put(file, options),
    get: async (id) => (await load()).get(id),
    show: async (id) => (await load()).show(id),
    list: async (filter) => (await load()).list(filter),
    replace: async (original, replacement, options) => (await load()).replace(original, replacement, options),
  };
}

function lazySchemas(core: KernelCore): Schemas {
  const load = async (): Promise<Schemas> => (await import("./schema-operations.ts")).schemaOperations(core);
  return {
    list: async () => (await load()).list(),
    show: async (schemaId) => (await load()).show(schemaId),
    check: async (schemaId, file) => (await load()).check(schemaId, file),
  };
}

function lazyPacks(core: KernelCore): Packs {
  const load = async (): Promise<Packs> => (await import("./pack-operations.ts")).packOperations(core);
  return {
    list: async () => (await load()).list(),
    check: async (folder) => (await load()).check(folder),
  };
}

function lazyWorkflows(core: KernelCore): Workflows {
  const load = async (): Promise<typeof import("./workflow-source.ts")> => import("./workflow-source.ts");
  return {
    check: async (source) => (await (await load()).loadWorkflow(core, source, { here: true })).problems,
    plan: async (source, options = {}) => {
      const { loadWorkflow, compileLoaded } = await load();
      const { plan, planHash } = await compileLoaded(await loadWorkflow(core, source), options.params ?? {});
      return { plan, plan_hash: planHash };
    },
  };
}

function lazyRecords(core: KernelCore): Records {
  const load = async (): Promise<Records> => (await import("./record-operations.ts")).recordOperations(core);
  return {
    verify: async (run, options) => (await load()).verify(run, options),
    verifyAll: async (options) => (await load()).verifyAll(options),
    show: (run, options) => later(load, (records) => records.show(run, options)),
    lines: (run, options) => later(load, (records) => records.lines(run, options)),
    checkpoint: async () => (await load()).checkpoint(),
  };
}

function lazySecurity(core: KernelCore): Security {
  const { security = null, probe, clock, ids } = core.parts;
  const record: SecurityParts["record"] = async (build) => (await core.ledger()).appendWorkspace(build);
  const load = async (): Promise<Security> => (await import("./security-operations.ts")).securityOperations({ security, probe, clock, ids, record });
  return {
    show: async () => (await load()).show(),
    set: async (state, reason) => (await load()).set(state, reason),
  };
}

async function* later<Family, T>(load: () => Promise<Family>, use: (family: Family) => AsyncIterable<T>): AsyncGenerator<T, void, void> {
  yield* use(await load());
}
