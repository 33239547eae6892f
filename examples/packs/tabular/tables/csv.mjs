/**
 * Records of a CSV text as RFC 4180 has them, chunk by chunk: quoted fields with line ends and doubled quotes in them, LF or CRLF, a BOM.
 * A record that is no CSV is told with its line and skipped, and reading goes on behind it. Memory holds one record.
 */
const fieldLengthMax = 1024 * 1024;
const fieldsMax = 10_000;

/**
 * @param {AsyncIterable<string>} chunks
 * @param {string} delimiter one character
 * @yields {{ line: number, fields: string[] } | { line: number, problem: string }}
 */
export async function* csvRecords(chunks, delimiter) {
  const parser = new Parser(delimiter);
  let held = "";
  for await (const chunk of chunks) {
    // A CR that ends a chunk may be half of a line end.
    const text = held + chunk;
    held = text.endsWith("\r") ? "\r" : "";
    yield* parser.feed(held === "" ? text : text.slice(0, -1));
  }
  yield* parser.end(held);
}

class Parser {
  #delimiter;
  /** start: before a field; plain; quoted; closed: behind a closing quote; skip: to the end of a line that is no CSV. */
  #state = "start";
  #line = 1;
  #begin = 1;
  #isFirst = true;
  #fields = [];
  #field = "";
  #problem = null;

  #inQuotes = /["\n]/g;
  #outside;

  constructor(delimiter) {
    this.#delimiter = delimiter;
    this.#outside = new RegExp(`["\\r\\n${/[\]^\\-]/.test(delimiter) ? "\\" : ""}${delimiter}]`, "g");
  }

  *feed(text) {
    let at = this.#isFirst && text.startsWith("\ufeff") ? 1 : 0;
    if (text !== "") this.#isFirst = false;
    for (; at < text.length; at++) {
      at = this.#takeRun(text, at);
      if (at === text.length) return;
      const char = text[at];
      if (char === "\n" && this.#state !== "quoted") {
        yield this.#finish();
        this.#line++;
        this.#begin = this.#line;
      } else if (char === "\r" && text[at + 1] === "\n" && this.#state !== "quoted") {
        // The LF that follows ends the record.
      } else this.#take(char);
    }
  }

  *end(rest) {
    if (rest !== "") yield* this.feed(rest);
    if (this.#state === "quoted") yield { line: this.#begin, problem: "a quoted field does not end" };
    else if (this.#state !== "start" || this.#fields.length > 0) yield this.#finish();
  }

  /** Takes what is nothing but content at once; returns where the next character that means something stands. */
  #takeRun(text, at) {
    if (this.#state !== "start" && this.#state !== "plain" && this.#state !== "quoted") return at;
    const special = this.#state === "quoted" ? this.#inQuotes : this.#outside;
    special.lastIndex = at;
    const stop = special.exec(text)?.index ?? text.length;
    if (stop === at) return at;
    if (this.#state === "start") this.#state = "plain";
    this.#add(text.slice(at, stop));
    return stop;
  }

  #take(char) {
    if (char === "\n") this.#line++;
    if (this.#state === "skip") return;
    if (this.#state === "quoted") {
      if (char === '"') this.#state = "closed";
      else this.#add(char);
    } else if (char === this.#delimiter) {
      this.#push();
      this.#state = "start";
    } else if (char === '"' && this.#state === "start") this.#state = "quoted";
    else if (char === '"' && this.#state === "closed") {
      this.#add('"');
      this.#state = "quoted";
    } else if (this.#state === "closed") this.#fault("text follows the closing quote of a field");
    else if (char === '"') this.#fault("a quote stands inside an unquoted field");
    else {
      this.#state = "plain";
      this.#add(char);
    }
  }

  #add(char) {
    this.#field += char;
    if (this.#field.length > fieldLengthMax) this.#fault(`a field is longer than ${fieldLengthMax} characters`);
  }

  #push() {
    this.#fields.push(this.#field);
    this.#field = "";
    if (this.#fields.length > fieldsMax) this.#fault(`more than ${fieldsMax} fields`);
  }

  #fault(problem) {
    this.#problem ??= problem;
    this.#state = "skip";
  }

  #finish() {
    this.#push();
    const record = this.#problem === null ? { line: this.#begin, fields: this.#fields } : { line: this.#begin, problem: this.#problem };
    this.#fields = [];
    this.#field = "";
    this.#problem = null;
    this.#state = "start";
    return record;
  }
}
