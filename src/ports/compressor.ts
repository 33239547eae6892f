/** Makes bytes smaller, in a form that browsers unpack by themselves. The same bytes give the same result. */
export interface Compressor {
  /** RFC 1952. */
  gzip(bytes: Uint8Array): Promise<Uint8Array>;
}
