/** For authors of adapters: the suites that every adapter of a port must pass, fakes for time and ids, and a workspace in memory. Needs vitest. */
export { type AttemptFoldersBed, attemptFoldersConformance } from "./attempt-folders-conformance.ts";
export { createFakeClock, type FakeClock } from "./fake-clock.ts";
export { createFakeIds } from "./fake-ids.ts";
export { type FileTreeBed, fileTreeConformance } from "./file-tree-conformance.ts";
export { type AuthoritySubject, journalConformance } from "./journal-conformance.ts";
export { leaseStoreConformance } from "./lease-store-conformance.ts";
export { type MemoryProcess, MemoryWorkspace } from "./memory-workspace.ts";
export { bytesSource, type ObjectStoreBed, objectStoreConformance } from "./object-store-conformance.ts";
export { type ProcessBehaviour, type ProcessRunnerBed, processRunnerConformance } from "./process-runner-conformance.ts";
export { type RecordFilesSubject, recordFilesConformance } from "./record-files-conformance.ts";
export { runIndexConformance } from "./run-index-conformance.ts";
export { trustStoreConformance } from "./trust-store-conformance.ts";
