/** True when an absolute path is the folder or below it; `/base-evil` is not inside `/base`. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
