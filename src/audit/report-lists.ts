/**
 * Everything that a report shows of the record, as named lists of rows of text. The page shows these texts and holds the text of this very
 * function, so that the reader's browser can make them again from the record and compare. It names nothing from outside of itself.
 */
import type { LedgerEvent } from "../contracts/event.ts";
import type { ReportAttempt, ReportGate, ReportRun, ReportStep } from "./report-fold.ts";
import type { ReportStory } from "./report-story.ts";
import type { ReportTexts } from "./report-texts.ts";

export type ReportRow = readonly string[];
export type ReportLists = Readonly<Record<ReportListName, readonly ReportRow[]>>;
export type ReportListName =
  | "summary"
  | "beginning"
  | "events"
  | "ending"
  | "timeline"
  | "graph"
  | "steps"
  | "attempts"
  | "gates"
  | "decisions"
  | "policy"
  | "violations"
  | "declared"
  | "observed"
  | "security"
  | "inputs"
  | "outputs"
  | "environment"
  | "code"
  | "logs";

export function reportLists(texts: ReportTexts, storyOf: (run: ReportRun) => ReportStory): (run: ReportRun) => ReportLists {
  const { plain, moment, clock, span, size, count, list, timeMs } = texts;
  const rowsMax = 200;
  const stepsMax = 2_000;

  function summary(run: ReportRun): ReportRow[] {
    const first = run.events[0];
    const last = run.events.at(-1);
    const started = run.events.find((event) => event.kind === "RUN_STARTED");
    const committed = run.events.find((event) => event.kind === "PLAN_COMMITTED");
    const from = started ?? first;
    return [
      ["Status", run.status],
      ["Run", run.id],
      ["Workflow", run.plan === null ? "none yet" : plain(run.plan.workflow)],
      ["Plan", committed?.kind === "PLAN_COMMITTED" ? committed.data.plan_hash : "none yet"],
      ["Started", from === undefined ? "never" : `${moment(from.at)} by ${plain(from.by)}`],
      ["Ended", run.endedAt === null ? "not ended" : moment(run.endedAt)],
      ["Duration", from === undefined || run.endedAt === null ? "not known yet" : span(timeMs(run.endedAt) - timeMs(from.at))],
      ["Record", `${count(run.events.length, "event")}, ${run.isSealed ? "sealed" : "not sealed"}`],
      ["Head", last?.hash ?? "none"],
    ];
  }

  /** What is out of the ordinary comes first into a list that is too long, and the order stays. */
  function clipped<T>(items: readonly T[], isNotable: (item: T) => boolean, row: (item: T) => ReportRow, max = rowsMax): ReportRow[] {
    if (items.length <= max) return items.map(row);
    const notable = items.filter(isNotable).length;
    let [rareLeft, plainLeft] = [max, Math.max(0, max - notable)];
    const kept = items.filter((item) => (isNotable(item) ? rareLeft-- > 0 : plainLeft-- > 0));
    return [...kept.map(row), [`and ${items.length - kept.length} more, which the record holds`]];
  }

  function because(run: ReportRun, step: ReportStep): string {
    // Whatever was said of an earlier attempt does not say why the step waits now.
    if (step.status === "pending") return step.attempts.length === 0 ? "never started" : "waits to be done again";
    const why = step.why === null ? null : run.valueOf(step.why);
    if (typeof why === "object" && why !== null && "because" in why && typeof why.because === "string") return plain(why.because);
    if (step.because !== null) return plain(step.because);
    const last = step.attempts.at(-1);
    if (last?.problem != null) return plain(last.problem);
    const bad = run.gates.find((gate) => gate.step === step.id && gate.attempt === last?.n && gate.verdict !== "passed" && !gate.isDryRun);
    if (bad !== undefined) return plain(`gate ${bad.id} ${bad.verdict}${bad.reason === null ? "" : `: ${bad.reason}`}`);
    if (last === undefined) return "never started";
    return startText(last.cause);
  }

  function startText(cause: string): string {
    if (cause === "ready") return "all that it needs was done";
    if (cause === "retry") return "tried again, as the retry policy says";
    if (cause === "resume") return "tried again after the run was resumed";
    if (cause === "rerun") return "done again, because a person asked for it";
    return `done again, because ${plain(cause)} sent the run back`;
  }

  function stepRow(run: ReportRun, step: ReportStep): ReportRow {
    const ms = step.attempts.reduce((sum, attempt) => sum + (attempt.durationMs ?? 0), 0);
    const title = step.plan?.title ?? null;
    return [
      title === null ? step.id : `${step.id}: ${plain(title, 120)}`,
      step.status,
      String(step.attempts.length),
      step.attempts.some((attempt) => attempt.durationMs !== null) ? span(ms) : "-",
      because(run, step),
    ];
  }

  function attemptRow(attempt: ReportAttempt): ReportRow {
    const { executor } = attempt;
    const held = Object.entries(executor?.enforcement ?? {}).map(([what, level]) => `${plain(what)} ${level}`);
    const exit = executor?.signal != null ? `, signal ${plain(executor.signal)}` : executor?.exit_code != null ? `, exit ${executor.exit_code}` : "";
    return [
      attempt.step,
      String(attempt.n),
      attempt.problem === null || attempt.outcome === "interrupted" ? (attempt.problem ?? attempt.outcome) : `${attempt.outcome}: ${plain(attempt.problem)}`,
      plain(attempt.cause),
      clock(attempt.startedAt),
      attempt.durationMs === null ? "-" : span(attempt.durationMs),
      executor === null ? "-" : `${executor.kind}${exit}`,
      executor === null
        ? "-"
        : `${executor.sandbox === undefined ? "no sandbox" : plain(executor.sandbox)}; ${held.length === 0 ? "nothing enforced" : held.join(", ")}`,
    ];
  }

  function gateRow(gate: ReportGate): ReportRow {
    const figures = Object.entries(gate.metrics).map(([name, value]) => `${plain(name, 80)} = ${value}`);
    return [
      gate.id,
      gate.step === null ? "the run" : `${gate.step}, attempt ${gate.attempt}`,
      `${gate.verdict}${gate.isDryRun ? " (dry run)" : ""}`,
      gate.required ? "required" : "optional",
      gate.reason === null ? "-" : plain(gate.reason),
      figures.length === 0 ? "-" : figures.slice(0, 12).join(", "),
      span(gate.durationMs),
    ];
  }

  function decisions(run: ReportRun): ReportRow[] {
    const rows = run.events.flatMap((event): ReportRow[] => {
      const at = clock(event.at);
      const by = plain(event.by, 80);
      switch (event.kind) {
        case "ROUTE_TAKEN": {
          const { route_id, action, step_id, gate_id, target, reason } = event.data;
          const of = gate_id !== undefined ? `gate ${gate_id}` : step_id !== undefined ? `step ${step_id}` : "the run";
          return [[at, route_id === null ? "built-in rule" : `route ${route_id}`, `${action}${target === undefined ? "" : ` ${target}`}`, of, plain(reason)]];
        }
        case "STEP_REUSED":
          return [
            [
              at,
              "reuse",
              event.data.cause,
              `step ${event.data.step_id}`,
              `attempt ${event.data.from.attempt} of ${event.data.from.step_id} in run ${event.data.from.run_id}`,
            ],
          ];
        case "RERUN_REQUESTED":
          return [[at, by, "rerun", list(event.data.step_ids.slice(0, 20)), plain(event.data.reason)]];
        case "ARTIFACT_REPLACED":
          return [[at, by, "replace", plain(event.data.name), plain(event.data.reason)]];
        case "RUN_FORKED":
          return [[at, by, "fork", `run ${event.data.from.run_id}`, plain(event.data.reason)]];
        case "SECURITY_ESCALATED":
          return [[at, "security", "escalation", `${event.data.from} to ${event.data.to}`, plain(event.data.reason)]];
        case "RUN_BLOCKED":
          return [[at, "route or gate", "block", "the run", plain(event.data.reason)]];
        case "RUN_UNBLOCKED":
        case "RUN_RESUMED":
        case "RUN_REOPENED":
        case "CANCEL_REQUESTED":
          return [[at, by, event.kind.toLowerCase().replace("run_", "").replaceAll("_", " "), "the run", plain(event.data.reason)]];
        default:
          return [];
      }
    });
    return clipped(
      rows,
      () => false,
      (row) => row,
    );
  }

  const ruleTitles = new Map([
    ["tools", "Tools"],
    ["write", "Writes"],
    ["network", "Network"],
    ["sandbox", "Sandbox"],
    ["attempts_max", "Attempts of a step, at most"],
    ["retry_max", "Retries of a step, at most"],
    ["timeout_max_ms", "Milliseconds of a step, at most"],
    ["diff_bytes_max", "Changed bytes of an attempt, at most"],
    ["env_allow", "Environment names"],
    ["unblock_by", "May unblock"],
    ["security", "Security"],
  ]);

  /** A rule as it is written. Where several policies were joined, each of their lists has to allow it. */
  function ruleText(value: unknown): string {
    if (value === null) return "no rule";
    if (Array.isArray(value)) {
      if (value.length === 0) return "none";
      return value.map(ruleText).join(value.some((item) => Array.isArray(item)) ? " and also " : ", ");
    }
    if (typeof value !== "object") return plain(String(value));
    return Object.entries(value)
      .map(([name, member]) => `${plain(name)}: ${ruleText(member)}`)
      .join("; ");
  }

  function policy(run: ReportRun): ReportRow[] {
    if (run.plan === null) return [];
    const rules = Object.entries(run.plan.policy).map(([name, value]): ReportRow => [ruleTitles.get(name) ?? plain(name), plain(ruleText(value), 1_000)]);
    return [...rules, ["Digest", run.plan.policy_digest]];
  }

  function reversible(value: boolean | null): string {
    return value === null ? "unknown" : value ? "reversible" : "irreversible";
  }

  function declared(run: ReportRun): ReportRow[] {
    const rows = run.steps.flatMap((step) =>
      (step.plan?.effects ?? []).map(
        (effect): ReportRow => [
          step.id,
          effect.category,
          plain(effect.description),
          reversible(effect.reversible),
          effect.hint === null ? "-" : plain(effect.hint),
          step.attempts.length === 0 ? "did not run" : "ran",
        ],
      ),
    );
    return clipped(
      rows,
      (row) => row[3] !== "reversible",
      (row) => row,
    );
  }

  function observed(run: ReportRun): ReportRow[] {
    const rows = run.events.flatMap((event): ReportRow[] =>
      event.kind === "SIDE_EFFECT_OBSERVED"
        ? [
            [
              `${event.data.step_id}, attempt ${event.data.attempt}`,
              event.data.category,
              plain(event.data.description),
              reversible(event.data.reversible),
              event.data.source,
            ],
          ]
        : [],
    );
    return clipped(
      rows,
      (row) => row[3] !== "reversible",
      (row) => row,
    );
  }

  function artifactRow(run: ReportRun, id: string): ReportRow {
    const ref = run.artifacts.get(id)?.ref;
    return ref === undefined
      ? ["-", id, "made in another run", "-"]
      : [plain(ref.artifact_name ?? "-", 120), ref.digest, `${plain(ref.artifact_type)}, ${plain(ref.media_type)}`, size(ref.size)];
  }

  /** Leaves of a JSON document as path and text. */
  function leaves(value: unknown, path: string, rows: ReportRow[]): void {
    if (rows.length >= rowsMax) return;
    if (typeof value !== "object" || value === null) rows.push([plain(path, 120), plain(String(value))]);
    else for (const [name, member] of Object.entries(value)) leaves(member, path === "" ? name : `${path} ${name}`, rows);
  }

  function environment(run: ReportRun): ReportRow[] {
    const captured = run.events.findLast((event) => event.kind === "ENVIRONMENT_CAPTURED");
    const rows: ReportRow[] = [];
    if (captured?.kind === "ENVIRONMENT_CAPTURED") leaves(run.valueOf(captured.data.artifact_id), "", rows);
    const leader = run.events.findLast((event) => event.kind === "LEADER_TAKEN");
    if (leader?.kind === "LEADER_TAKEN") rows.push(["leader host", plain(leader.data.host)], ["leader process", String(leader.data.pid)]);
    const committed = run.events.find((event) => event.kind === "PLAN_COMMITTED");
    if (committed?.kind === "PLAN_COMMITTED") rows.push(["source folder", plain(committed.data.source_dir)]);
    return rows;
  }

  function logRow(run: ReportRun, folder: string, id: string): ReportRow {
    const ref = run.artifacts.get(id)?.ref;
    return ref === undefined ? [folder, id, "-", "-"] : [folder, plain(ref.artifact_name ?? "-", 120), size(ref.size), ref.digest];
  }

  function logs(run: ReportRun): ReportRow[] {
    const ofSteps = run.steps.flatMap((step) =>
      step.attempts.flatMap((attempt) =>
        attempt.logs.map((id) => ({ row: logRow(run, `steps/${step.id}/${attempt.n}`, id), isNotable: attempt.outcome !== "completed" })),
      ),
    );
    const ofGates = run.gates.flatMap((gate) =>
      gate.logs.map((id) => ({ row: logRow(run, `gates/${gate.id}/${gate.attempt}`, id), isNotable: gate.verdict !== "passed" })),
    );
    return clipped(
      [...ofSteps, ...ofGates],
      ({ isNotable }) => isNotable,
      ({ row }) => row,
    );
  }

  /** What stands on the timeline beside attempts; null for what does not. */
  function momentText(event: LedgerEvent): string | null {
    switch (event.kind) {
      case "GATE_PASSED":
      case "GATE_FAILED":
      case "GATE_ERROR": {
        const { gate_id, step_id, dry_run } = event.data;
        return `gate ${gate_id} of ${step_id ?? "the run"}: ${event.kind.slice(5).toLowerCase()}${dry_run === true ? " (dry run)" : ""}`;
      }
      case "ROUTE_TAKEN": {
        const { route_id, action, target } = event.data;
        return `${route_id === null ? "built-in rule" : `route ${route_id}`}: ${action}${target === undefined ? "" : ` ${target}`}`;
      }
      case "STEP_REUSED":
        return `${event.data.step_id}: reused`;
      case "RERUN_REQUESTED":
        return `rerun of ${list(event.data.step_ids.slice(0, 20))}`;
      case "ARTIFACT_REPLACED":
        return `${plain(event.data.name)}${event.data.step_id === undefined ? "" : ` of ${event.data.step_id}`} replaced`;
      case "SECURITY_ESCALATED":
        return `security escalation to ${event.data.to}`;
      default:
        return null;
    }
  }

  /** Attempts first, then what happened at one moment, in the order of the record: the drawing goes through the same. */
  function timeline(run: ReportRun, attempts: readonly ReportAttempt[]): ReportRow[] {
    const rows = attempts.map((attempt): ReportRow => {
      const took = attempt.durationMs === null ? "" : `, ${span(attempt.durationMs)}`;
      return [`${attempt.step} attempt ${attempt.n}: ${attempt.outcome}, from ${clock(attempt.startedAt)}${took}`];
    });
    for (const event of run.events) {
      const told = momentText(event);
      if (told !== null) rows.push([`${told}, at ${clock(event.at)}`]);
    }
    return rows;
  }

  return (run) => {
    const story = storyOf(run);
    const attempts = run.steps.flatMap((step) => step.attempts);
    const security = run.events.flatMap((event): ReportRow[] => {
      if (event.kind === "SECURITY_SNAPSHOT") {
        const { phase, security_state, boundary_state, context } = event.data;
        return [[clock(event.at), phase === "pre" ? "before" : "after", security_state, plain(boundary_state), plain(context)]];
      }
      return event.kind === "SECURITY_ESCALATED" ? [[clock(event.at), "during", event.data.to, "-", plain(event.data.reason)]] : [];
    });
    const violations = run.events.flatMap((event): ReportRow[] =>
      event.kind === "POLICY_VIOLATION" ? [[`${event.data.step_id}, attempt ${event.data.attempt}`, event.data.violation_type, plain(event.data.details)]] : [],
    );
    const outputs = run.steps.flatMap((step) => step.produced.map((id): ReportRow => [step.id, ...artifactRow(run, id)]));
    return {
      summary: summary(run),
      beginning: story.beginning.map((text) => [text]),
      events: story.events,
      ending: story.ending.map((text) => [text]),
      timeline: attempts.length > rowsMax ? [] : timeline(run, attempts),
      graph: run.steps.length > rowsMax ? [] : run.steps.map((step) => [step.id, step.status]),
      steps: clipped(
        run.steps,
        (step) => step.status !== "succeeded",
        (step) => stepRow(run, step),
        stepsMax,
      ),
      attempts: clipped(attempts, (attempt) => attempt.outcome !== "completed" || attempt.n > 1, attemptRow),
      gates: clipped(run.gates, (gate) => gate.verdict !== "passed", gateRow),
      decisions: decisions(run),
      policy: policy(run),
      violations: clipped(
        violations,
        () => false,
        (row) => row,
      ),
      declared: declared(run),
      observed: observed(run),
      security: clipped(
        security,
        () => false,
        (row) => row,
      ),
      inputs: Object.entries(run.inputs).map(([name, id]) => [plain(name, 120), ...artifactRow(run, id).slice(1)]),
      outputs: clipped(
        outputs,
        () => false,
        (row) => row,
      ),
      environment: environment(run),
      code: clipped(
        run.plan?.code ?? [],
        () => false,
        ({ path, digest }) => [plain(path), digest],
      ),
      logs: logs(run),
    };
  };
}
