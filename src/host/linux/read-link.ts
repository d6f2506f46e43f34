/** readlink(2) without exceptions: an owner search asks for thousands of links, many of which are gone, and an exception costs ten calls. */
import type { Libc } from "./libc.ts";
import type { ReadLink } from "./read-file.ts";
import { readLinkByFs } from "./read-file.ts";

const MOST_BYTES = 256;

/** The text, or the errno's number. */
export function readLinkByLibc(libc: Libc | undefined): ReadLink {
  if (libc === undefined) return readLinkByFs;
  const target = Buffer.allocUnsafe(MOST_BYTES);
  return (path) => {
    const length = libc.readlink(path, target, MOST_BYTES);
    return length < 0 ? -length : target.toString("latin1", 0, length);
  };
}
