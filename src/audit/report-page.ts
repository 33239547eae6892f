/**
 * Owns: what a report does when it is opened: it unpacks the record that it holds, checks it, makes the whole page again from it, puts that in the
 * place of what was opened and says where they differed, and takes a checkpoint and key from the reader.
 * Invariants
 * - S5 It says consistent, anchored, or what is wrong; never a plain "verified". Until it has looked, it says that it has not.
 * - The page holds the text of this very function: it names nothing from outside of itself, and is given the browser as `world`.
 * - What was in the page before the check is gone after it: text, attributes, styles and elements of an edit do not stay.
 * Not responsible for: what the lists say (report-lists), and what the answers mean (docs/formats/report.md).
 */
import type { LedgerEvent } from "../contracts/event.ts";
import type { AnchorAnswer, ReportAnchor, ReportLeaf } from "./report-anchor.ts";
import type { CheckedRecord, ReportChecker, ReportProblem } from "./report-checker.ts";
import type { PageComparison, ReportCompare } from "./report-compare.ts";
import type { ReportRun } from "./report-fold.ts";
import type { ReportView } from "./report-view.ts";
import type { ReportWhole } from "./report-whole.ts";

/** The part of a browser that the page uses. */
export interface PageElement {
  textContent: string | null;
  className: string;
  hidden: boolean;
  value: string;
  readonly children: Iterable<PageElement>;
  readonly files: ArrayLike<PageFile> | null;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  querySelectorAll(selector: string): Iterable<PageElement>;
  addEventListener(type: string, listener: (event: PageEvent) => void): void;
  append(...nodes: readonly (PageElement | string)[]): void;
  replaceChildren(...nodes: readonly (PageElement | string)[]): void;
  click(): void;
}

export interface PageFile {
  readonly size: number;
  text(): Promise<string>;
}

export interface PageEvent {
  preventDefault(): void;
  readonly dataTransfer?: { readonly files: ArrayLike<PageFile> } | null;
}

export interface PageWorld {
  readonly document: {
    getElementById(id: string): PageElement | null;
    querySelectorAll(selector: string): Iterable<PageElement>;
    createElement(name: string): PageElement;
  };
  atob(text: string): string;
  readonly URL: { createObjectURL(blob: object): string };
  readonly Blob: new (parts: readonly Uint8Array[], options: { readonly type: string }) => object;
  /** Absent in old browsers. */
  readonly DecompressionStream?: new (
    format: "gzip",
  ) => {
    readonly readable: { getReader(): { read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array }> } };
    readonly writable: { getWriter(): { write(bytes: Uint8Array): Promise<void>; close(): Promise<void> } };
  };
}

export interface PageTools {
  readonly checker: ReportChecker;
  readonly whole: ReportWhole;
  readonly compare: ReportCompare;
  readonly anchor: ReportAnchor;
  readonly view: ReportView;
}

