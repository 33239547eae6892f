import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** `defineModule` as modules of tests import it: straight from the source, which Node runs as it is. */
export const repoModule = pathToFileURL(join(import.meta.dirname, "../../src/runtime/define-module.ts")).href;
