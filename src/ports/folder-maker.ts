/** Makes the folders that a step may write to, so that a sandbox has something to let it write to. */
export interface FolderMaker {
  /**
   * Makes `path` (relative, with `/`) below `root` with the folders that lead to it, unless they are there. No link is followed. Returns the
   * absolute path, or null when a link or a file stands in the way. STORAGE_FAILED.
   */
  make(root: string, path: string): Promise<string | null>;
}
