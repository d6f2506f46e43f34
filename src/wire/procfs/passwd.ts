/** /etc/passwd, passwd(5): names and numbers. Lines that are no account (comments, NIS's `+`) are left out. */
export interface Account {
  readonly name: string;
  readonly uid: number;
}

export function parsePasswd(text: string): Account[] {
  const accounts: Account[] = [];
  for (const line of text.split("\n")) {
    const match = /^([^:#+-][^:]*):[^:]*:(\d{1,10}):/.exec(line);
    if (match === null) continue;
    const uid = Number(match[2]);
    if (uid <= 0xffff_ffff) accounts.push({ name: match[1]!, uid });
  }
  return accounts;
}
