/** /etc/passwd, passwd(5): names, numbers and homes. Lines that are no account (comments, NIS's `+`) are left out. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  /** Left out where it is no absolute path. */
  readonly home?: string;
}

export function parsePasswd(text: string): Account[] {
  const accounts: Account[] = [];
  for (const line of text.split("\n")) {
    const match = /^([^:#+-][^:]*):[^:]*:(\d{1,10}):(?:[^:]*:[^:]*:(\/[^:]*))?/.exec(line);
    if (match === null) continue;
    const uid = Number(match[2]);
    const home = match[3];
    if (uid <= 0xffff_ffff) accounts.push({ name: match[1]!, uid, ...(home === undefined ? {} : { home }) });
  }
  return accounts;
}
