import { describe, expect, it } from "vitest";
import { signatureVerifier } from "../adapters/crypto/signature-verifier.ts";
import { digestBytes } from "../base/digest.ts";
import type { EventDraft } from "../contracts/event.ts";
import { parseRunId, runStream, type StreamId, workspaceStream } from "../contracts/ids.ts";
import { createMemoryTrustStore } from "../adapters/memory/trust-store.ts";
import { allEvents, MemoryWorkspace, testDraft } from "../testkit/memory-workspace.ts";
import { verifyStream } from "./verify-stream.ts";
import { anchorOf, cutCheckpoint, type CutCheckpoint, leafSizes, loadTrustedLog, type TrustedLogParts } from "./workspace-log.ts";

const [a, b] = [runStream(parseRunId("a")), runStream(parseRunId("b"))];
async function setUp(trust = createMemoryTrustStore()) {
  const workspace = new MemoryWorkspace();
  const { ledger, authority } = await workspace.open();
  const signer = await trust.createKey("ws-1");
  const parts = { ledger, authority, trust, signer, verifier: signatureVerifier };
  const seal = async (stream: StreamId, mark: string): Promise<void> => {
    const writer = await ledger.openWriter(stream, { token: 0 });
    const draft: EventDraft = {
      kind: "RUN_SEALED",
      key: `RUN_SEALED/${mark}`,
      by: "user:ada",
      data: { outcome: "succeeded", events: writer.events + 1, counts: {} },
    };
    await writer.append([testDraft(mark), draft], { leaf: "seal" });
  };
  const verify = async (stream: StreamId, given?: TrustedLogParts["given"]) => {
    const log = await loadTrustedLog({ ...parts, ...(given === undefined ? {} : { given }) });
    return anchorOf(log, stream, await verifyStream(ledger, stream, { headsAt: leafSizes(log, stream) }));
  };
  const cut = (): Promise<CutCheckpoint | null> => cutCheckpoint(parts);
  return { workspace, ledger, authority, trust, signer, parts, seal, verify, cut };
}

