const byExtension: Readonly<Record<string, string>> = {
  json: "application/json",
  jsonl: "application/jsonl",
  csv: "text/csv",
  tsv: "text/tab-separated-values",
  txt: "text/plain",
  log: "text/plain",
  md: "text/markdown",
  html: "text/html",
  xml: "application/xml",
  yaml: "application/yaml",
  yml: "application/yaml",
  parquet: "application/vnd.apache.parquet",
  png: "image/png",
  svg: "image/svg+xml",
  pdf: "application/pdf",
  tgz: "application/gzip",
  gz: "application/gzip",
  zip: "application/zip",
};

/** The media type that a file name suggests; bytes are never looked at. */
export function mediaTypeOf(fileName: string): string {
  const extension = fileName.slice(fileName.lastIndexOf(".") + 1).toLowerCase();
  return byExtension[extension] ?? "application/octet-stream";
}
