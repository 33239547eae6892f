/**
 * C2SP signed-note (c2sp.org/signed-note): text, an empty line, and signature lines `— <name> <base64(key id || signature)>`.
 * Ed25519 only; a key's id is SHA-256(name || LF || 0x01 || public key)[:4]. Specified in docs/formats/checkpoint.md.
 */
import { base64Of, parseBase64 } from "../base/base64.ts";
import { sha256Raw } from "../base/digest.ts";
import { LilyError } from "../base/lily-error.ts";
import type { SignatureVerifier } from "../ports/signature-verifier.ts";
import type { Signer } from "../ports/signer.ts";
import { joined } from "./line-splitter.ts";

/** A key that the verifier was given from outside of what it verifies. */
export interface NoteKey {
  readonly name: string;
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
}

export interface OpenedNote {
  /** Every byte that is signed, last LF included. */
  readonly text: string;
  /** Names of the given keys whose signature verified; at least one. */
  readonly signedBy: readonly string[];
}

const algorithmEd25519 = 1;
const keyIdBytes = 4;
const signatureBytes = 64;
const publicKeyBytes = 32;
const namePattern = /^[^\s+]+$/u;
const signaturePattern = /^\u2014 (\S+) (\S+)$/u;
const noteBytesMax = 64 * 1024;
const signaturesMax = 100;
const encoder = new TextEncoder();

/** First four bytes of a key's identity. */
export function noteKeyId(key: NoteKey): Uint8Array {
  const name = encoder.encode(`${key.name}\n`);
  return sha256Raw(joined(joined(name, Uint8Array.of(algorithmEd25519)), key.publicKey)).slice(0, keyIdBytes);
}

/** The key as C2SP tools take it: `<name>+<hex key id>+<base64(0x01 || public key)>`. */
export function verifierKeyText(key: NoteKey): string {
  const id = Array.from(noteKeyId(key), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${key.name}+${id}+${base64Of(joined(Uint8Array.of(algorithmEd25519), key.publicKey))}`;
}

/** The opposite of `verifierKeyText`. Throws KEY_INVALID. */
export function parseVerifierKey(text: string): NoteKey {
  const [, name, id, data] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/u.exec(text) ?? [];
  if (name === undefined || data === undefined) throw new LilyError("KEY_INVALID", "a verifier key is name+id+base64, as lily log checkpoint prints it");
  const bytes = keyBytes(data);
  const key = { name, publicKey: bytes.slice(1) };
  if (bytes.length !== 1 + publicKeyBytes || bytes[0] !== algorithmEd25519) throw new LilyError("KEY_INVALID", `the verifier key of ${name} is no Ed25519 key`);
  if (verifierKeyText(key) !== text) throw new LilyError("KEY_INVALID", `the verifier key of ${name} does not have the id ${id}: it was changed`);
  return key;
}

function keyBytes(data: string): Uint8Array {
  try {
    return parseBase64(data);
  } catch (cause) {
    throw new LilyError("KEY_INVALID", "the verifier key holds what is not strict base64", { cause });
  }
}

/** Signs `text`, which must end with LF and hold no other control character. */
export async function signNote(text: string, signer: Signer): Promise<string> {
  checkText(text);
  if (!namePattern.test(signer.keyName)) throw invalid(`key name ${JSON.stringify(signer.keyName)} has a space or plus`);
  const signature = await signer.sign(encoder.encode(text));
  if (signature.length !== signatureBytes) throw invalid("the signer did not give an Ed25519 signature");
  const id = noteKeyId({ name: signer.keyName, publicKey: signer.publicKey });
  return `${text}\n\u2014 ${signer.keyName} ${base64Of(joined(id, signature))}\n`;
}

/**
 * Verifies a note with the given keys. A signature of a key that was not given is passed over; one of a given key that does not
 * verify refuses the note. Throws CHECKPOINT_INVALID, also when no given key signed.
 */
export function openNote(note: string, keys: readonly NoteKey[], verifier: SignatureVerifier): OpenedNote {
  const { text, signatures } = splitNote(note);
  const message = encoder.encode(text);
  const signedBy = new Set<string>();
  for (const { name, id, signature } of signatures) {
    const key = keys.find((each) => each.name === name && noteKeyId(each).every((byte, index) => byte === id[index]));
    if (key === undefined) continue;
    if (!verifier.verify(key.publicKey, message, signature)) throw invalid(`the signature of ${name} does not verify`);
    signedBy.add(name);
  }
  if (signedBy.size === 0) throw invalid("no key that was given has signed it");
  return { text, signedBy: [...signedBy] };
}

interface NoteSignature {
  readonly name: string;
  readonly id: Uint8Array;
  readonly signature: Uint8Array;
}

function splitNote(note: string): { readonly text: string; readonly signatures: readonly NoteSignature[] } {
  if (note.length > noteBytesMax) throw invalid(`the note is larger than ${noteBytesMax} characters`);
  const border = note.lastIndexOf("\n\n");
  if (border === -1 || !note.endsWith("\n")) throw invalid("the note has no signature part");
  const text = note.slice(0, border + 1);
  checkText(text);
  const lines = note.slice(border + 2, -1).split("\n");
  if (lines.length > signaturesMax) throw invalid(`the note has more than ${signaturesMax} signatures`);
  return { text, signatures: lines.map(signatureOf) };
}

function signatureOf(line: string): NoteSignature {
  const match = signaturePattern.exec(line);
  const [name, data] = [match?.[1], match?.[2]];
  if (name === undefined || data === undefined || !namePattern.test(name)) throw invalid("a signature line is not `— <name> <base64>`");
  const bytes = strictBase64(data);
  if (bytes.length <= keyIdBytes) throw invalid("a signature is too short");
  return { name, id: bytes.slice(0, keyIdBytes), signature: bytes.slice(keyIdBytes) };
}

function strictBase64(text: string): Uint8Array {
  try {
    return parseBase64(text);
  } catch (cause) {
    throw new LilyError("CHECKPOINT_INVALID", "the signed note holds what is not strict base64", { cause });
  }
}

function checkText(text: string): void {
  if (!text.endsWith("\n") || text.length < 2) throw invalid("the text does not end with a line end");
  if (!text.isWellFormed()) throw invalid("the text is not well-formed Unicode");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u0009\u000b-\u001f\u007f]/.test(text)) throw invalid("the text has a control character");
}

function invalid(why: string): LilyError {
  return new LilyError("CHECKPOINT_INVALID", `the signed note is refused: ${why}`);
}
