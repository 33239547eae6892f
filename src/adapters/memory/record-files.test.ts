import { recordFilesConformance } from "../../testkit/record-files-conformance.ts";
import { TurnClock } from "../../testkit/turn-clock.ts";
import { MemoryDisk, openMemoryRecordFiles } from "./record-files.ts";

recordFilesConformance("memory", async () => {
  const disk = new MemoryDisk();
  const clock = new TurnClock();
  return {
    files: openMemoryRecordFiles({ disk, clock, seed: 1 }),
    another: async () => openMemoryRecordFiles({ disk, clock, seed: 2 }),
    end: async () => undefined,
  };
});
