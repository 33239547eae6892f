import type { Journal } from "./journal.ts";
import type { LeaseStore } from "./lease-store.ts";

/** What a workspace is, fixed when it is made. */
export interface WorkspaceIdentity {
  readonly workspaceId: string;
  readonly format: 1;
  readonly kernelVersion: string;
  readonly createdAt: string;
}

/** The authority store: the one database whose content is truth beside records and objects. */
export interface AuthorityStore {
  readonly capabilities: { readonly groupCommit: boolean; readonly sharedBetweenProcesses: boolean };
  /** True when the workspace can be read only: every write is WORKSPACE_READ_ONLY. Absent is false. */
  readonly isReadOnly?: boolean;
  readonly identity: WorkspaceIdentity;
  readonly journal: Journal;
  readonly leases: LeaseStore;
  /** Structural check of the store itself; an empty list is sound. */
  check(): Promise<readonly string[]>;
  close(): Promise<void>;
}
