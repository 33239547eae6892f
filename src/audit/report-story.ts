/** The story of a run in sentences. The page holds the text of this function too: it names nothing from outside of itself. */
import type { LedgerEvent } from "../contracts/event.ts";
import type { ReportRun } from "./report-fold.ts";
import type { ReportTexts } from "./report-texts.ts";

/** What ran and by whom; what happened, with its time; how it ended. */
export interface ReportStory {
  readonly beginning: readonly string[];
  readonly events: readonly (readonly [time: string, sentence: string])[];
  readonly ending: readonly string[];
}

export function reportStory(texts: ReportTexts): (run: ReportRun) => ReportStory {
  const { plain, moment, clock, span, size, count, list, timeMs } = texts;
  const eventsMax = 40;

  function beginning(run: ReportRun): string[] {
    const created = run.events[0];
    const started = run.events.find((event) => event.kind === "RUN_STARTED");
    const leader = run.events.find((event) => event.kind === "LEADER_TAKEN");
    const sentences: string[] = [];
    const named = run.plan === null ? null : `workflow ${plain(run.plan.workflow)}`;
    const title = run.plan?.title ?? null;
    sentences.push(
      named === null ? "This run has no plan yet." : `This is one run of the ${named}${title === null ? "" : `: “${plain(title)}”`}. It has ${shape(run)}.`,
    );
    const first = started ?? created;
    if (first !== undefined) {
      const where = leader?.kind === "LEADER_TAKEN" ? ` on the machine ${plain(leader.data.host)}` : "";
      sentences.push(`${plain(first.by)} ${started === undefined ? "created" : "started"} it on ${moment(first.at)}${where}.`);
    }
    sentences.push(...given(run), ...source(run));
    const forked = run.events.find((event) => event.kind === "RUN_FORKED");
    if (forked?.kind === "RUN_FORKED") {
      const { from, prefix } = forked.data;
      sentences.push(`It continues run ${from.run_id}: the first ${count(prefix.events, "event")} of that run are its beginning, with a proof in the record.`);
    }
    return sentences;
  }

  function shape(run: ReportRun): string {
    const gates = (run.plan?.gates.length ?? 0) + (run.plan?.steps ?? []).reduce((sum, step) => sum + step.gates.length, 0);
    const steps = count(run.plan?.steps.length ?? 0, "step");
    return gates === 0 ? `${steps} and no gates` : `${steps} and ${count(gates, "gate")}, which are checks that decide whether a result counts`;
  }

  function given(run: ReportRun): string[] {
    const params = Object.entries(run.plan?.params ?? {}).map(([name, value]) => `${plain(name)} = ${plain(JSON.stringify(value), 60)}`);
    const inputs = Object.entries(run.inputs).map(([name, id]) => {
      const ref = run.artifacts.get(id)?.ref;
      return ref === undefined ? plain(name) : `${plain(name)} (${size(ref.size)})`;
    });
    const parts = [
      ...(params.length === 0 ? [] : [`with ${params.length === 1 ? "the parameter" : "the parameters"} ${list(params.slice(0, 12))}`]),
      ...(inputs.length === 0 ? [] : [`${inputs.length === 1 ? "the input" : "the inputs"} ${list(inputs.slice(0, 12))}`]),
    ];
    return parts.length === 0 ? [] : [`It ran ${inputs.length > 0 && params.length === 0 ? "on " : ""}${parts.join(" and ")}.`];
  }

  function source(run: ReportRun): string[] {
    const captured = run.events.findLast((event) => event.kind === "ENVIRONMENT_CAPTURED");
    const found = captured?.kind === "ENVIRONMENT_CAPTURED" ? run.valueOf(captured.data.artifact_id) : null;
    const vcs = typeof found === "object" && found !== null && "source" in found ? found.source : null;
    if (typeof vcs !== "object" || vcs === null || !("commit" in vcs) || typeof vcs.commit !== "string") return [];
    const isDirty = "dirty" in vcs && vcs.dirty === true;
    return [`The source was commit ${plain(vcs.commit, 12)}${isDirty ? ", with changes that were not committed" : ", without other changes"}.`];
  }

  function sentence(run: ReportRun, event: LedgerEvent): string | null {
    switch (event.kind) {
      case "STEP_STARTED":
        return event.data.cause === "ready" ? null : `Step ${event.data.step_id} started attempt ${event.data.attempt}, because of ${because(event.data)}.`;
      case "STEP_COMPLETED":
        return `Step ${event.data.step_id} completed attempt ${event.data.attempt} in ${span(event.data.duration_ms)}.`;
      case "STEP_FAILED": {
        const { step_id, attempt, outcome, reason } = event.data;
        return `Step ${step_id} ${outcome === "timeout" ? "ran out of time" : "failed"} in attempt ${attempt}: ${plain(reason, 300)}`;
      }
      case "STEP_INTERRUPTED":
        return `Attempt ${event.data.attempt} of step ${event.data.step_id} was cut off (${event.data.reason}); what it did is not assumed.`;
      case "STEP_SKIPPED":
        return `Step ${event.data.step_id} was skipped: ${plain(event.data.reason, 300)}`;
      case "STEP_REUSED":
        return `Step ${event.data.step_id} was not done again: earlier results stand in for it.`;
      case "GATE_PASSED":
      case "GATE_FAILED":
      case "GATE_ERROR":
        return gateSentence(event);
      case "ROUTE_TAKEN": {
        const { route_id, action, target, reason } = event.data;
        return `${route_id === null ? "No route matched, and the built-in rule" : `Route ${route_id}`} ${did(action, target)}: ${plain(reason, 300)}`;
      }
      case "POLICY_VIOLATION":
        return `Attempt ${event.data.attempt} of step ${event.data.step_id} broke the policy (${event.data.violation_type}): ${plain(event.data.details, 300)}`;
      case "SIDE_EFFECT_OBSERVED":
        return `Step ${event.data.step_id} changed something outside of its outputs: ${plain(event.data.description, 300)}`;
      case "SECURITY_ESCALATED":
        return `The security state rose from ${event.data.from} to ${event.data.to}, which ended the run: ${plain(event.data.reason, 300)}`;
      case "RERUN_REQUESTED":
      case "ARTIFACT_REPLACED":
      case "CANCEL_REQUESTED":
      case "RUN_RESUMED":
      case "RUN_UNBLOCKED":
      case "RUN_REOPENED":
        return personSentence(event);
      case "RUN_SUCCEEDED":
      case "RUN_FAILED":
      case "RUN_BLOCKED":
      case "RUN_CANCELED":
      case "RUN_INCOMPLETE":
        return event === run.events.findLast((one) => one.kind === event.kind) && run.endedAt === event.at
          ? null
          : `The run came to rest (${event.kind.slice(4).toLowerCase()}): ${plain(event.data.reason, 300)}`;
      default:
        return null;
    }
  }

  function gateSentence({ kind, data }: Extract<LedgerEvent, { readonly kind: "GATE_PASSED" | "GATE_FAILED" | "GATE_ERROR" }>): string {
    const { gate_id, step_id, reason, required, dry_run } = data;
    const verdict = kind === "GATE_PASSED" ? "passed" : kind === "GATE_FAILED" ? "failed" : "could not be judged";
    const name = `${required ? "gate" : "optional gate"} ${gate_id}${step_id === undefined ? "" : ` of ${step_id}`}`;
    const begins = dry_run === true ? `In a dry run, ${name}` : `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
    return `${begins} ${verdict}${reason === null ? "." : `: ${plain(reason, 300)}`}`;
  }

  type PersonKind = "RERUN_REQUESTED" | "ARTIFACT_REPLACED" | "CANCEL_REQUESTED" | "RUN_RESUMED" | "RUN_UNBLOCKED" | "RUN_REOPENED";

  function personSentence(event: Extract<LedgerEvent, { readonly kind: PersonKind }>): string {
    return `${plain(event.by)} ${personDid(event)}: ${plain(event.data.reason, 300)}`;
  }

  function personDid(event: Extract<LedgerEvent, { readonly kind: PersonKind }>): string {
    switch (event.kind) {
      case "RERUN_REQUESTED":
        return `asked for ${list(event.data.step_ids.slice(0, 12))} to be done again`;
      case "ARTIFACT_REPLACED":
        return `replaced ${plain(event.data.name)}${event.data.step_id === undefined ? "" : ` of step ${event.data.step_id}`}`;
      case "CANCEL_REQUESTED":
        return "asked for the run to be canceled";
      case "RUN_RESUMED":
        return "resumed the run";
      case "RUN_UNBLOCKED":
        return "unblocked the run";
      case "RUN_REOPENED":
        return "reopened the run";
    }
  }

  function did(action: string, target: string | undefined): string {
    switch (action) {
      case "goto":
        return `sent the run back to step ${target ?? "unknown"}`;
      case "retry":
        return "had it tried again";
      case "escalate":
        return "stopped the run until a person decides";
      case "abort":
        return "ended the run";
      default:
        return "let the other steps go on";
    }
  }

  function because(data: { readonly cause: string; readonly route_id?: string | undefined }): string {
    switch (data.cause) {
      case "retry":
        return "the retry policy";
      case "route":
        return `route ${data.route_id ?? "unknown"}`;
      case "rerun":
        return "a person's request";
      default:
        return `a ${data.cause}`;
    }
  }

  /** What went as planned is told only while it is little. */
  function isNotable(event: LedgerEvent): boolean {
    return event.kind !== "STEP_COMPLETED" && event.kind !== "GATE_PASSED";
  }

  function ending(run: ReportRun): string[] {
    const first = run.events.find((event) => event.kind === "RUN_STARTED") ?? run.events[0];
    const took = first === undefined || run.endedAt === null ? "" : ` after ${span(timeMs(run.endedAt) - timeMs(first.at))}`;
    const sentences = [outcome(run, took)];
    const done = run.steps.filter((step) => step.status === "succeeded").length;
    const reused = run.steps.filter((step) => step.status === "reused").length;
    const attempts = run.steps.reduce((sum, step) => sum + step.attempts.length, 0);
    if (run.steps.length > 0) {
      sentences.push(
        `${done} of ${count(run.steps.length, "step")} succeeded in ${count(attempts, "attempt")}${reused === 0 ? "" : `, ${reused} more by earlier results`}.`,
      );
    }
    const made = run.steps.reduce((sum, step) => sum + step.produced.length, 0);
    if (made > 0) sentences.push(`${count(made, "output")} ${made === 1 ? "is" : "are"} kept by digest.`);
    return sentences;
  }

  function outcome(run: ReportRun, took: string): string {
    const why = run.reason === null ? "" : `: ${plain(run.reason, 400)}`;
    switch (run.status) {
      case "succeeded":
        return `The run succeeded${took}${why}.`;
      case "failed":
        return `The run failed${took}${why}.`;
      case "blocked":
        return `The run is blocked${took} and waits for a person${why}.`;
      case "canceled":
        return `The run was canceled${took}${why}.`;
      case "incomplete":
        return `The run ended incomplete${took}${why}. It can never be resumed.`;
      default:
        return `The run is not finished: it is ${run.status}. This page shows it up to its last event.`;
    }
  }

  return (run) => {
    const told = run.events.flatMap((event) => {
      const text = sentence(run, event);
      return text === null ? [] : [{ event, text }];
    });
    const chosen = told.length <= eventsMax ? told : told.filter(({ event }) => isNotable(event));
    const shown = chosen.slice(0, eventsMax).map(({ event, text }): [string, string] => [clock(event.at), text]);
    if (chosen.length > eventsMax) shown.push(["", `${chosen.length - eventsMax} more of these are in the tables below and in the record.`]);
    return { beginning: beginning(run), events: shown, ending: ending(run) };
  };
}
