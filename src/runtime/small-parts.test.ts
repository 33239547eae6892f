import { describe, expect, test } from "vitest";
import { LilyError } from "../base/lily-error.ts";
import { redactText, secretForms } from "../base/secret-forms.ts";
import { cancelBody } from "./drive-run.ts";
import { EndSignal } from "./end-signal.ts";
import { isFault } from "./is-fault.ts";
import { SecretGuard } from "./secret-guard.ts";

describe("the end signal", () => {
  test("tells each listener once, at once when the end has come, and never one that was forgotten", () => {
    const end = new EndSignal();
    const told: string[] = [];
    end.onEnd(() => void told.push("first"));
    const forget = end.onEnd(() => void told.push("forgotten"));
    forget();
    expect(end.ended).toBe(false);
    end.end();
    end.end();
    const late = end.onEnd(() => void told.push("late"));
    late();
    expect([end.ended, told]).toEqual([true, ["first", "late"]]);
  });
});

describe("a fault", () => {
  test("E7: is what stops the run itself, and never a step's own failure", () => {
    const code = (name: ConstructorParameters<typeof LilyError>[0]): boolean => isFault(new LilyError(name, "x"));
    expect([code("STORAGE_FULL"), code("OBJECT_CORRUPT"), code("LEDGER_TOKEN_STALE"), code("WORKSPACE_READ_ONLY"), isFault(new Error("x"))]).toEqual([
      true,
      true,
      true,
      true,
      true,
    ]);
    expect([code("STEP_OUTPUT_MISSING"), code("INPUT_NOT_FOUND"), code("WORKFLOW_DRIFT")]).toEqual([false, false, false]);
  });
});

describe("a cancel", () => {
  test("is recorded with words that are well-formed and bounded", () => {
    const body = cancelBody(`\ud800${"x".repeat(10_000)}`, "1");
    expect(body).toMatchObject({ kind: "CANCEL_REQUESTED", data: { reason: expect.stringMatching(/^\ufffdx{4095}$/) } });
  });
});

describe("the secret guard", () => {
  const source = (pieces: readonly string[]) => {
    const left = pieces.map((piece) => new TextEncoder().encode(piece));
    let closed = 0;
    return {
      read: (into: Uint8Array): number => {
        const piece = left.shift();
        if (piece === undefined) return 0;
        into.set(piece);
        return piece.length;
      },
      close: async (): Promise<void> => void closed++,
      closed: () => closed,
    };
  };
  const readAll = async (guard: SecretGuard, pieces: readonly string[]): Promise<number> => {
    const guarded = guard.guardSource(source(pieces), "o");
    let total = 0;
    for (let count = await guarded.read(new Uint8Array(64)); count > 0; count = await guarded.read(new Uint8Array(64))) total += count;
    await guarded.close();
    return total;
  };

  test("S4: finds a secret across the borders of pieces, in any of its forms", async () => {
    const guard = new SecretGuard(["correct-horse", ""]);
    await expect(readAll(guard, ["xxcorr", "ect-h", "orse"])).rejects.toMatchObject({ code: "STEP_OUTPUT_INVALID", details: { output: "o" } });
    await expect(readAll(guard, [btoa("correct-horse")])).rejects.toMatchObject({ code: "STEP_OUTPUT_INVALID" });
    expect(await readAll(guard, ["correct", " horse"])).toBe(13);
  });

  test("passes everything when there is no secret, or only one too short to be told from content", async () => {
    expect(await readAll(new SecretGuard([]), ["abc"])).toBe(3);
    expect(await readAll(new SecretGuard(["abc"]), ["abc"])).toBe(3);
    expect(new SecretGuard([]).redact("abc")).toBe("abc");
    expect(new SecretGuard(["abc"]).redact("xabcx")).toBe("x[redacted]x");
    new SecretGuard([]).refuseText("abc", "o");
    expect(() => new SecretGuard(["pass wörd/1"]).refuseText(encodeURIComponent("pass wörd/1"), "o")).toThrow(/output o holds/);
  });

  test("S4: every form of a value with several lines and Unicode is taken out of a text", () => {
    const value = 'line one\nzwölf "boxkämpfer"/jagen';
    const forms = secretForms([value]);
    for (const text of [value, JSON.stringify(value), encodeURIComponent(value), value.split("\n")[1] ?? ""]) {
      const clean = redactText(`a ${text} b`, forms);
      expect(clean).toMatch(/^a .*\[redacted\].* b$/s);
      expect(clean).not.toContain("jagen");
    }
  });
});
