/** For authors of adapters: the suites that every adapter of a port must pass, fakes for time and ids, and a workspace in memory. Needs vitest. */
export { type AttemptFoldersBed, attemptFoldersConformance } from "./conformance/attempt-folders.ts";
export { type FileTreeBed, fileTreeConformance } from "./conformance/file-tree.ts";
export { bytesSource, type ObjectStoreBed, objectStoreConformance } from "./conformance/object-store.ts";
export { runIndexConformance } from "./conformance/run-index.ts";
export { trustStoreConformance } from "./conformance/trust-store.ts";
export { createFakeClock, type FakeClock } from "./fake-clock.ts";
export { createFakeIds } from "./fake-ids.ts";
export { type AuthoritySubject, journalConformance } from "./journal-conformance.ts";
export { leaseStoreConformance } from "./lease-store-conformance.ts";
export { type MemoryProcess, MemoryWorkspace } from "./memory-workspace.ts";
export { type RecordFilesSubject, recordFilesConformance } from "./record-files-conformance.ts";
