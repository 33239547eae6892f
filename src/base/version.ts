/** The version of this kernel, as package.json says. A constant, so that answering `--version` reads no file; a test compares the two. */
export const kernelVersion = "0.1.0";
