/**
 * Owns: the document that a report is opened as: reading its data blocks, and putting another in its place.
 * Invariants: what is in the page cannot stand in for what a browser gives: an element may have a name such as `getElementById`, and a document then
 * gives that element. So members of the document are read from the prototype. The page holds the text of this very function.
 */
import type { PageComparison, PageNode, ReportCompare } from "./report-compare.ts";

/** The root element of a document. */
export interface PageRoot extends PageNode {
  replaceWith(other: PageRoot): void;
}

export interface ViewWorld {
  readonly document: object;
  readonly Document: { readonly prototype: object };
  readonly DOMParser: new () => { parseFromString(text: string, type: "text/html"): { readonly documentElement: PageRoot } };
  readonly location?: { readonly hash: string };
}

export interface PageBlock {
  readonly text: string;
  readonly format: string;
}

export interface ReportView {
  /** When all of the file is read. */
  ready(): Promise<void>;
  /** Text of the script that runs. */
  readonly script: string;
  /** A data block; empty when there is none. */
  block(id: string): PageBlock;
  /** Puts a document in the place of the one that is open, and says how they differed. */
  show(html: string, compare: ReportCompare): PageComparison;
}

export function reportView({ document, Document: { prototype }, DOMParser: Parser, location }: ViewWorld): ReportView {
  interface Found {
    readonly textContent?: string | null;
    getAttribute?(name: string): string | null;
    scrollIntoView?(): void;
  }

  const get = (name: string): unknown => Reflect.get(prototype, name, document);
  // What is there for every document, by the standard of HTML.
  const call = (name: string, ...given: readonly unknown[]): unknown => Reflect.apply(get(name) as () => unknown, document, given);
  const byId = (id: string): Found | null => call("getElementById", id) as Found | null;
  const script = (get("currentScript") as Found | null)?.textContent ?? "";

  async function ready(): Promise<void> {
    if (get("readyState") === "loading") await new Promise((resolve) => void call("addEventListener", "DOMContentLoaded", resolve));
  }

  function block(id: string): PageBlock {
    const element = byId(id);
    return { text: element?.textContent ?? "", format: element?.getAttribute?.("data-format") ?? "" };
  }

  function show(html: string, compare: ReportCompare): PageComparison {
    const made = new Parser().parseFromString(html, "text/html").documentElement;
    const root = get("documentElement") as PageRoot;
    let found: PageComparison;
    try {
      found = compare(root, made);
    } catch {
      found = { differences: ["the page is built so that it cannot be compared"], parts: new Set(["header"]), texts: 0 };
    }
    root.replaceWith(made);
    const place = location?.hash.slice(1) ?? "";
    if (place !== "") byId(place)?.scrollIntoView?.();
    return found;
  }

  return { ready, script, block, show };
}
