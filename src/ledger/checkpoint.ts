/** Checkpoints over the workspace log: C2SP tlog-checkpoint (c2sp.org/tlog-checkpoint). Specified in docs/formats/checkpoint.md. */
import { base64Of, parseBase64 } from "../base/base64.ts";
import { canonicalJson } from "../base/canonical-json.ts";
import { type Digest, hexOf, isDigest } from "../base/digest.ts";
import { LilyError } from "../base/lily-error.ts";
import type { LogLeaf } from "../ports/journal.ts";
import type { SignatureVerifier } from "../ports/signature-verifier.ts";
import { leafHash, type NodeHash } from "./merkle-tree.ts";
import { type NoteKey, openNote } from "./signed-note.ts";

/** What is signed: a tree of `size` leaves with this root, of the log that `origin` names. */
export interface Checkpoint {
  /** `lily/<workspace_id>`. */
  readonly origin: string;
  readonly size: number;
  readonly root: Digest;
}

export interface OpenedCheckpoint extends Checkpoint {
  readonly signedBy: readonly string[];
}

const encoder = new TextEncoder();
const sizePattern = /^(?:0|[1-9]\d{0,15})$/;

/** Origin of a workspace's log, and name of its own key. */
export function logOrigin(workspaceId: string): string {
  return `lily/${workspaceId}`;
}

/** Bytes of a leaf: JCS of {head, size, stream}. */
export function leafBytes(leaf: LogLeaf): Uint8Array {
  return encoder.encode(canonicalJson({ head: leaf.head, size: leaf.size, stream: leaf.stream }));
}

export function logLeafHash(leaf: LogLeaf): NodeHash {
  return leafHash(leafBytes(leaf));
}

/** A raw root as digest. */
export function rootDigest(root: NodeHash): Digest {
  const text = `sha256:${Array.from(root, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  if (!isDigest(text)) throw new LilyError("CHECKPOINT_INVALID", "a root must have 32 bytes");
  return text;
}

/** The text that is signed. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  if (origin === "" || /[\s+]/u.test(origin)) throw new LilyError("CHECKPOINT_INVALID", `origin ${JSON.stringify(origin)} is empty or has a space or plus`);
  if (!Number.isSafeInteger(size) || size < 0) throw new LilyError("CHECKPOINT_INVALID", `${size} is no tree size`);
  return `${origin}\n${size}\n${base64Of(rootBytes(root))}\n`;
}

/** Parses the text of a note strictly: three lines, no extension. Throws CHECKPOINT_INVALID. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = "", size = "", root = "", ...rest] = text.split("\n");
  if (rest.length !== 1 || rest[0] !== "") throw new LilyError("CHECKPOINT_INVALID", "a checkpoint has three lines: origin, size and root");
  if (!sizePattern.test(size)) throw new LilyError("CHECKPOINT_INVALID", `${JSON.stringify(size)} is no tree size`);
  const checkpoint = { origin, size: Number(size), root: rootDigest(rootOf(root)) };
  if (formatCheckpoint(checkpoint) !== text) throw new LilyError("CHECKPOINT_INVALID", "the checkpoint is not in its one form");
  return checkpoint;
}

/** Verifies a note and parses its checkpoint, which must be of `origin`. Throws CHECKPOINT_INVALID. */
export function openCheckpoint(note: string, origin: string, keys: readonly NoteKey[], verifier: SignatureVerifier): OpenedCheckpoint {
  const { text, signedBy } = openNote(note, keys, verifier);
  const checkpoint = parseCheckpoint(text);
  if (checkpoint.origin !== origin) throw new LilyError("CHECKPOINT_INVALID", `the checkpoint is of ${checkpoint.origin}, not of ${origin}`);
  return { ...checkpoint, signedBy };
}

function rootOf(text: string): Uint8Array {
  try {
    return parseBase64(text);
  } catch (cause) {
    throw new LilyError("CHECKPOINT_INVALID", "the root is not strict base64", { cause });
  }
}

function rootBytes(root: Digest): Uint8Array {
  const hex = hexOf(root);
  return Uint8Array.from({ length: 32 }, (_, index) => Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16));
}
