/**
 * The forms in which a secret value leaks: as it is, base64 and base64url at the three alignments, hex in both cases, percent-encoded
 * and JSON-escaped; of a value with several lines, each line of eight characters or more too (S4).
 * Forms are byte strings: one character stands for one byte, so that streams and texts are searched alike.
 */
import { base64Of } from "./base64.ts";

const lineLengthMin = 8;
const fragmentLengthMin = 6;
const encoder = new TextEncoder();

/** Every form of the values as byte strings, longest first. Empty values have none. */
export function secretForms(values: readonly string[]): readonly string[] {
  const forms = new Set<string>();
  for (const value of values) {
    for (const text of [value, value.trim(), ...value.split(/\r?\n/).filter((line) => line.length >= lineLengthMin)]) {
      if (text !== "") for (const form of formsOf(text)) forms.add(form);
    }
  }
  return [...forms].sort((a, b) => b.length - a.length);
}

/** One character for each byte. */
export function byteString(bytes: Uint8Array): string {
  const pieceLength = 8_192;
  let text = "";
  for (let at = 0; at < bytes.length; at += pieceLength) text += String.fromCharCode(...bytes.subarray(at, at + pieceLength));
  return text;
}

/** The text with every form replaced by `[redacted]`. */
export function redactText(text: string, forms: readonly string[]): string {
  let bytes = byteString(encoder.encode(text));
  let found = false;
  for (const form of forms) {
    if (!bytes.includes(form)) continue;
    bytes = bytes.replaceAll(form, () => "[redacted]");
    found = true;
  }
  return found ? new TextDecoder().decode(Uint8Array.from(bytes, (unit) => unit.charCodeAt(0))) : text;
}

function formsOf(text: string): readonly string[] {
  const bytes = encoder.encode(text);
  const raw = byteString(bytes);
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const percent = [...bytes].map(percentByte).join("");
  const json = byteString(encoder.encode(JSON.stringify(text).slice(1, -1)));
  const derived = [
    hex,
    hex.toUpperCase(),
    percent,
    lowerPercent(percent),
    percent.replaceAll("%20", "+"),
    json,
    json.replaceAll("/", "\\/"),
    asciiJson(text),
    ...base64Forms(bytes),
  ];
  return [raw, ...derived.filter((form) => form.length >= Math.min(fragmentLengthMin, raw.length + 1))];
}

function percentByte(byte: number): string {
  const char = String.fromCharCode(byte);
  return /[A-Za-z0-9_.!~*'()-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

function lowerPercent(text: string): string {
  return text.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
}

function asciiJson(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Base64 of the value behind 0, 1 and 2 unknown bytes: the digits that depend on the value alone. */
function base64Forms(bytes: Uint8Array): readonly string[] {
  const forms: string[] = [];
  for (const before of [0, 1, 2]) {
    const padded = new Uint8Array(before + bytes.length);
    padded.set(bytes, before);
    const start = Math.ceil((before * 8) / 6);
    const end = Math.floor((padded.length * 8) / 6);
    const digits = base64Of(padded).slice(start, end);
    if (digits.length >= fragmentLengthMin) forms.push(digits, digits.replaceAll("+", "-").replaceAll("/", "_"));
  }
  return forms;
}
