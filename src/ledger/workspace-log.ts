/**
 * Owns: checkpoints over the workspace log: cutting them, and saying by which of them a record is anchored.
 * Invariants
 * - A checkpoint is signed only when the log still holds everything that earlier checkpoints cover: no fork and no cut log is ever signed.
 * - S5 A record is anchored only when a verified checkpoint covers a leaf with exactly its head and size; the answer names it.
 * Not responsible for: the check of a record's own lines (`verifyStream`), and where keys lie (trust store).
 */
import { LilyError, messageOf } from "../base/lily-error.ts";
import type { EventOf } from "../contracts/event.ts";
import type { StreamId } from "../contracts/ids.ts";
import type { VerifyView } from "../contracts/run-view.ts";
import { workspaceStream } from "../contracts/ids.ts";
import type { AuthorityStore } from "../ports/authority-store.ts";
import type { LogLeaf } from "../ports/journal.ts";
import type { SignatureVerifier } from "../ports/signature-verifier.ts";
import type { Signer, TrustStore } from "../ports/signer.ts";
import { formatCheckpoint, logOrigin, type OpenedCheckpoint, openCheckpoint } from "./checkpoint.ts";
import type { Ledger } from "./ledger.ts";
import { rootOfAll, rootsAt } from "./log-tree.ts";
import { rememberedCheckpoint, requireContains } from "./remembered-log.ts";
import { type NoteKey, signNote } from "./signed-note.ts";
import type { RecordFacts } from "./verify-record.ts";

type CheckpointCut = EventOf<"CHECKPOINT_CUT">;

export interface CutParts {
  readonly ledger: Ledger;
  readonly authority: AuthorityStore;
  readonly signer: Signer;
  readonly trust: TrustStore;
  readonly verifier: SignatureVerifier;
}

export interface CutCheckpoint {
  readonly note: string;
  readonly size: number;
  readonly root: string;
  readonly key_name: string;
  /** False when the newest checkpoint covered everything already. */
  readonly cut: boolean;
}

/**
 * Signs the workspace log as it is, records CHECKPOINT_CUT in the workspace stream and remembers the note outside of the workspace.
 * Without new leaves it returns the newest checkpoint; null when nothing is sealed yet. Throws RECORD_BEHIND_ANCHOR when the log is
 * shorter than a checkpoint, CHECKPOINT_INVALID when it differs from one: then nothing is signed.
 */
export async function cutCheckpoint(parts: CutParts): Promise<CutCheckpoint | null> {
  const { ledger, authority, signer, trust } = parts;
  const { workspaceId } = authority.identity;
  let newest: CheckpointCut | null = null;
  const events = await ledger.appendWorkspace(async (view) => {
    newest = view.newest("CHECKPOINT_CUT");
    const leaves = await authority.journal.leaves(0);
    await checkUnforked(parts, newest, leaves);
    const covered = newest?.data.size ?? 0;
    if (leaves.length === covered) return null;
    const checkpoint = { origin: logOrigin(workspaceId), size: leaves.length, root: rootOfAll(leaves) };
    const note = await signNote(formatCheckpoint(checkpoint), signer);
    const added = leaves.slice(covered).map(({ stream, size, head }) => ({ stream, size, head }));
    const data = { size: checkpoint.size, root: checkpoint.root, leaves: added, key_name: signer.keyName, note };
    return [{ kind: "CHECKPOINT_CUT", key: `CHECKPOINT_CUT/${checkpoint.size}`, by: "system:ledger", data }];
  });
  const cut = events.find((event) => event.kind === "CHECKPOINT_CUT") ?? newest;
  if (cut === null) return null;
  await trust.rememberCheckpoint(workspaceId, cut.data.note, cut.data.size);
  const { note, size, root, key_name } = cut.data;
  return { note, size, root, key_name, cut: events.length > 0 };
}

