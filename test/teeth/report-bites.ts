import { type Bite, vitest } from "./bite.ts";

/** A report that checks itself, and what it must never claim. */
export const reportBites: readonly Bite[] = [
  {
    name: "report-compares-nothing",
    breaks: "S5 a page whose texts are not those of its record says so",
    edits: [{ file: "src/audit/report-compare.ts", find: "(place) => shown[place] !== made[place]", replace: "() => false" }],
    suite: vitest("test/report/page-script.test.ts"),
  },
  {
    name: "report-leaves-edits",
    breaks: "S5 what an edit put into the file is not there after the check",
    edits: [{ file: "src/audit/report-view.ts", find: "root.replaceWith(made);", replace: "" }],
    suite: vitest("test/report/page-script.test.ts"),
  },
  {
    name: "report-links-unchecked",
    breaks: "L1 each event names the one before it",
    edits: [{ file: "src/audit/report-checker.ts", find: "if (statedPrev !== (prev === null", replace: "if (seq === null && statedPrev !== (prev === null" }],
    suite: vitest("src/audit/report-checker.test.ts"),
  },
  {
    name: "report-proof-leads-anywhere",
    breaks: "S5 a record is anchored only when its leaf leads to the signed root",
    edits: [{ file: "src/audit/report-anchor.ts", find: "return last === 0 && node === root;", replace: "return last === 0;" }],
    suite: vitest("src/audit/report-anchor.test.ts"),
  },
  {
    name: "report-markup-from-outside",
    breaks: "S4 no foreign text becomes markup",
    edits: [{ file: "src/audit/report-markup.ts", find: "return text.replace(/[&<>\"']/g,", replace: "return text.replace(/[&\"']/g," }],
    suite: vitest("test/report/document.test.ts"),
  },
];
