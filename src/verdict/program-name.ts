/** What a program is called: the last part of its path. */
export function programName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
