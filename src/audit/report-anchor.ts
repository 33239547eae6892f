/**
 * Owns: whether a record is anchored by a checkpoint and a key that the reader gives: C2SP signed note, Ed25519, RFC 6962 inclusion. The page
 * holds the text of this very function: it names nothing from outside of itself.
 * Invariants: S5 what the page brings along (leaves and proofs) never vouches for itself: without a key from the reader nothing is anchored.
 * Not responsible for: the check of the record's own lines (report-checker).
 */

/** Audit path of a leaf in the tree of the first `size` leaves, nodes in hex. */
export interface ReportProof {
  readonly index: number;
  readonly size: number;
  readonly nodes: readonly string[];
}

/** A leaf of the workspace log for this run: `size` events whose last has the hash `head`. */
export interface ReportLeaf {
  readonly size: number;
  readonly head: string;
  readonly proofs: readonly ReportProof[];
}

export interface GivenAnchor {
  /** Text of a signed note. */
  readonly note: string;
  /** `name+id+base64`. */
  readonly key: string;
}

export interface AnchoredRecord {
  readonly stream: string;
  readonly workspaceId: string | null;
  readonly hashes: readonly string[];
}

/** `refused`: note and key prove nothing here. `contradicts`: they prove that this is another record. `unable`: this browser cannot tell. */
export interface AnchorAnswer {
  readonly result: "anchored" | "partly" | "refused" | "contradicts" | "unable";
  readonly message: string;
}

export interface AnchorWorld {
  sha256(bytes: Uint8Array): string;
  /** Null when there is no Ed25519 here. */
  verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean | null>;
}

export type ReportAnchor = (given: GivenAnchor, record: AnchoredRecord, leaves: readonly ReportLeaf[]) => Promise<AnchorAnswer>;

