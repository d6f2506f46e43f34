/** An address as a filter takes it after src and dst: brackets keep the colons of an IPv6 one from being taken for a port's. */
export function hostWord(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