/** The log must contain the trees of the newest checkpoint in the record and of the one remembered outside. */
async function checkUnforked(parts: CutParts, newest: CheckpointCut | null, leaves: readonly LogLeaf[]): Promise<void> {
  const remembered = await rememberedCheckpoint(parts);
  const earlier = [...(newest === null ? [] : [newest.data]), ...(remembered === null ? [] : [remembered])];
  requireContains(leaves, earlier, "nothing was signed");
}

/** Leaves that no checkpoint of the record covers, in log order: streams that were sealed just before a crash, or without a key. */
export async function uncoveredLeaves(parts: Pick<CutParts, "ledger" | "authority">): Promise<readonly LogLeaf[]> {
  let covered = 0;
  for await (const event of parts.ledger.readStream(workspaceStream)) if (event.kind === "CHECKPOINT_CUT") covered = event.data.size;
  return parts.authority.journal.leaves(covered);
}

export interface TrustedLogParts {
  readonly ledger: Ledger;
  readonly authority: AuthorityStore;
  readonly trust: TrustStore;
  readonly verifier: SignatureVerifier;
  /** Keys to trust in place of the workspace's own, and how the answer calls them. */
  readonly given?: { readonly keys: readonly NoteKey[]; readonly label: string };
  /** A signed note that was kept elsewhere; the log must hold what it covers. */
  readonly keptNote?: string;
}

/** The workspace log as far as verified checkpoints cover it. Load once, ask for many records. */
export interface TrustedLog {
  readonly state: "sound" | "behind_anchor" | "corrupt";
  /** What a covered record is anchored by; null when there is no checkpoint. */
  readonly anchor: string | null;
  /** Leaves that the checkpoint covers. */
  readonly covered: readonly LogLeaf[];
  readonly problems: readonly string[];
}

/**
 * Opens the newest checkpoint of the workspace record, the one remembered outside and the one that was kept elsewhere, and compares them
 * with the leaves. Throws for a kept note that cannot be used: KEY_MISSING, CHECKPOINT_INVALID.
 */
export async function loadTrustedLog(parts: TrustedLogParts): Promise<TrustedLog> {
  const { workspaceId } = parts.authority.identity;
  const { keys, label } = await trustedKeys(parts);
  if (keys.length === 0) {
    if (parts.keptNote !== undefined)
      throw new LilyError("KEY_MISSING", "this machine has no checkpoint key of the workspace, so the note cannot be verified; give the key too");
    return { state: "sound", anchor: null, covered: [], problems: ["the checkpoint key of this workspace was not found, so no checkpoint can be verified"] };
  }
  const leaves = await parts.authority.journal.leaves(0);
  const found: Found[] = [];
  const problems: string[] = [];
  if (parts.keptNote !== undefined) found.push({ from: "kept note", checkpoint: openCheckpoint(parts.keptNote, logOrigin(workspaceId), keys, parts.verifier) });
  try {
    for (const { from, note } of await notesOf(parts)) {
      found.push({ from, checkpoint: openCheckpoint(note, logOrigin(workspaceId), keys, parts.verifier) });
    }
  } catch (thrown) {
    return { state: "corrupt", anchor: null, covered: [], problems: [messageOf(thrown)] };
  }
  return compared(leaves, found, label, problems);
}

interface Found {
  readonly from: "record" | "trust store" | "kept note";
  readonly checkpoint: OpenedCheckpoint;
}