describe("workspace log", () => {
  it("S5: a sealed run under a checkpoint is anchored, and the answer names the key", async () => {
    const { seal, cut, verify, ledger } = await setUp();
    expect(await cut()).toBeNull();
    await seal(a, "1");
    expect(await verify(a)).toMatchObject({ result: "unanchored", anchor: null });
    expect(await cut()).toMatchObject({ size: 1, key_name: "lily/ws-1", cut: true });
    expect(await verify(a)).toMatchObject({ result: "anchored", anchor: "local key lily/ws-1, checkpoint of 1 leaf", events: 2, problems: [] });
    await seal(b, "2");
    await cut();
    expect(await verify(b)).toMatchObject({ result: "anchored", anchor: "local key lily/ws-1, checkpoint of 2 leaves" });
    expect((await allEvents(ledger.readStream(workspaceStream))).map((event) => event.key)).toEqual(["CHECKPOINT_CUT/1", "CHECKPOINT_CUT/2"]);
    expect(await verify(workspaceStream)).toMatchObject({ result: "unanchored" });
  });

  it("does nothing without new leaves, but remembers what a crash kept from being remembered", async () => {
    const { seal, cut, trust, parts, ledger } = await setUp();
    await seal(a, "1");
    const first = await cut();
    expect(await cut()).toEqual({ ...first, cut: false });
    const fresh = createMemoryTrustStore();
    expect(await cutCheckpoint({ ...parts, trust: fresh })).toEqual({ ...first, cut: false });
    expect(await fresh.newestCheckpoint("ws-1")).toBe(await trust.newestCheckpoint("ws-1"));
    expect(await allEvents(ledger.readStream(workspaceStream))).toHaveLength(1);
  });

  it("S5: events behind the seal are unanchored until the next one", async () => {
    const { seal, cut, verify, ledger } = await setUp();
    await seal(a, "1");
    await cut();
    await (await ledger.openWriter(a, { token: 0 })).append([testDraft("later")]);
    const view = await verify(a);
    expect(view).toMatchObject({ result: "unanchored", anchor: null, events: 3 });
    expect(view.problems[0]).toContain("1 later events are not yet");
    await seal(a, "2");
    await cut();
    expect(await verify(a)).toMatchObject({ result: "anchored", events: 5 });
  });

  it("S5: a record that is shorter than its leaf is behind its anchor", async () => {
    const { seal, cut, verify, workspace, ledger } = await setUp();
    await seal(a, "1");
    const short = await ledger.head(a);
    await seal(a, "2");
    await cut();
    await ledger.settle();
    workspace.state.heads.set(a, { head: short, change: 99 });
    workspace.disk.edit(a, (bytes) => bytes.slice(0, short.bytes));
    expect(await verify(a)).toMatchObject({ result: "behind_anchor", anchor: null, events: 2 });
  });

  it("S5: a record that was rewritten with valid hashes is corrupt", async () => {
    const { seal, cut, verify, workspace, ledger } = await setUp();
    await seal(a, "1");
    await cut();
    await ledger.settle();
    const rival = new MemoryWorkspace();
    rival.clock.advance(5);
    const other = await rival.open();
    const writer = await other.ledger.openWriter(a, { token: 0 });
    await writer.append([testDraft("x"), testDraft("y")]);
    await other.ledger.settle();
    workspace.state.heads.set(a, { head: writer.head, change: 99 });
    workspace.disk.edit(a, () => rival.disk.file(a).current);
    const view = await verify(a);
    expect(view.result).toBe("corrupt");
    expect(view.problems[0]).toContain("the checkpoint says head");
  });

  it("S5: damage is corrupt, whatever the checkpoint says", async () => {
    const { seal, cut, verify, workspace, ledger } = await setUp();
    await seal(a, "1");
    await cut();
    await ledger.settle();
    workspace.disk.edit(a, (bytes) => bytes.fill(0x20, 5, 6));
    expect(await verify(a)).toMatchObject({ result: "corrupt", anchor: null });
  });

  it("S5: a workspace log shorter than the remembered checkpoint is behind its anchor, and nothing more is signed", async () => {
    const { seal, cut, verify, workspace } = await setUp();
    await seal(a, "1");
    await cut();
    await seal(b, "2");
    await cut();
    const leaves = workspace.state.leaves;
    workspace.state.leaves = leaves.slice(0, 1);
    expect(await verify(a)).toMatchObject({ result: "behind_anchor", anchor: null });
    await expect(cut()).rejects.toMatchObject({ code: "RECORD_BEHIND_ANCHOR" });
    workspace.state.leaves = leaves.toReversed();
    expect(await verify(a)).toMatchObject({ result: "corrupt" });
    await expect(cut()).rejects.toMatchObject({ code: "CHECKPOINT_INVALID" });
  });

  it("S5: a workspace restored whole to an older state is behind the remembered checkpoint", async () => {
    const { seal, cut, trust, parts } = await setUp();
    await seal(a, "1");
    await cut();
    const restored = await setUp(trust);
    await restored.seal(a, "1");
    await restored.cut();
    await seal(b, "2");
    await cut();
    const log = await loadTrustedLog({ ...restored.parts, trust });
    expect(log.state).toBe("behind_anchor");
    await expect(cutCheckpoint({ ...restored.parts, trust })).rejects.toMatchObject({ code: "RECORD_BEHIND_ANCHOR" });
    await restored.seal(b, "2");
    const later = await loadTrustedLog({ ...restored.parts, trust });
    expect(later).toMatchObject({ state: "behind_anchor", problems: [expect.stringContaining("knows checkpoints up to 1")] });
    expect(parts.signer.keyName).toBe("lily/ws-1");
  });

  it("S5: without a key nothing is anchored; with a given one the answer says so", async () => {
    const { seal, cut, verify, trust, signer } = await setUp();
    await seal(a, "1");
    await cut();
    trust.loseKey("ws-1");
    expect(await verify(a)).toMatchObject({ result: "unanchored", anchor: null });
    const given = { keys: [{ name: signer.keyName, publicKey: signer.publicKey }], label: "given key" };
    expect(await verify(a, given)).toMatchObject({ result: "anchored", anchor: "given key lily/ws-1, checkpoint of 1 leaf" });
  });

  it("S5: a checkpoint that another key signed is corrupt", async () => {
    const { seal, cut, verify } = await setUp();
    await seal(a, "1");
    await cut();
    const stranger = await createMemoryTrustStore().createKey("stranger");
    const given = { keys: [{ name: "lily/ws-1", publicKey: stranger.publicKey }], label: "given key" };
    expect(await verify(a, given)).toMatchObject({ result: "corrupt", anchor: null });
  });

  it("never takes a leaf of the log for a head that is not there", async () => {
    const { seal, cut, verify, workspace } = await setUp();
    await seal(a, "1");
    workspace.state.leaves.push({ stream: a, size: 2, head: digestBytes("another history") });
    await cut();
    expect(await verify(a)).toMatchObject({ result: "corrupt" });
  });
});
