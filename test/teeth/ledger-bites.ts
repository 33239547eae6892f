import { type Bite, fault, vitest } from "./bite.ts";

const ledgerTests = vitest("src/ledger");

/** Durability, the chain, leases, checkpoints. */
export const ledgerBites: readonly Bite[] = [
  {
    name: "object-without-sync",
    breaks: "L2 an object is durable when its put returns",
    edits: [{ file: "src/adapters/fs/object-store.ts", find: "await Promise.all([syncFile(temporary.fd), folderReady]);", replace: "await folderReady;" }],
    suite: fault("power-cut", 30),
  },
  {
    name: "object-without-folder-sync",
    breaks: "L2 the name of an object is durable when its put returns",
    edits: [
      {
        file: "src/adapters/fs/object-store.ts",
        find: "      removeQuietly(temporary.path);\n      await syncFolder(this.#folderOf(digest));\n",
        replace: "      removeQuietly(temporary.path);\n",
      },
    ],
    suite: fault("power-cut", 30),
  },
  {
    name: "sqlite-normal",
    breaks: "L2 a commit is durable when it returns",
    edits: [
      { file: "src/adapters/sqlite/authority-database.ts", find: "PRAGMA synchronous = FULL;", replace: "PRAGMA synchronous = NORMAL;" },
      { file: "src/adapters/sqlite/authority-database.ts", find: '["synchronous", 2]', replace: '["synchronous", 1]' },
    ],
    suite: fault("power-cut", 30),
  },
  {
    name: "acknowledged-before-commit",
    breaks: "L2 an event is acknowledged only after its commit",
    edits: [
      {
        file: "src/ledger/commit-queue.ts",
        find: "return await this.#journal.commit(units);",
        replace: 'void this.#journal.commit(units).catch(() => undefined);\n      return units.map(() => ({ outcome: "committed" as const }));',
      },
    ],
    suite: fault("simdisk", 2_000),
  },
  {
    name: "trimmed-before-sync",
    breaks: "L2 journal rows go only after their file was synced",
    edits: [{ file: "src/ledger/record-file-queue.ts", find: "    await this.#parts.files.sync([...ends.keys()]);\n", replace: "" }],
    suite: fault("simdisk", 2_000),
  },
  {
    name: "sync-tried-again",
    breaks: "L2 a failed sync is never tried again and trusted",
    edits: [
      {
        file: "src/ledger/record-file-queue.ts",
        find: "this.#work = this.#work.then(work);",
        replace: "this.#work = this.#work.catch(() => undefined).then(work);",
      },
    ],
    suite: vitest("src/ledger/record-file-queue.test.ts"),
  },
  {
    name: "hash-skips-a-member",
    breaks: "L1 every member of an event takes part in its hash",
    edits: [
      {
        file: "src/ledger/event-line.ts",
        find: 'const hash = taggedDigest("event", `${open}}`);',
        replace: 'const hash = taggedDigest("event", `${open.replace(/"by":"[^"]*",/, "")}}`);',
      },
    ],
    suite: ledgerTests,
  },
  {
    name: "verify-believes-the-hash",
    breaks: "L1 every flipped byte is found",
    edits: [{ file: "src/ledger/verify-record.ts", find: "const same = this.#states(hashAt, computed);", replace: "const same = true;" }],
    suite: fault("flips", 2_000),
  },
  {
    name: "verify-ignores-the-link",
    breaks: "L1 an event names the one before it",
    edits: [
      {
        file: "src/ledger/verify-record.ts",
        find: "const fault = this.#linked ? this.#checkPrev(at) : null;",
        replace: "const fault: LineFault | null = null;",
      },
    ],
    suite: ledgerTests,
  },
  {
    name: "reader-ignores-the-link",
    breaks: "L1 reading checks each link",
    edits: [{ file: "src/ledger/chain-reader.ts", find: "if (link.prev !== at.hash)", replace: "if (link.prev === undefined)" }],
    suite: ledgerTests,
  },
  {
    name: "verify-ignores-the-tail",
    breaks: "L4 a torn tail is reported",
    edits: [{ file: "src/ledger/verify-record.ts", find: "if (rest > 0) this.#report", replace: "if (rest < 0) this.#report" }],
    suite: ledgerTests,
  },
  {
    name: "commit-without-token",
    breaks: "L3 a commit checks the lease token",
    edits: [{ file: "src/adapters/sqlite/sqlite-journal.ts", find: "AND hash IS ? AND token = ?", replace: "AND hash IS ? AND token + ? >= 0" }],
    suite: vitest("src/adapters/sqlite"),
  },
  {
    name: "lease-of-the-living-taken",
    breaks: "L3 a lease that a living process holds is not granted",
    edits: [
      {
        file: "src/adapters/sqlite/sqlite-lease-store.ts",
        find: "if (lease !== null && held !== null && !isSameOwner(held, owner)) return",
        replace: "if (lease !== null && held !== null && lease.token < 0) return",
      },
    ],
    suite: vitest("src/adapters/sqlite"),
  },
  {
    name: "keys-forgotten-on-opening",
    breaks: "L5 a key that is recorded is never appended again",
    edits: [{ file: "src/ledger/ledger.ts", find: "        keys.set(event.key, offset);\n", replace: "" }],
    suite: ledgerTests,
  },
  {
    name: "key-with-other-data-accepted",
    breaks: "L5 the same key with other data is a conflict",
    edits: [
      {
        file: "src/ledger/append-batch.ts",
        find: "if (stored.kind === draft.kind && eventDataText(stored) === draft.text) return stored;",
        replace: "if (stored.kind === draft.kind) return stored;",
      },
    ],
    suite: ledgerTests,
  },
  {
    name: "smaller-tree-accepted",
    breaks: "S5 a log that is shorter than a checkpoint is behind its anchor",
    edits: [
      {
        file: "src/ledger/workspace-log.ts",
        find: "    if (checkpoint.size > leaves.length) {",
        replace: "    if (checkpoint.size > leaves.length + 1_000_000) {",
      },
    ],
    suite: ledgerTests,
  },
  {
    name: "smaller-tree-signed",
    breaks: "S5 nothing is signed over a log that was cut",
    edits: [{ file: "src/ledger/workspace-log.ts", find: "    await checkUnforked(parts, newest, leaves);\n", replace: "" }],
    suite: ledgerTests,
  },
  {
    name: "smaller-checkpoint-remembered",
    breaks: "S5 a remembered checkpoint is never replaced by a smaller one",
    edits: [
      {
        file: "src/adapters/fs/trust-store.ts",
        find: "    if (newest !== undefined && newest >= name) return;\n",
        replace: "    if (newest === name) return;\n",
      },
      { file: "src/adapters/fs/trust-store.ts", find: "if (older < name) removeQuietly", replace: "if (older !== name) removeQuietly" },
    ],
    suite: vitest("src/adapters/fs/trust-store"),
  },
  {
    name: "sealed-without-a-leaf",
    breaks: "S5 a sealed run is anchored",
    edits: [{ file: "src/runtime/run-shell.ts", find: 'batch.seals ? { leaf: "seal" } : {}', replace: "{}" }],
    suite: fault("flips", 100),
  },
  {
    name: "foreign-record-accepted",
    breaks: "S5 a record of another workspace is corrupt here",
    edits: [
      {
        file: "src/kernel/record-operations.ts",
        find: 'if (event.kind === "RUN_CREATED" && event.data.workspace_id === core.workspaceId) return null;',
        replace: 'if (event.kind === "RUN_CREATED") return null;',
      },
    ],
    suite: vitest("test/runtime/identity.test.ts"),
  },
  {
    name: "swapped-identity-accepted",
    breaks: "S5 the authority is the one that the workspace's record names",
    edits: [
      {
        file: "src/kernel/core.ts",
        find: "if (recorded === null || recorded === this.workspaceId) return;",
        replace: "if (recorded === null || recorded !== undefined) return;",
      },
    ],
    suite: vitest("test/runtime/identity.test.ts"),
  },
];
