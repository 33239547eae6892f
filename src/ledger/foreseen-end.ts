/**
 * What the next line of a record must end with, before its hash: `,"prev":"sha256:...","seq":N,"stream":"S","token":T,"v":1`. Only `prev`
 * and the number differ from one line to the next, so a check compares one run of bytes in words, where walking the members compares
 * each byte with a text of its own. Bytes that differ prove nothing: another token, or one digit more, is walked.
 */
const prevStart = new TextEncoder().encode(',"prev":"sha256:');
const hexBytes = 64;
const seqDigitsAt = ',"seq":'.length;

export class ForeseenEnd {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Last digit of the number. */
  readonly #lastDigit: number;

  /** `fromSeq` are the bytes of a line that was found good, from `,"seq":` to before its hash. */
  constructor(fromSeq: Uint8Array) {
    const hexEnd = prevStart.length + hexBytes;
    this.#bytes = new Uint8Array(hexEnd + 1 + fromSeq.length);
    this.#bytes.set(prevStart);
    this.#bytes[hexEnd] = 0x22;
    this.#bytes.set(fromSeq, hexEnd + 1);
    this.#view = new DataView(this.#bytes.buffer);
    this.#lastDigit = this.#bytes.indexOf(0x2c, hexEnd + 1 + seqDigitsAt) - 1;
  }

  /** Moves on by one line whose hash is written at `hashAt`. False when the number would get another digit. */
  follow(line: DataView, hashAt: number): boolean {
    const bytes = this.#bytes;
    for (let i = 0; i < hexBytes; i += 4) this.#view.setUint32(prevStart.length + i, line.getUint32(hashAt + i));
    for (let at = this.#lastDigit; ; at--) {
      const digit = bytes[at] ?? 0;
      if (digit < 0x30 || digit > 0x39) return false;
      if (digit < 0x39) {
        bytes[at] = digit + 1;
        return true;
      }
      bytes[at] = 0x30;
    }
  }

  /** True when the bytes before `end` are these, and none of them lies before `start`. */
  ends(line: DataView, start: number, end: number): boolean {
    const view = this.#view;
    const length = view.byteLength;
    const from = end - length;
    if (from < start) return false;
    let at = 0;
    for (; at + 4 <= length; at += 4) if (line.getUint32(from + at) !== view.getUint32(at)) return false;
    for (; at < length; at++) if (line.getUint8(from + at) !== view.getUint8(at)) return false;
    return true;
  }
}
