/**
 * The forms in which a secret value leaks: as it is; base64 and base64url at the three alignments, also broken into lines of 64 or 76;
 * hex; percent-encoded; escaped for JSON once or twice, for Python and for a shell; of a value with several lines, each line of eight
 * characters or more too (S4).
 * Forms are byte strings: one character stands for one byte, so that streams and texts are searched alike.
 */
import { base64Of } from "./base64.ts";

const lineLengthMin = 8;
const fragmentLengthMin = 6;
const lineShapes = [
  [64, "\n"],
  [76, "\n"],
  [76, "\r\n"],
] as const;
const encoder = new TextEncoder();

/** Every form of the values as byte strings, longest first. Empty values have none. */
export function secretForms(values: readonly string[]): readonly string[] {
  const forms = new Set<string>();
  for (const value of values) {
    const whole = new Set([value, value.trim()]);
    const lines = value.split(/\r?\n/).filter((line) => line.length >= lineLengthMin && !whole.has(line));
    for (const text of [...whole, ...lines]) {
      if (text !== "") for (const form of formsOf(text, whole.has(text))) forms.add(form);
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

function formsOf(text: string, wraps: boolean): readonly string[] {
  const bytes = encoder.encode(text);
  const raw = byteString(bytes);
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const ascii = asciiJson(text);
  const json = [jsonOf(text), ascii, slashed(jsonOf(text)), slashed(ascii)];
  const derived = [
    hex,
    hex.toUpperCase(),
    ...percentForms(bytes),
    ...json.map(byteStringOf),
    ...json.flatMap((once) => [jsonOf(once), slashed(jsonOf(once))]).map(byteStringOf),
    ...pythonForms(text, bytes),
    ...shellForms(text).map(byteStringOf),
    ...base64Forms(bytes, wraps),
  ];
  return [raw, ...derived.filter((form) => form.length >= Math.min(fragmentLengthMin, raw.length + 1))];
}

/** What JavaScript, URL parsers, Python's quote with and without "/", and form fields leave as it is. */
const unescaped = [/[A-Za-z0-9_.!~*'()-]/, /[A-Za-z0-9_.~-]/, /[A-Za-z0-9_.~/-]/, /[A-Za-z0-9_.*-]/, /[A-Za-z0-9_.!~*'();,/?:@&=+$#-]/];

function percentForms(bytes: Uint8Array): readonly string[] {
  return unescaped.flatMap((kept) => {
    const percent = [...bytes].map((byte) => percentByte(byte, kept)).join("");
    const forms = [percent, lowerPercent(percent)];
    return [...forms, ...forms.map((form) => form.replaceAll("%20", "+"))];
  });
}

function percentByte(byte: number, kept: RegExp): string {
  const char = String.fromCharCode(byte);
  return kept.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** repr() of a str and of its bytes, with either quote. */
function pythonForms(text: string, bytes: Uint8Array): readonly string[] {
  const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  const hex = (unit: string): string => escapes[unit] ?? `\\x${unit.charCodeAt(0).toString(16).padStart(2, "0")}`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
  const str = byteStringOf(text.replace(/[\u0000-\u001f\\\u007f-\u00a0\u00ad]/g, hex));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the same
  const raw = byteString(bytes).replace(/[\u0000-\u001f\\\u007f-\u00ff]/g, hex);
  return [str, raw].flatMap((form) => [form, form.replaceAll("'", "\\'"), form.replaceAll('"', '\\"')]);
}

/** Inside single quotes (POSIX and Python's shlex), double quotes and $'...', and with a backslash before what is special. */
function shellForms(text: string): readonly string[] {
  const controls = text.replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t");
  return [
    text.replaceAll("'", "'\\''"),
    text.replaceAll("'", `'"'"'`),
    text.replace(/["\\$`]/g, "\\$&"),
    text.replace(/["\\$`!]/g, "\\$&"),
    text.replace(/[^A-Za-z0-9_@%+=:,./\n\u0080-\uffff-]/g, "\\$&"),
    text.replace(/[^A-Za-z0-9_./\n\u0080-\uffff-]/g, "\\$&"),
    controls.replace(/'/g, "\\'"),
    text.replace(/[\\']/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\t", "\\t").replaceAll("\r", "\\r"),
  ];
}

function byteStringOf(text: string): string {
  return byteString(encoder.encode(text));
}

function jsonOf(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function slashed(text: string): string {
  return text.replaceAll("/", "\\/");
}

function lowerPercent(text: string): string {
  return text.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
}

function asciiJson(text: string): string {
  return jsonOf(text).replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Base64 of the value behind 0, 1 and 2 unknown bytes: the digits that depend on the value alone. */
function base64Forms(bytes: Uint8Array, wraps: boolean): readonly string[] {
  const forms: string[] = [];
  for (const before of [0, 1, 2]) {
    const padded = new Uint8Array(before + bytes.length);
    padded.set(bytes, before);
    const start = Math.ceil((before * 8) / 6);
    const end = Math.floor((padded.length * 8) / 6);
    const digits = base64Of(padded).slice(start, end);
    if (digits.length >= fragmentLengthMin) forms.push(digits, digits.replaceAll("+", "-").replaceAll("/", "_"));
    if (wraps) forms.push(...wrappedForms(digits, start % 4));
  }
  return forms;
}

/**
 * The digits as they stand in lines of 64 (PEM, OpenSSL) or 76 (MIME, Python, coreutils), wherever the first line end falls: a line holds
 * whole groups of four, so it falls at every fourth digit. Only of what fills more than a line; what is shorter is rarely broken.
 */
function wrappedForms(digits: string, inGroup: number): readonly string[] {
  const forms: string[] = [];
  for (const [width, lineEnd] of lineShapes) {
    if (digits.length <= width) continue;
    for (let first = 4 - inGroup; first <= width; first += 4) {
      const pieces = [digits.slice(0, first)];
      for (let at = first; at < digits.length; at += width) pieces.push(digits.slice(at, at + width));
      forms.push(pieces.join(lineEnd));
    }
  }
  return forms;
}
