/** The library entry of lily-kernel: for programs that read or write what Lily keeps. Everything that is not here is internal. */
export { canonicalJson } from "./base/canonical-json.ts";
export { type Digest, parseDigest } from "./base/digest.ts";
export { type ErrorCode, type ErrorEntry, errorTable, isErrorCode, type RetryClass } from "./base/error-table.ts";
export type { JsonObject, JsonValue } from "./base/json-value.ts";
export { type ErrorDetails, isLilyError, LilyError } from "./base/lily-error.ts";
export type { ArtifactRef } from "./contracts/artifact-ref.ts";
export type { Envelope } from "./contracts/envelope.ts";
export type { EventOf, LedgerEvent } from "./contracts/event.ts";
export type { EventData, EventKind } from "./contracts/events.ts";
export type { ArtifactId, RunId, StreamId } from "./contracts/ids.ts";
export type { PlanDocument } from "./contracts/plan-document.ts";
export type { ArtifactView, ProblemView, RunView, StepView, VerifyView } from "./contracts/run-view.ts";
export { defineWorkflow } from "./graph/define-workflow.ts";
export type { WorkflowDocument } from "./graph/workflow-document.ts";
export type { Kernel, RunHandle, WorkflowSource } from "./kernel/kernel.ts";
export type { ModuleDefinition } from "./ports/module-definition.ts";
export type { ModuleContext, ModuleFile } from "./ports/module-host.ts";
export { defineModule, type ModuleResult, type ModuleSpec } from "./runtime/define-module.ts";
