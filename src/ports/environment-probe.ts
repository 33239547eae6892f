import type { JsonObject } from "../base/json-value.ts";
import type { LeaseOwner } from "./lease-store.ts";

export interface SnapshotRequest {
  /** Absolute folder of the workflow. */
  readonly sourceDir: string;
  /** Commands that the plan names. */
  readonly tools: readonly string[];
  readonly at: string;
}

/** What of the machine a result may depend on. */
export interface MachineFacts {
  readonly os: string;
  readonly arch: string;
  /** As `node 24.1.0`. */
  readonly runtime: string;
  /** As in environment_snapshot.v1. */
  readonly lockfiles: readonly { readonly path: string; readonly sha256: string }[];
}

/** Reads facts about the machine and the source. Never blocks a run: what cannot be found is left out. */
export interface EnvironmentProbe {
  /** Payload of environment_snapshot.v1. No secret, no credential in a remote, no value of the environment. */
  snapshot(request: SnapshotRequest): Promise<JsonObject>;
  /** The same facts as a snapshot taken now would have, and no others; cheap when nothing changed. */
  machine(sourceDir: string): Promise<MachineFacts>;
  /** This process as lease owner. */
  owner(): LeaseOwner;
  /** The acting principal, as `user:ada`. */
  principal(): string;
  /** Variables of the caller that match any name or pattern (`AWS_*`). */
  select(patterns: readonly string[]): Readonly<Record<string, string>>;
  /** PATH and HOME for steps. */
  base(): { readonly PATH: string; readonly HOME: string };
}
