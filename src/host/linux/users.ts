/** Accounts of /etc/passwd, read when first asked for. Those of a directory service (NSS) are not in it and stay numbers. */
import { parsePasswd } from "../../wire/procfs/passwd.ts";
import { readText } from "./read-file.ts";
import type { SystemRoots } from "./system-roots.ts";
import { SYSTEM_ROOTS } from "./system-roots.ts";

export class Users {
  readonly #path: string;
  #names: Map<number, string> | undefined;
  #ids: Map<string, number> | undefined;
  #homes: Map<number, string> | undefined;

  constructor(roots: SystemRoots = SYSTEM_ROOTS) {
    this.#path = `${roots.etc}/passwd`;
  }

  userName(uid: number): string | undefined {
    this.#load();
    return this.#names?.get(uid);
  }

  userId(name: string): number | undefined {
    this.#load();
    return this.#ids?.get(name);
  }

  home(uid: number): string | undefined {
    this.#load();
    return this.#homes?.get(uid);
  }

  /** The first of several lines with one number or one name counts, as with getpwuid(3) and getpwnam(3). */
  #load(): void {
    if (this.#names !== undefined) return;
    this.#names = new Map();
    this.#ids = new Map();
    this.#homes = new Map();
    for (const { name, uid, home } of parsePasswd(readText(this.#path) ?? "")) {
      if (!this.#names.has(uid)) this.#names.set(uid, name);
      if (home !== undefined && !this.#homes.has(uid)) this.#homes.set(uid, home);
      if (!this.#ids.has(name)) this.#ids.set(name, uid);
    }
  }
}