export function reportPage({ checker, whole, compare, anchor, view }: PageTools): (world: PageWorld) => Promise<void> {
  interface Unpacked {
    readonly bytes: Uint8Array;
    /** Why not all of it could be unpacked. */
    readonly fault: string | null;
  }

  interface Read {
    readonly record: CheckedRecord;
    readonly problem: ReportProblem | null;
    readonly run: ReportRun;
    /** Why this version cannot tell what the events say. */
    readonly fault: string | null;
    readonly differences: readonly string[];
    readonly compared: number;
  }

  function packedBytes(world: PageWorld, id: string): { readonly bytes: Uint8Array; readonly format: string } {
    const { text, format } = view.block(id);
    return { bytes: Uint8Array.from(world.atob(text.trim()), (unit) => unit.charCodeAt(0)), format };
  }

  /** In small pieces, so that what comes before a damaged place is still unpacked. */
  async function unpack(world: PageWorld, id: string): Promise<Unpacked> {
    let packed: ReturnType<typeof packedBytes>;
    try {
      packed = packedBytes(world, id);
    } catch {
      return { bytes: new Uint8Array(0), fault: "its base64 text is damaged" };
    }
    if (packed.format !== "gzip") return { bytes: packed.bytes, fault: null };
    const Stream = world.DecompressionStream;
    if (Stream === undefined) return { bytes: new Uint8Array(0), fault: "unable" };
    const { readable, writable } = new Stream("gzip");
    const [reader, writer] = [readable.getReader(), writable.getWriter()];
    const parts: Uint8Array[] = [];
    let fault: string | null = null;
    const writing = (async () => {
      for (let at = 0; at < packed.bytes.length; at += 1024) await writer.write(packed.bytes.subarray(at, at + 1024));
      await writer.close();
    })().catch(() => undefined);
    try {
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) if (piece.value !== undefined) parts.push(piece.value);
    } catch {
      fault = "its compressed data are damaged";
    }
    await writing;
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let to = 0;
    for (const part of parts) {
      bytes.set(part, to);
      to += part.length;
    }
    return { bytes, fault };
  }

  /** Texts of artifacts that are not in the record itself; only those whose digest the record names are believed. */
  function documentsOf({ bytes }: Unpacked): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    if (bytes.length === 0) return found;
    try {
      const texts: unknown = JSON.parse(new TextDecoder().decode(bytes));
      if (Array.isArray(texts))
        for (const text of texts) if (typeof text === "string") found.set(`sha256:${checker.sha256(new TextEncoder().encode(text))}`, text);
    } catch {
      // Documents that cannot be read are missing, and what was shown of them then differs.
    }
    return found;
  }

  function mark(world: PageWorld, { parts }: PageComparison): void {
    for (const part of world.document.querySelectorAll("section")) {
      const isSame = !parts.has(part.getAttribute("id") ?? "");
      for (const badge of part.querySelectorAll("[data-covers]")) {
        badge.textContent = isSame ? "agrees with the record" : "the file showed something else; this is what the record says";
        badge.className = `badge ${isSame ? "good" : "bad"}`;
      }
    }
  }

  function read(world: PageWorld, packed: Unpacked, documents: Unpacked): Read {
    const record = checker.checkRecord(packed.bytes);
    // Each line gave its hash, so it is what was recorded as an event; a kind that is not known is passed over by the fold.
    const events = record.lines.map((line) => JSON.parse(line) as LedgerEvent);
    for (const [at, event] of events.entries()) Object.assign(event, { hash: record.hashes[at] });
    const cut: ReportProblem | null =
      packed.fault === null ? null : { event: record.lines.length, kind: null, message: `${packed.fault}, so that the record cannot be read from here on` };
    const problem = cut ?? record.problem ?? checker.checkSeals(events);
    const told = whole.tell(events, documentsOf(documents));
    const texts = { record: view.block("record"), documents: view.block("documents"), leaves: view.block("leaves"), extras: view.block("extras") };
    const blocks = {
      format: texts.record.format,
      record: texts.record.text,
      documents: texts.documents.text,
      leaves: texts.leaves.text,
      extras: texts.extras.text,
    };
    const comparison = view.show(whole.html(told, problem, blocks, view.script), compare);
    mark(world, comparison);
    return { record, problem, run: told.run, fault: told.fault, differences: comparison.differences, compared: comparison.texts };
  }

  function say(world: PageWorld, tone: string, headline: string, sentences: readonly string[]): void {
    const { document } = world;
    const box = document.getElementById("verdict");
    if (box === null) return;
    box.className = `verdict ${tone}`;
    box.setAttribute("data-result", tone);
    const title = document.createElement("p");
    title.className = "headline";
    title.textContent = headline;
    box.replaceChildren(
      title,
      ...sentences.map((text) => {
        const line = document.createElement("p");
        line.textContent = text;
        return line;
      }),
    );
  }

  function plural(count: number, one: string): string {
    return `${count} ${one}${count === 1 ? "" : "s"}`;
  }

  function tell(world: PageWorld, { record, problem, run, fault, differences, compared }: Read): void {
    if (problem !== null) {
      const kind = problem.kind === null ? "" : ` (${problem.kind})`;
      say(world, "changed", `The record was changed at event ${problem.event}${kind}`, [
        `Event ${problem.event}${kind}: ${problem.message}.`,
        problem.event === 0
          ? "Nothing of it can be believed."
          : `What follows is what the record says up to there. The ${plural(Math.min(problem.event, record.lines.length), "event")} before it are consistent. Nothing from event ${problem.event} on can be believed.`,
      ]);
      return;
    }
    if (fault !== null) {
      say(world, "unable", "Not checked", [`Every hash, link and number of the record fits, and ${fault}. Use lily record verify.`]);
      return;
    }
    if (differences.length > 0) {
      const more = differences.length > 5 ? [`and ${differences.length - 5} more`] : [];
      say(world, "differs", "This file does not show what its record says", [
        "The record that the file holds is consistent, and what the file showed is something else. What follows was made again from the record.",
        ...differences.slice(0, 5),
        ...more,
      ]);
      return;
    }
    const seal = run.isSealed ? "It is sealed, and its counts agree." : "It is not sealed: the run had not come to rest, and later events may follow.";
    say(world, "consistent", "Consistent, not anchored", [
      `${plural(record.lines.length, "event")}: every hash, link and number was computed again in this browser. ${seal}`,
      `${plural(compared, "text")} of this page agree with the record, but for what is marked as not compared.`,
      "Whoever could write all of it could have written another record that is consistent too. A checkpoint and a key that you have from elsewhere rule that out.",
    ]);
  }

  function tellAnchor(world: PageWorld, found: Read, { result, message }: AnchorAnswer): void {
    if (found.problem !== null || found.fault !== null || found.differences.length > 0) return tell(world, found);
    const what = `${plural(found.record.lines.length, "event")}, and ${plural(found.compared, "text")} of this page agree with them, but for what is marked as not compared.`;
    if (result === "anchored") return say(world, "anchored", "Anchored (given key)", [message, what]);
    if (result === "contradicts") return say(world, "changed", "This is not the record that was sealed", [message]);
    const headline = result === "partly" ? "Consistent, in part anchored (given key)" : "Consistent, not anchored";
    say(world, "consistent", headline, [message, what]);
  }

  function leavesOf(): readonly ReportLeaf[] {
    try {
      const leaves: unknown = JSON.parse(view.block("leaves").text);
      // Written by the kernel; whatever it holds proves nothing without the reader's key and is compared member by member.
      return Array.isArray(leaves) ? (leaves as readonly ReportLeaf[]) : [];
    } catch {
      return [];
    }
  }

  function connectAnchor(world: PageWorld, found: Read): void {
    const { document } = world;
    const [form, note, key] = [document.getElementById("anchor"), document.getElementById("note"), document.getElementById("key")];
    if (form === null || note === null || key === null) return;
    const { run, record } = found;
    const check = async (): Promise<void> => {
      const answer = await anchor(
        { note: note.value, key: key.value },
        { stream: run.events[0]?.stream ?? "", workspaceId: run.workspaceId, hashes: record.hashes },
        leavesOf(),
      );
      tellAnchor(world, found, answer);
    };
    const take = async (files: ArrayLike<PageFile>): Promise<void> => {
      for (const file of Array.from(files)) {
        if (file.size > 65536) continue;
        const text = await file.text();
        if (text.includes("\n\n")) note.value = text;
        else key.value = text.trim();
      }
      if (note.value !== "" && key.value !== "") await check();
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void check();
    });
    form.addEventListener("dragover", (event) => event.preventDefault());
    form.addEventListener("drop", (event) => {
      event.preventDefault();
      void take(event.dataTransfer?.files ?? []);
    });
    const files = document.getElementById("files");
    files?.addEventListener("change", () => void take(files.files ?? []));
    form.hidden = false;
  }

  function connectSave(world: PageWorld, bytes: Uint8Array): void {
    const button = world.document.getElementById("save");
    if (button === null || bytes.length === 0) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      const url = world.URL.createObjectURL(new world.Blob([bytes], { type: "application/octet-stream" }));
      const link = world.document.createElement("a");
      link.setAttribute("href", url);
      link.setAttribute("download", "record.jsonl");
      link.click();
    });
  }

  const open = async (world: PageWorld): Promise<void> => {
    await view.ready();
    const [packed, documents] = [await unpack(world, "record"), await unpack(world, "documents")];
    if (packed.fault === "unable") {
      say(world, "unable", "Not checked", [
        "This browser cannot unpack the record that the page holds (it has no DecompressionStream). Open the page in a newer one, or use lily record verify.",
      ]);
      return;
    }
    const found = read(world, packed, documents);
    tell(world, found);
    connectAnchor(world, found);
    connectSave(world, packed.bytes);
  };

  return async (world) => {
    try {
      await open(world);
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      // An edit that brings the check to a fault must not stay in sight.
      view.show('<html lang="en"><head><title>Not checked</title></head><body><div id="verdict" role="status"></div></body></html>', compare);
      say(world, "unable", "Not checked", [`The check of this page came to a fault, so that nothing can be said: ${why}. Use lily record verify.`]);
    }
  };
}
