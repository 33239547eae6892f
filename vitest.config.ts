import process from "node:process";
import { defineConfig } from "vitest/config";

/** Rooms whose branches must be tested; the rest is shown by the end-to-end tests, which run in other processes. */
const coveredRooms = ["base", "contracts", "artifacts", "ledger", "graph", "judge", "runtime"];
const resultsFile = process.env["LILY_TEST_RESULTS"];

export default defineConfig({
  test: {
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    allowOnly: process.env["CI"] === undefined,
    passWithNoTests: false,
    reporters: resultsFile === undefined ? ["default"] : ["default", ["json", { outputFile: resultsFile }]],
    projects: [
      {
        // Pure code and in-memory parts: threads, one module graph for all files.
        extends: true,
        test: {
          name: "core",
          include: ["src/{base,contracts,ports,artifacts,ledger,graph,judge,runtime,audit,kernel,testkit}/**/*.test.ts"],
          pool: "threads",
          isolate: false,
        },
      },
      {
        // Files, processes, databases: own processes.
        extends: true,
        test: {
          name: "system",
          include: ["src/{adapters,presets,cli}/**/*.test.ts", "src/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"],
          pool: "forks",
        },
      },
    ],
    coverage: {
      provider: "v8",
      include: coveredRooms.map((room) => `src/${room}/**/*.ts`),
      exclude: ["**/*.test.ts", "**/*.test-support.ts"],
      reporter: ["text-summary", "text", "json-summary"],
      thresholds: Object.fromEntries(coveredRooms.map((room) => [`src/${room}/**`, { branches: 95 }])),
    },
  },
});
