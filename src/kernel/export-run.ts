/** A run in the forms of other tools. Reads only: what it is given is an `AuditReader`. */
import { chromeTrace } from "../audit/chrome-trace.ts";
import { foldExecutionRecord } from "../audit/execution-record.ts";
import { provJson } from "../audit/prov-json.ts";
import { foldProvenance } from "../audit/provenance.ts";
import { summariseRun } from "../audit/run-summary.ts";
import type { ExportFormat } from "./audit.ts";
import type { AuditReader } from "./audit-reader.ts";

export async function exportRun(reader: AuditReader, run: string, format: ExportFormat): Promise<object> {
  const { runId, events, plan } = await reader.run(run);
  switch (format) {
    case "chrome-trace": {
      const { title } = summariseRun(foldExecutionRecord(events, plan), events, plan);
      return chromeTrace(events, title ?? plan?.workflow ?? null);
    }
    case "provenance-json":
      return provJson(runId, foldProvenance(events));
    case "execution-record":
      return foldExecutionRecord(events, plan);
  }
}
