/** Bytes to a value whose every part has a line: strict JSON for names that end in `.json`, YAML 1.2 core for all others. */
import { isLilyError } from "../base/lily-error.ts";
import { decodeUtf8 } from "../base/parse-json.ts";
import { parseLocatedJson } from "./json-located.ts";
import { documentBytesMax, type ParsedDocument } from "./located-document.ts";
import { parseLocatedYaml } from "./yaml-located.ts";

/** Never throws for what the bytes say; each problem carries INPUT_TOO_LARGE, INPUT_NOT_UTF8, JSON_INVALID or YAML_INVALID. */
export function parseLocated(bytes: Uint8Array, fileName: string): ParsedDocument {
  if (bytes.length > documentBytesMax) {
    return { document: null, problems: [{ code: "INPUT_TOO_LARGE", message: `${fileName} is larger than ${documentBytesMax} bytes`, place: null }] };
  }
  let text: string;
  try {
    text = decodeUtf8(bytes);
  } catch (error) {
    if (!isLilyError(error)) throw error;
    return { document: null, problems: [{ code: error.code, message: `${fileName}: ${error.message}`, place: { line: lineOfBadByte(bytes), column: 1 } }] };
  }
  return fileName.toLowerCase().endsWith(".json") ? parseLocatedJson(text) : parseLocatedYaml(text);
}

/** The first line that is not UTF-8 by itself; a newline byte is never part of a longer character. */
function lineOfBadByte(bytes: Uint8Array): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const end = bytes.indexOf(10, start);
    const stop = end === -1 ? bytes.length : end + 1;
    try {
      decodeUtf8(bytes.subarray(start, stop));
    } catch {
      return line;
    }
    start = stop;
  }
  return line;
}
