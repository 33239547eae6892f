import { isLilyError, LilyError } from "../base/lily-error.ts";
import type { StreamId } from "../contracts/ids.ts";
import type { StreamHead } from "../ports/journal.ts";
import { committedBytes, type RecordParts } from "./committed-bytes.ts";
import { decodeEvent } from "./event-line.ts";
import { LineSplitter, type PlacedLine } from "./line-splitter.ts";
import { problemsMax, type RecordFacts, type RecordProblem, RecordVerifier } from "./verify-record.ts";

/**
 * Verifies a stream up to its committed head: links, hashes, canonical form, kinds and their schemas, and that it ends where the
 * authority store says. Throws only what keeps it from reading (STORAGE_FAILED, AUTHORITY_DAMAGED); damage is in the facts.
 */
export async function verifyStream(parts: RecordParts, stream: StreamId, options: { readonly headsAt?: ReadonlySet<number> } = {}): Promise<RecordFacts> {
  // Size before head: a live writer writes only committed bytes, so what this head does not cover was put there by somebody else.
  const size = await parts.files.size(stream);
  const head = (await parts.journal.head(stream)) ?? { stream, size: 0, bytes: 0, hash: null };
  const verifier = new RecordVerifier({ stream, ...(options.headsAt === undefined ? {} : { headsAt: options.headsAt }) });
  const decoded = new LineDecoder();
  let cut: RecordProblem | null = null;
  try {
    for await (const piece of committedBytes(parts, head, 0)) {
      verifier.push(piece);
      decoded.push(piece);
    }
  } catch (thrown) {
    if (!isLilyError(thrown, "LEDGER_DAMAGED")) throw thrown;
    cut = { line: decoded.lines + 1, offset: decoded.offset, code: thrown.code, message: thrown.message };
  }
  const facts = verifier.end();
  return { ...facts, problems: allProblems(facts, decoded, head, size, cut) };
}

function allProblems(facts: RecordFacts, decoded: LineDecoder, head: StreamHead, size: number, cut: RecordProblem | null): readonly RecordProblem[] {
  const linked = new Set(facts.problems.map((problem) => problem.line));
  const problems = [...facts.problems, ...decoded.problems.filter((problem) => !linked.has(problem.line))];
  problems.sort((one, other) => one.line - other.line);
  if (cut !== null) problems.push(cut);
  else if (facts.events !== head.size || facts.head !== head.hash || facts.bytes !== head.bytes) {
    const message = `${head.size} events with head ${head.hash ?? "none"} were committed; there are ${facts.events} with head ${facts.head ?? "none"}`;
    problems.push({ line: facts.events + 1, offset: facts.bytes, code: "LEDGER_DAMAGED", message });
  }
  if (size > head.bytes) {
    const message = `${size - head.bytes} bytes lie beyond the committed end; opening the stream for writing sets them aside`;
    problems.push({ line: head.size + 1, offset: head.bytes, code: "LEDGER_DAMAGED", message });
  }
  return problems;
}

/** Strict decoding of every line, beside the check of links. */
class LineDecoder {
  readonly problems: RecordProblem[] = [];
  readonly #splitter = new LineSplitter(0);
  #lines = 0;
  #offset = 0;

  get lines(): number {
    return this.#lines;
  }

  /** Behind the last whole line. */
  get offset(): number {
    return this.#offset;
  }

  push(piece: Uint8Array): void {
    for (const line of this.#splitter.push(piece)) this.#decode(line);
  }

  #decode(line: PlacedLine): void {
    this.#lines++;
    this.#offset = line.offset + line.bytes.length;
    try {
      decodeEvent(line.bytes);
    } catch (thrown) {
      if (!(thrown instanceof LilyError)) throw thrown;
      if (this.problems.length < problemsMax) this.problems.push({ line: this.#lines, offset: line.offset, code: thrown.code, message: thrown.message });
    }
  }
}
