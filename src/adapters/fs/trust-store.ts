/**
 * Owns: `<data home>/lily/keys/<workspace_id>`, the checkpoint key, and `<data home>/lily/checkpoints/<workspace_id>/<size>`, the newest
 * note that this machine has seen, and `<data home>/lily/secrets/<workspace_id>`, 32 random bytes in hexadecimal digits, under which values
 * that are kept nowhere are recognised again. `data home` is `$XDG_DATA_HOME`, by default `~/.local/share`.
 * A key file is an Ed25519 private key as PKCS #8 PEM (RFC 8410), so that `openssl pkey -in FILE -pubout` shows its public half.
 * States of a key: absent, then present for ever; Lily never replaces one.
 * Invariants
 * - S4 A key is read only from a plain file of this user that nobody else may read (0600), outside the workspace.
 * - A remembered checkpoint is never followed by one of a smaller tree: notes are files named by size, made once, and the largest counts.
 *   An accepted rollback renames them to `<size>.set-aside-<n>`, which nothing reads and nothing deletes.
 * Not responsible for: whether a note verifies; the caller checked it and its consistency.
 */
import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import type { Digest } from "../../base/digest.ts";
import { parseIdentifier } from "../../base/identifier.ts";
import { LilyError } from "../../base/lily-error.ts";
import type { Signer, TrustStore } from "../../ports/signer.ts";
import { makeFolderDurable, publishOnce, removeQuietly, syncFolder } from "./durable-folder.ts";
import { hasErrno, storageError } from "./storage-error.ts";

export interface FsTrustStoreOptions {
  /** Absolute; `$XDG_DATA_HOME` or `~/.local/share`. */
  readonly dataHome: string;
  /** When given, a data home inside this folder is refused (KEY_INVALID): a key beside the record proves nothing. */
  readonly workspaceDir?: string;
}

const keyFileMode = 0o600;
const keyBytesMax = 4_096;
const noteBytesMax = 1 << 20;
const secretPattern = /^[0-9a-f]{64}\n?$/;
/** Sizes are below 2^53; fixed width makes names sort as numbers. */
const sizeDigits = 16;

export function openFsTrustStore(options: FsTrustStoreOptions): TrustStore {
  return new FsTrustStore(options);
}

class FsTrustStore implements TrustStore {
  readonly #home: string;
  /** Read once: a secret never changes. */
  readonly #secrets = new Map<string, string>();

