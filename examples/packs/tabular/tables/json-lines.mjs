/** Records of JSON lines: one object a line, blank lines left out. Memory holds one line. */
const lineLengthMax = 16 * 1024 * 1024;

/**
 * @param {AsyncIterable<string>} chunks
 * @yields {{ line: number, object: Record<string, unknown> } | { line: number, problem: string }}
 */
export async function* jsonLines(chunks) {
  let line = 0;
  let rest = "";
  let isTooLong = false;
  for await (const chunk of chunks) {
    const parts = (line === 0 && rest === "" && chunk.startsWith("\ufeff") ? chunk.slice(1) : chunk).split("\n");
    for (const [index, part] of parts.entries()) {
      if (index > 0) {
        line++;
        yield* isTooLong ? [{ line, problem: `longer than ${lineLengthMax} characters` }] : record(line, rest);
        rest = "";
        isTooLong = false;
      }
      isTooLong ||= rest.length + part.length > lineLengthMax;
      rest = isTooLong ? "" : rest + part;
    }
  }
  line++;
  yield* isTooLong ? [{ line, problem: `longer than ${lineLengthMax} characters` }] : record(line, rest);
}

function record(line, text) {
  if (text.trim() === "") return [];
  try {
    const object = JSON.parse(text);
    if (typeof object === "object" && object !== null && !Array.isArray(object)) return [{ line, object }];
    return [{ line, problem: "not a JSON object" }];
  } catch {
    return [{ line, problem: "not JSON" }];
  }
}
