import type { WorkflowDocument } from "./workflow-document.ts";

/** Types a workflow written in TypeScript; returns it unchanged. It is checked like a file: by `checkWorkflow` when it is planned or run. */
export function defineWorkflow<const Document extends WorkflowDocument>(document: Document): Document {
  return document;
}