  constructor(options: FsTrustStoreOptions) {
    this.#home = join(options.dataHome, "lily");
    if (options.workspaceDir !== undefined && isInside(this.#home, options.workspaceDir)) {
      throw new LilyError("KEY_INVALID", `the key folder ${this.#home} lies inside the workspace; set XDG_DATA_HOME to a folder outside of it`);
    }
  }

  async signer(workspaceId: string): Promise<Signer | null> {
    const id = parseIdentifier(workspaceId, "workspace id");
    const pem = readKeyFile(join(this.#home, "keys", id));
    return pem === null ? null : signerOf(id, parseKey(pem, id));
  }

  async createKey(workspaceId: string): Promise<Signer> {
    const known = await this.signer(workspaceId);
    if (known !== null) return known;
    const { privateKey } = generateKeyPairSync("ed25519");
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const folder = join(this.#home, "keys");
    await makePrivateFolder(folder);
    await publishOnce(join(folder, workspaceId), new TextEncoder().encode(pem), keyFileMode);
    // Another process may have been first; whatever stands there is the key.
    const made = await this.signer(workspaceId);
    if (made === null) throw new LilyError("KEY_MISSING", `the key of workspace ${workspaceId} vanished while it was made`);
    return made;
  }

  async keyedDigest(workspaceId: string, text: string): Promise<Digest> {
    const id = parseIdentifier(workspaceId, "workspace id");
    const path = join(this.#home, "secrets", id);
    const secret = this.#secrets.get(id) ?? readKeyFile(path) ?? (await makeSecret(path));
    if (!secretPattern.test(secret)) throw keyInvalid(path, "is no secret of 32 bytes in hexadecimal digits");
    this.#secrets.set(id, secret);
    return `sha256:${createHmac("sha256", Buffer.from(secret.trim(), "hex")).update(text).digest("hex")}` as Digest;
  }

  async newestCheckpoint(workspaceId: string): Promise<string | null> {
    const folder = this.#notesFolder(workspaceId);
    for (;;) {
      const newest = notesIn(folder).at(-1);
      if (newest === undefined) return null;
      try {
        if (fs.lstatSync(join(folder, newest)).size > noteBytesMax) throw new LilyError("CHECKPOINT_INVALID", `${join(folder, newest)} is no checkpoint`);
        return fs.readFileSync(join(folder, newest), "utf8");
      } catch (thrown) {
        // A larger one replaced it between the two looks.
        if (hasErrno(thrown, "ENOENT") && notesIn(folder).at(-1) !== newest) continue;
        throw storageError(thrown, `cannot read ${join(folder, newest)}`);
      }
    }
  }

  async rememberCheckpoint(workspaceId: string, note: string, size: number): Promise<void> {
    if (!Number.isSafeInteger(size) || size < 0) throw new LilyError("CHECKPOINT_INVALID", `a checkpoint cannot have size ${size}`);
    const folder = this.#notesFolder(workspaceId);
    const name = String(size).padStart(sizeDigits, "0");
    const newest = notesIn(folder).at(-1);
    if (newest !== undefined && newest >= name) return;
    await makePrivateFolder(folder);
    await publishOnce(join(folder, name), new TextEncoder().encode(note), keyFileMode);
    for (const older of notesIn(folder)) if (older < name) removeQuietly(join(folder, older));
  }

  async acceptRollback(workspaceId: string): Promise<void> {
    const folder = this.#notesFolder(workspaceId);
    const notes = notesIn(folder);
    if (notes.length === 0) return;
    try {
      for (const name of notes) setNoteAside(folder, name);
      await syncFolder(folder);
    } catch (thrown) {
      throw storageError(thrown, `cannot set the checkpoints in ${folder} aside`);
    }
  }

  #notesFolder(workspaceId: string): string {
    return join(this.#home, "checkpoints", parseIdentifier(workspaceId, "workspace id"));
  }
}

/** Another process may be first; whatever stands there is the secret. */
async function makeSecret(path: string): Promise<string> {
  await makePrivateFolder(dirname(path));
  await publishOnce(path, new TextEncoder().encode(`${randomBytes(32).toString("hex")}\n`), keyFileMode);
  const made = readKeyFile(path);
  if (made === null) throw new LilyError("KEY_MISSING", `the secret ${path} vanished while it was made`);
  return made;
}

function readKeyFile(path: string): string | null {
  let seen: fs.Stats;
  try {
    seen = fs.lstatSync(path);
  } catch (thrown) {
    if (hasErrno(thrown, "ENOENT", "ENOTDIR")) return null;
    throw storageError(thrown, `cannot read ${path}`);
  }
  if (!seen.isFile() || seen.nlink !== 1) throw keyInvalid(path, "is not a plain file with one name");
  if (process.platform !== "win32") {
    if ((seen.mode & 0o077) !== 0) throw keyInvalid(path, "may be read or written by others; run chmod 600 on it");
    if (seen.uid !== process.getuid?.()) throw keyInvalid(path, "belongs to another user");
  }
  if (seen.size > keyBytesMax) throw keyInvalid(path, "is too large to be a key");
  return readKeyText(path, seen);
}

/** Reads what was looked at: a file swapped in between is refused. */
function readKeyText(path: string, seen: fs.Stats): string {
  const fd = fs.openSync(path, fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0));
  try {
    const opened = fs.fstatSync(fd);
    if (opened.ino !== seen.ino || opened.dev !== seen.dev) throw keyInvalid(path, "was replaced while it was read");
    return fs.readFileSync(fd, "utf8");
  } finally {
    fs.closeSync(fd);
  }
}

function parseKey(pem: string, id: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: "pem" });
  } catch (cause) {
    throw new LilyError("KEY_INVALID", `the checkpoint key of workspace ${id} is not a PEM private key`, { cause });
  }
  if (key.asymmetricKeyType !== "ed25519") throw new LilyError("KEY_INVALID", `the checkpoint key of workspace ${id} is not an Ed25519 key`);
  return key;
}

function signerOf(id: string, key: KeyObject): Signer {
  const jwk = createPublicKey(key).export({ format: "jwk" });
  return {
    keyName: `lily/${id}`,
    publicKey: new Uint8Array(Buffer.from(jwk.x ?? "", "base64url")),
    sign: async (message) => new Uint8Array(sign(null, message, key)),
  };
}

async function makePrivateFolder(folder: string): Promise<void> {
  try {
    await makeFolderDurable(folder, 0o700);
  } catch (thrown) {
    throw storageError(thrown, `cannot make ${folder}`);
  }
}

function notesIn(folder: string): readonly string[] {
  try {
    return fs
      .readdirSync(folder)
      .filter((name) => name.length === sizeDigits && /^\d+$/.test(name))
      .sort();
  } catch (thrown) {
    if (hasErrno(thrown, "ENOENT", "ENOTDIR")) return [];
    throw storageError(thrown, `cannot list ${folder}`);
  }
}

/** Under a name that does not count as a note, and that no earlier one has. */
function setNoteAside(folder: string, name: string): void {
  for (let count = 1; ; count++) {
    try {
      fs.linkSync(join(folder, name), join(folder, `${name}.set-aside-${count}`));
      break;
    } catch (thrown) {
      if (!hasErrno(thrown, "EEXIST")) throw thrown;
    }
  }
  fs.unlinkSync(join(folder, name));
}

function isInside(path: string, folder: string): boolean {
  const [inner, outer] = [realOrGiven(path), realOrGiven(folder)];
  return inner === outer || inner.startsWith(outer + sep);
}

/** The real path of the part that exists, so that a link cannot hide that one lies in the other. */
function realOrGiven(path: string): string {
  const absolute = resolve(path);
  for (let at = absolute, rest = ""; ; rest = at.slice(at.lastIndexOf(sep)) + rest, at = at.slice(0, at.lastIndexOf(sep))) {
    if (at === "") return absolute;
    try {
      return fs.realpathSync(at) + rest;
    } catch {
      // This part does not exist yet; the part above it may.
    }
  }
}

function keyInvalid(path: string, why: string): LilyError {
  return new LilyError("KEY_INVALID", `the key file ${path} ${why}`, { details: { path } });
}
