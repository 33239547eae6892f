/** `size.mjs FILE BYTES_MAX`: the file is not larger than it may be. */
import { statSync } from "node:fs";
import process from "node:process";

const [file = "", limit = ""] = process.argv.slice(2);
const { size } = statSync(file);
const isSmall = size > 0 && size <= Number(limit);
process[isSmall ? "stdout" : "stderr"].write(`${size} bytes, ${limit} are allowed\n`);
process.exitCode = isSmall ? 0 : 1;
