/**
 * TCP's counters: /proc/net/snmp and netstat (snmp_seq_show(), netstat_seq_show() in net/ipv4/proc.c), sockstat and sockstat6
 * (sockstat_seq_show()). A name or number that makes no sense is left out, and its neighbours stay.
 */

/** The groups that are about TCP; the others of these files count IP, ICMP and UDP. */
const GROUPS: ReadonlySet<string> = new Set(["Tcp", "TcpExt"]);

/**
 * Pairs of lines: `Tcp: NAME NAME …`, then `Tcp: NUMBER NUMBER …`. "Tcp.MaxConn" is -1 by RFC 4022; all others count up from 0. Most are 64
 * bits wide: one that is past 2^53, where numbers lose their last digit, is left out.
 */
export function parseProtocolCounters(text: string, counters: Record<string, number> = {}): Record<string, number> {
  const lines = wholeLines(text);
  for (let at = 0; at + 1 < lines.length; at++) {
    const names = lines[at]!.split(" ");
    const numbers = lines[at + 1]!.split(" ");
    const [title = ""] = names;
    const group = title.slice(0, -1);
    if (title !== numbers[0] || !title.endsWith(":") || !GROUPS.has(group)) continue;
    at++;
    // The lines are made of one list: where their lengths differ, it cannot be said which number is whose.
    if (names.length !== numbers.length) continue;
    for (let column = 1; column < names.length; column++)
      note(counters, `${group}.${names[column]!}`, numbers[column]!);
  }
  return counters;
}

/** `TCP: inuse 5 orphan 0 tw 7 alloc 9 mem 3` → "sockstat.TCP.tw": 7. `file` is the first part of the names: sockstat or sockstat6. */
export function parseSocketStatistics(
  text: string,
  file: "sockstat" | "sockstat6",
  counters: Record<string, number> = {},
): Record<string, number> {
  for (const line of wholeLines(text)) {
    const [group = "", ...words] = line.split(" ");
    if (!/^(sockets|TCP|TCP6):$/.test(group)) continue;
    for (let at = 0; at + 1 < words.length; at += 2)
      note(counters, `${file}.${group.slice(0, -1)}.${words[at]!}`, words[at + 1]!);
  }
  return counters;
}

function note(counters: Record<string, number>, name: string, text: string): void {
  if (!/^[\w.]+$/.test(name) || !/^-?\d{1,20}$/.test(text)) return;
  const value = Number(text);
  if (Number.isSafeInteger(value)) counters[name] = value;
}

/** A last line without its line break was cut: its last number may be. */
function wholeLines(text: string): string[] {
  return text.split("\n").slice(0, -1);
}
