import { type Digest, documentDigest, hexOf } from "../base/digest.ts";
import type { ArtifactId } from "../contracts/ids.ts";

/** What an artifact id commits to. Two attempts, or two names, of the same bytes are two artifacts. */
export interface ArtifactIdentity {
  readonly run_id: string;
  readonly producer_id: string;
  readonly attempt: number;
  readonly name: string;
  readonly digest: Digest;
}

/** `art_` and the first 32 hex digits of sha256("lily/artifact/v1\n" + JCS(identity)) (docs/formats/artifact.md). */
export function artifactIdOf(identity: ArtifactIdentity): ArtifactId {
  const { run_id, producer_id, attempt, name, digest } = identity;
  return `art_${hexOf(documentDigest("artifact", { run_id, producer_id, attempt, name, digest })).slice(0, 32)}` as ArtifactId;
}
