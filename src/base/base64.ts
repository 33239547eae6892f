import { LilyError } from "./lily-error.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Standard base64 with padding (RFC 4648 section 4). */
export function base64Of(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const bits = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    text += alphabet.charAt(bits >> 18) + alphabet.charAt((bits >> 12) & 63);
    text += left > 1 ? alphabet.charAt((bits >> 6) & 63) : "=";
    text += left > 2 ? alphabet.charAt(bits & 63) : "=";
  }
  return text;
}

/** Bytes of strict base64: padding needed, no white space, unused bits zero. Throws ID_INVALID. */
export function parseBase64(text: string): Uint8Array {
  if (!base64Pattern.test(text)) throw new LilyError("ID_INVALID", "not strict base64");
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  for (let at = 0, to = 0; at < text.length; at += 4, to += 3) {
    let bits = 0;
    for (let i = 0; i < 4; i++) bits = (bits << 6) | Math.max(0, alphabet.indexOf(text.charAt(at + i)));
    bytes[to] = bits >> 16;
    if (to + 1 < bytes.length) bytes[to + 1] = (bits >> 8) & 255;
    if (to + 2 < bytes.length) bytes[to + 2] = bits & 255;
  }
  if (base64Of(bytes) !== text) throw new LilyError("ID_INVALID", "not strict base64: unused bits are not zero");
  return bytes;
}
