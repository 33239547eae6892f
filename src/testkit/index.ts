/**
 * For authors of adapters: the ports, the suite that every adapter of a port must pass, fakes for time and ids, and adapters in memory,
 * hostile by a seed. Needs vitest. How to use it: docs/howto/write-an-adapter.md.
 */
export { createMemoryAttemptFolders } from "../adapters/memory/attempt-folders.ts";
export { createMemoryChangeObservers, type MemoryChangeObserverOptions } from "../adapters/memory/change-observer.ts";
export { createMemoryEnvironmentProbe, type MemoryEnvironmentProbeOptions } from "../adapters/memory/environment-probe.ts";
export { createMemoryFileTrees } from "../adapters/memory/file-tree.ts";
export { MemoryFiles } from "../adapters/memory/memory-files.ts";
export type { ScriptedCommand } from "../adapters/memory/memory-process.ts";
export { createMemoryModuleHost, type MemoryModule, type MemoryModuleHost } from "../adapters/memory/module-host.ts";
export { createMemoryObjectStore, type MemoryObjectStore } from "../adapters/memory/object-store.ts";
export { createMemoryProcessRunner, type MemoryProcessRunner, type MemoryProcessRunnerOptions } from "../adapters/memory/process-runner.ts";
export { createMemoryRunIndex, type MemoryRunIndex } from "../adapters/memory/run-index.ts";
export { createMemoryTrustStore, type MemoryTrustStore } from "../adapters/memory/trust-store.ts";
export type { AttemptFolder, AttemptFolders } from "../ports/attempt-folders.ts";
export type { AuthorityStore } from "../ports/authority-store.ts";
export type { ChangeObserver, ChangeObservers } from "../ports/change-observer.ts";
export type { Clock } from "../ports/clock.ts";
export type { EnvironmentProbe } from "../ports/environment-probe.ts";
export type { FileTree, FileTrees } from "../ports/file-tree.ts";
export type { IdSource } from "../ports/id-source.ts";
export type { Journal } from "../ports/journal.ts";
export type { LeaseStore } from "../ports/lease-store.ts";
export type { ModuleHost } from "../ports/module-host.ts";
export type { ObjectStore } from "../ports/object-store.ts";
export type { ProcessRunner } from "../ports/process-runner.ts";
export type { RecordFiles } from "../ports/record-files.ts";
export type { RunIndex } from "../ports/run-index.ts";
export type { SignatureVerifier } from "../ports/signature-verifier.ts";
export type { Signer, TrustStore } from "../ports/signer.ts";
export { type AttemptFoldersBed, attemptFoldersConformance } from "./attempt-folders-conformance.ts";
export { type ChangeObserverBed, changeObserverConformance } from "./change-observer-conformance.ts";
export { type ClockBed, clockConformance } from "./clock-conformance.ts";
export { type EnvironmentProbeBed, environmentProbeConformance, probeVariables } from "./environment-probe-conformance.ts";
export { createFakeClock, type FakeClock } from "./fake-clock.ts";
export { createFakeIds } from "./fake-ids.ts";
export { type FileTreeBed, fileTreeConformance } from "./file-tree-conformance.ts";
export { idSourceConformance } from "./id-source-conformance.ts";
export { type AuthoritySubject, journalConformance } from "./journal-conformance.ts";
export { leaseStoreConformance } from "./lease-store-conformance.ts";
export { type MemoryProcess, MemoryWorkspace } from "./memory-workspace.ts";
export { type ModuleBehaviour, type ModuleHostBed, moduleHostConformance, reportedEffects } from "./module-host-conformance.ts";
export { bytesSource, type ObjectStoreBed, objectStoreConformance } from "./object-store-conformance.ts";
export { type ProcessBehaviour, type ProcessRunnerBed, processRunnerConformance } from "./process-runner-conformance.ts";
export { type RecordFilesSubject, recordFilesConformance } from "./record-files-conformance.ts";
export { runIndexConformance } from "./run-index-conformance.ts";
export { signatureVerifierConformance } from "./signature-verifier-conformance.ts";
export { trustStoreConformance } from "./trust-store-conformance.ts";
