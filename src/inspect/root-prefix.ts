/** What a user writes before a command that needs root in a network namespace: "", "sudo ", "sudo ip netns exec web ". */
export function rootPrefixOf(uid: number, enterCommand: string | undefined): string {
  const sudo = uid === 0 ? "" : "sudo ";
  return enterCommand === undefined ? sudo : `${sudo}${enterCommand} `;
}
