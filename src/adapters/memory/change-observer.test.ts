import { describe } from "vitest";
import { changeObserverConformance } from "../../testkit/change-observer-conformance.ts";
import { createMemoryChangeObservers } from "./change-observer.ts";
import { MemoryFiles } from "./memory-files.ts";

describe.each([1, 2, 3])("memory change observer, seed %i", (seed) => {
  changeObserverConformance(async () => {
    const files = new MemoryFiles();
    files.makeFolder("/root");
    return {
      observers: createMemoryChangeObservers(files, { seed }),
      limited: (entriesMax) => createMemoryChangeObservers(files, { seed, entriesMax }),
      root: "/root",
      write: (path, content) => files.write(`/root/${path}`, content),
      makeFolder: (path) => files.makeFolder(`/root/${path}`),
      link: (path, target) => files.link(`/root/${path}`, target),
      special: (path) => files.special(`/root/${path}`),
      remove: (path) => files.remove(`/root/${path}`),
    };
  });
});