function compared(leaves: readonly LogLeaf[], found: readonly Found[], label: string, problems: string[]): TrustedLog {
  const roots = rootsAt(
    leaves,
    found.map(({ checkpoint }) => checkpoint.size),
  );
  let state: TrustedLog["state"] = "sound";
  let newest: OpenedCheckpoint | null = null;
  for (const { from, checkpoint } of found) {
    if (checkpoint.size > leaves.length) {
      if (state === "sound") state = "behind_anchor";
      problems.push(`the workspace log has ${leaves.length} leaves; the checkpoint of the ${from} covers ${checkpoint.size}`);
    } else if (roots.get(checkpoint.size) !== checkpoint.root) {
      state = "corrupt";
      problems.push(
        `the first ${checkpoint.size} leaves give the root ${roots.get(checkpoint.size) ?? "none"}; the checkpoint of the ${from} says ${checkpoint.root}`,
      );
    } else if (newest === null || checkpoint.size > newest.size) {
      newest = checkpoint;
    }
  }
  const recorded = found.find(({ from }) => from === "record")?.checkpoint.size ?? 0;
  const remembered = Math.max(0, ...found.flatMap(({ from, checkpoint }) => (from === "record" ? [] : [checkpoint.size])));
  if (state === "sound" && recorded < remembered) {
    state = "behind_anchor";
    problems.push(`the workspace record knows checkpoints up to ${recorded} leaves; ${remembered} were seen before`);
  }
  const anchor = newest === null ? null : `${label} ${newest.signedBy.join(", ")}, checkpoint of ${newest.size} ${newest.size === 1 ? "leaf" : "leaves"}`;
  return { state, anchor, covered: newest === null ? [] : leaves.slice(0, newest.size), problems };
}

async function trustedKeys(parts: TrustedLogParts): Promise<{ readonly keys: readonly NoteKey[]; readonly label: string }> {
  if (parts.given !== undefined) return parts.given;
  const signer = await parts.trust.signer(parts.authority.identity.workspaceId);
  return { keys: signer === null ? [] : [{ name: signer.keyName, publicKey: signer.publicKey }], label: "local key" };
}

async function notesOf(parts: TrustedLogParts): Promise<readonly { readonly from: Found["from"]; readonly note: string }[]> {
  let recorded: string | null = null;
  for await (const event of parts.ledger.readStream(workspaceStream)) {
    if (event.kind === "CHECKPOINT_CUT") recorded = event.data.note;
  }
  const remembered = await parts.trust.newestCheckpoint(parts.authority.identity.workspaceId);
  const notes: { from: Found["from"]; note: string }[] = [];
  if (recorded !== null) notes.push({ from: "record", note: recorded });
  if (remembered !== null) notes.push({ from: "trust store", note: remembered });
  return notes;
}

/** Sizes of a stream at which leaves say its head: give them to `verifyStream` as `headsAt`. */
export function leafSizes(log: TrustedLog, stream: StreamId): ReadonlySet<number> {
  return new Set(log.covered.flatMap((leaf) => (leaf.stream === stream ? [leaf.size] : [])));
}

/** What can be said of a record (S5), from its facts and the verified part of the workspace log. */
export function anchorOf(log: TrustedLog, stream: StreamId, facts: RecordFacts): Omit<VerifyView, "run_id"> {
  const leaves = log.covered.filter((leaf) => leaf.stream === stream);
  const own = facts.problems.map(({ line, offset, code, message }) => `line ${line}, byte ${offset}: ${code}: ${message}`);
  const view = (result: VerifyView["result"], notes: readonly string[]): Omit<VerifyView, "run_id"> => ({
    result,
    anchor: result === "anchored" ? log.anchor : null,
    events: facts.events,
    head: facts.head,
    problems: [...own, ...notes, ...log.problems],
  });
  const other = leaves.filter((leaf) => leaf.size <= facts.events && facts.heads.get(leaf.size) !== leaf.head);
  if (own.length > 0 || other.length > 0 || log.state === "corrupt") {
    return view(
      "corrupt",
      other.map((leaf) => `the checkpoint says head ${leaf.head} after ${leaf.size} events; the record has ${facts.heads.get(leaf.size) ?? "none"}`),
    );
  }
  const sealed = Math.max(0, ...leaves.map((leaf) => leaf.size));
  if (sealed > facts.events) return view("behind_anchor", [`the checkpoint covers ${sealed} events of ${stream}; the record has ${facts.events}`]);
  if (log.state === "behind_anchor") return view("behind_anchor", []);
  if (sealed === 0) return view("unanchored", [`no checkpoint covers ${stream} yet`]);
  if (sealed < facts.events)
    return view("unanchored", [`events 0 to ${sealed - 1} are covered by ${log.anchor ?? "a checkpoint"}; ${facts.events - sealed} later events are not yet`]);
  return view("anchored", []);
}
