/** The script of a page in a world of its own, without a browser: its text must be whole, and say what it finds. */
import { createContext, runInContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { longRecord, RecordMaker } from "./long-record.ts";
import { reportChecker } from "../../src/audit/report-checker.ts";
import { reportDocument, type ReportSource } from "../../src/audit/report-document.ts";
import { reportScript } from "../../src/audit/report-script.ts";

const source: Omit<ReportSource, "record"> = { documents: [], leaves: [], note: null, problems: [], logHref: () => null, kernelVersion: "0.1.0", gzip: null };

interface FakeCell {
  readonly textContent: string;
}

/** As much of an element as the script asks for. */
class FakeElement {
  textContent = "";
  className = "";
  hidden = false;
  value = "";
  files: null = null;
  children: FakeElement[] = [];
  readonly cells: FakeCell[] = [];
  readonly attributes = new Map<string, string>();
  readonly listeners = new Map<string, (event: { preventDefault(): void }) => void>();

  getAttribute(name: string): string | null {
    return this.attributes.get(name) ?? null;
  }
  setAttribute(name: string, value: string): void {
    this.attributes.set(name, value);
  }
  querySelectorAll(): readonly FakeCell[] {
    return this.cells;
  }
  addEventListener(type: string, listener: (event: { preventDefault(): void }) => void): void {
    this.listeners.set(type, listener);
  }
  replaceChildren(...nodes: readonly FakeElement[]): void {
    this.children = [...nodes];
  }
  click(): void {
    this.listeners.get("click")?.({ preventDefault: () => undefined });
  }
}

const decode = (text: string): string =>
  text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => ({ amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" })[name] ?? "");

/** Reads the parts of a page that the script looks at. */
class FakePage {
  readonly verdict = new FakeElement();
  readonly byId = new Map<string, FakeElement>();
  readonly lists: FakeElement[] = [];
  readonly badges: FakeElement[] = [];

  constructor(html: string, record: Uint8Array) {
    for (const id of ["anchor", "note", "key", "files", "save"]) this.byId.set(id, new FakeElement());
    this.byId.set("verdict", this.verdict);
    for (const [, id = "", format = "", text = ""] of html.matchAll(/<script type="[^"]*" id="(\w+)"(?: data-format="(\w+)")?>([^<]*)</g)) {
      const element = new FakeElement();
      element.setAttribute("data-format", format);
      element.textContent = id === "record" ? Buffer.from(record).toString("base64") : text;
      this.byId.set(id, element);
    }
    for (const [, names = ""] of html.matchAll(/data-covers="([^"]*)"/g)) {
      const badge = new FakeElement();
      badge.setAttribute("data-covers", names);
      this.badges.push(badge);
    }
    for (const { 0: start, 1: tag = "", 2: name = "", index } of html.matchAll(/<(\w+)[^>]* data-list="(\w+)">/g)) {
      const from = index + start.length;
      this.lists.push(listOf(name, html.slice(from, html.indexOf(tag === "g" ? "</svg>" : `</${tag}>`, from))));
    }
  }

  /** Runs the script in a context that has ECMAScript and the few globals of every browser, and nothing of Node. */
  async run(): Promise<void> {
    const document = {
      getElementById: (id: string) => this.byId.get(id) ?? null,
      querySelectorAll: (selector: string) => (selector === "[data-list]" ? this.lists : this.badges),
      createElement: () => new FakeElement(),
    };
    const world = { document, atob, TextEncoder, TextDecoder, performance, Uint8Array };
    runInContext(reportScript(), createContext(world));
    while (this.verdict.getAttribute("data-result") === null) await new Promise((resolve) => setImmediate(resolve));
  }

  get said(): string {
    return this.verdict.children.map((line) => line.textContent).join("\n");
  }
}

function listOf(name: string, content: string): FakeElement {
  const list = new FakeElement();
  list.setAttribute("data-list", name);
  const rows = content.includes("<tr")
    ? content.split("</tr>")
    : content.includes("<dt")
      ? content.split("</div>")
      : content.includes("<li")
        ? content.split("</li>")
        : content.split(/<\/g>|(?<=<\/span> <\/span>)|<\/p>/);
  for (const row of rows) {
    const element = new FakeElement();
    for (const [, text = ""] of row.matchAll(/<(?:td|th|dt|dd|\w+[^>]* data-c)\b[^>]*>([^<]*)</g)) element.cells.push({ textContent: decode(text) });
    if (element.cells.length > 0) list.children.push(element);
  }
  return list;
}

async function opened(record: Uint8Array, documents: readonly string[], shown: Uint8Array = record): Promise<FakePage> {
  const { html } = await reportDocument({ ...source, record: shown, documents });
  const page = new FakePage(html, record);
  await page.run();
  return page;
}

describe("the script of a report", () => {
  test("S5: needs nothing but itself, checks the record and compares what is shown", async () => {
    const { record, documents, events } = longRecord(300);
    const page = await opened(record, documents);
    expect(page.said).toContain("Consistent, not anchored");
    expect(page.said).toContain(`${events} events`);
    expect(page.byId.get("anchor")?.hidden).toBe(false);
    page.byId.get("anchor")?.listeners.get("submit")?.({ preventDefault: () => undefined });
    await new Promise((resolve) => setImmediate(resolve));
    expect(page.said).toContain("The key is not a verifier key");
  });

  test("S5: a changed record is named before anything that differs", async () => {
    const { record, documents } = longRecord(3);
    const changed = record.slice();
    const at = record.indexOf(0x0a) + 20;
    changed[at] = (changed[at] ?? 0) ^ 1;
    const page = await opened(changed, documents, record);
    expect(page.said).toContain("The record was changed at event 1 (ARTIFACT_STORED)");
    expect(page.verdict.getAttribute("data-result")).toBe("changed");
  });

  test("S5: a page that shows another record's texts differs, and says where", async () => {
    const one = longRecord(3);
    const other = longRecord(3, { reason: "not what happened" });
    const page = await opened(one.record, one.documents, other.record);
    expect(page.verdict.getAttribute("data-result")).toBe("differs");
    expect(page.said).toContain("the page shows");
    expect(page.badges.some((badge) => badge.textContent === "differs from the record")).toBe(true);
  });

  test("S5: a seal that counts other events is named, though every hash is right", async () => {
    const maker = new RecordMaker("r");
    maker.add("RUN_CREATED", { workspace_id: "ws", format: 1, kernel_version: "0.1.0", kind: "workflow" });
    maker.add("RUN_SEALED", { outcome: "failed", events: 1, counts: { gates: 4 } });
    const page = await opened(maker.bytes(), []);
    expect(page.said).toContain("The record was changed at event 1 (RUN_SEALED)");
  });

  test("a fault of the check is told, and is no answer", async () => {
    const maker = new RecordMaker("r");
    maker.add("RUN_CREATED", { workspace_id: "ws", format: 1, kernel_version: "0.1.0", kind: "workflow" });
    const good = maker.bytes();
    maker.add("GATE_PASSED", { gate_id: "g", log_artifact_ids: 7, metrics: 3 });
    const page = await opened(maker.bytes(), [], good);
    expect(page.verdict.getAttribute("data-result")).toBe("unable");
    expect(page.said).toContain("Not checked");
  });

  test("an empty record is a changed one", async () => {
    const page = await opened(new Uint8Array(0), []);
    expect(page.said).toContain("The record was changed at event 0");
    expect(page.said).toContain("Nothing of it can be believed");
    expect(reportChecker().checkRecord(new Uint8Array(0)).problem?.message).toBe("the record is empty");
  });
});
