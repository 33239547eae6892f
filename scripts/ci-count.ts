/** Reads what vitest and the checks reported and prints the one line that CI ends with. Exits 1 when anything failed or is missing. */
import { readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly { readonly status: string }[] }[];
}

/** A report that is missing or unreadable counts as one failure: what did not report did not pass. */
const missing: Counts = { passed: 0, failed: 1, skipped: 0 };

function readReport<T>(file: string): T | null {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as T;
  } catch {
    return null;
  }
}

function testCounts(report: VitestReport | null): Counts {
  if (report === null) return missing;
  // A file that cannot be loaded has no tests to fail, so it is counted itself.
  const brokenFiles = report.testResults.filter((file) => file.status === "failed" && !file.assertionResults.some((item) => item.status === "failed")).length;
  const counts = {
    passed: report.numPassedTests,
    failed: report.numFailedTests + brokenFiles,
    skipped: report.numPendingTests + report.numTodoTests,
  };
  return counts.passed + counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

function checkCounts(report: { readonly passed: number; readonly failed: number } | null): Counts {
  return report === null ? missing : { ...report, skipped: 0 };
}

function line({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

const folder = process.argv[2] ?? ".";
const tests = testCounts(readReport<VitestReport>(path.join(folder, "tests.json")));
const checks = checkCounts(readReport(path.join(folder, "checks.json")));
const total: Counts = { passed: tests.passed + checks.passed, failed: tests.failed + checks.failed, skipped: tests.skipped + checks.skipped };
console.log(`\ntests: ${line(tests)}\nchecks: ${line(checks)}\n${line(total)}`);
process.exitCode = total.failed === 0 ? 0 : 1;
