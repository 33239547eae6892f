import type { Audit } from "./audit.ts";
import type { AuditReader } from "./audit-reader.ts";
import type { KernelCore } from "./core.ts";

/** The auditing operations of a kernel, each loaded when it is first used. */
export function lazyAudit(core: KernelCore): Audit {
  const load = async (): Promise<ReturnType<typeof import("./audit-operations.ts")["auditOperations"]>> => {
    const [{ auditOperations }, { auditReader }] = await Promise.all([import("./audit-operations.ts"), import("./audit-reader.ts")]);
    return auditOperations(auditReader(core));
  };
  const reader = async (): Promise<AuditReader> => (await import("./audit-reader.ts")).auditReader(core);
  return {
    record: async (run) => (await load()).record(run),
    summary: async (run) => (await load()).summary(run),
    trend: async (filter) => (await load()).trend(filter),
    irreversible: async (run) => (await load()).irreversible(run),
    rollback: async (run) => (await load()).rollback(run),
    diff: async (a, b) => (await import("./diff-runs.ts")).diffRuns(await reader(), a, b),
    export: async (run, format) => (await import("./export-run.ts")).exportRun(await reader(), run, format),
    confirmRollback: async (scaffold, typed) => (await load()).confirmRollback(scaffold, typed),
  };
}
