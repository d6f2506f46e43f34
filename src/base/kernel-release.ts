/** Is a kernel release ("6.1.0-18-amd64") older than this version? A release that cannot be read is taken for a new one. */
export function olderThan(release: string, major: number, minor: number): boolean {
  const match = /^(\d+)\.(\d+)/.exec(release);
  if (match === null) return false;
  const [theirs, second] = [Number(match[1]), Number(match[2])];
  return theirs < major || (theirs === major && second < minor);
}