export function reportAnchor({ sha256, verifyEd25519 }: AnchorWorld): ReportAnchor {
  const encoder = new TextEncoder();
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

  /** Strict base64; null for anything else. */
  function bytesOf(text: string): Uint8Array | null {
    if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return null;
    const digits = text.replace(/=+$/, "");
    const bytes = new Uint8Array(Math.floor((digits.length * 6) / 8));
    let [bits, held, to] = [0, 0, 0];
    for (const digit of digits) {
      bits = ((bits << 6) | alphabet.indexOf(digit)) & 0xffff;
      held += 6;
      if (held < 8) continue;
      held -= 8;
      bytes[to++] = (bits >> held) & 255;
    }
    return (bits & ((1 << held) - 1)) === 0 ? bytes : null;
  }

  function hexOf(bytes: Uint8Array): string {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function fromHex(hex: string): Uint8Array {
    return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  }

  function joined(...parts: readonly Uint8Array[]): Uint8Array {
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  interface Key {
    readonly name: string;
    readonly id: string;
    readonly publicKey: Uint8Array;
  }

  function parseKey(text: string): Key | null {
    const [, name = "", id = "", data = ""] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/u.exec(text.trim()) ?? [];
    const bytes = bytesOf(data);
    if (name === "" || bytes === null || bytes.length !== 33 || bytes[0] !== 1) return null;
    const seen = sha256(joined(encoder.encode(`${name}\n`), bytes)).slice(0, 8);
    return seen === id ? { name, id, publicKey: bytes.subarray(1) } : null;
  }

  interface Note {
    readonly text: string;
    readonly origin: string;
    readonly size: number;
    readonly root: string;
    readonly signatures: readonly { readonly name: string; readonly id: string; readonly signature: Uint8Array }[];
  }

  function parseNote(given: string): Note | null {
    const border = given.lastIndexOf("\n\n");
    if (border === -1 || !given.endsWith("\n") || given.length > 65536) return null;
    const text = given.slice(0, border + 1);
    const [, origin = "", size = "", root = ""] = /^([^\s+]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n$/u.exec(text) ?? [];
    const rootBytes = bytesOf(root);
    if (origin === "" || rootBytes === null) return null;
    const signatures: { name: string; id: string; signature: Uint8Array }[] = [];
    for (const line of given.slice(border + 2, -1).split("\n")) {
      const [, name = "", data = ""] = /^\u2014 ([^\s+]+) (\S+)$/u.exec(line) ?? [];
      const bytes = bytesOf(data);
      if (name === "" || bytes === null || bytes.length <= 4) return null;
      signatures.push({ name, id: hexOf(bytes.subarray(0, 4)), signature: bytes.subarray(4) });
    }
    return { text, origin, size: Number(size), root: hexOf(rootBytes), signatures };
  }

  /** RFC 9162 section 2.1.3.2. */
  function includes(leaf: Uint8Array, { index, size, nodes }: ReportProof, root: string): boolean {
    if (!(index >= 0 && index < size)) return false;
    let [at, last, node] = [index, size - 1, sha256(joined(Uint8Array.of(0), leaf))];
    const parent = (left: string, right: string): string => sha256(joined(Uint8Array.of(1), fromHex(left), fromHex(right)));
    for (const sibling of nodes) {
      if (last === 0 || !/^[0-9a-f]{64}$/.test(sibling)) return false;
      if (at % 2 === 1 || at === last) {
        node = parent(sibling, node);
        while (at % 2 === 0 && at !== 0) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
      } else node = parent(node, sibling);
      [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
    }
    return last === 0 && node === root;
  }

  async function signer(note: Note, key: Key): Promise<"signed" | "not-signed" | "bad" | "unable"> {
    let answer: "signed" | "not-signed" = "not-signed";
    for (const { name, id, signature } of note.signatures) {
      if (name !== key.name || id !== key.id) continue;
      const isGood = await verifyEd25519(key.publicKey, encoder.encode(note.text), signature);
      if (isGood === null) return "unable";
      if (!isGood) return "bad";
      answer = "signed";
    }
    return answer;
  }

  return async (given, record, leaves) => {
    const refused = (message: string): AnchorAnswer => ({ result: "refused", message });
    const key = parseKey(given.key);
    if (key === null) return refused("The key is not a verifier key (name+id+base64), or it was changed.");
    const note = parseNote(given.note.replaceAll("\r\n", "\n").trim().concat("\n"));
    if (note === null) return refused("The checkpoint is not a signed note: origin, size, root, an empty line, and signature lines.");
    const signed = await signer(note, key);
    if (signed === "unable")
      return { result: "unable", message: "This browser cannot check Ed25519 signatures; use lily record verify with the key and the checkpoint." };
    if (signed === "bad") return refused(`The signature of ${key.name} on the checkpoint does not verify.`);
    if (signed === "not-signed") return refused(`The key ${key.name}+${key.id} has not signed this checkpoint.`);
    if (note.origin !== `lily/${record.workspaceId ?? ""}`)
      return refused(`The checkpoint is of ${note.origin}, and this run is of the workspace ${record.workspaceId ?? "unknown"}.`);
    const covered = leaves
      .flatMap((leaf) => leaf.proofs.filter((proof) => proof.size === note.size).map((proof) => ({ leaf, proof })))
      .toSorted((one, other) => other.leaf.size - one.leaf.size)[0];
    if (covered === undefined) {
      const sizes = [...new Set(leaves.flatMap((leaf) => leaf.proofs.map((proof) => proof.size)))];
      const has =
        sizes.length === 0
          ? "this page holds no proof: no checkpoint covered the run when it was made"
          : `this page holds proofs for checkpoints of ${sizes.join(", ")} leaves`;
      return refused(`The checkpoint covers ${note.size} leaves, and ${has}. Make the report again, or use lily record verify.`);
    }
    const { leaf, proof } = covered;
    const leafText = JSON.stringify({ head: leaf.head, size: leaf.size, stream: record.stream });
    if (!includes(encoder.encode(leafText), proof, note.root)) return refused("The proof in this page does not lead to the root of the checkpoint.");
    const head = record.hashes[leaf.size - 1];
    const by = `given key ${key.name}, checkpoint of ${note.size} ${note.size === 1 ? "leaf" : "leaves"}`;
    if (head !== leaf.head)
      return {
        result: "contradicts",
        message: `After ${leaf.size} events the checkpoint (${by}) has another hash than this record: this is not the record that was sealed.`,
      };
    if (leaf.size === record.hashes.length) return { result: "anchored", message: `All ${leaf.size} events are covered by the ${by}.` };
    return { result: "partly", message: `Events 0 to ${leaf.size - 1} are covered by the ${by}; ${record.hashes.length - leaf.size} later events are not.` };
  };
}
