/** Which addresses a listener's address stands for. Pure. */

export function isLoopbackAddress(address: string): boolean {
  return address === "::1" || /^(?:::ffff:)?127\./.test(address);
}

export function isWildcardAddress(address: string): boolean {
  return address === "::" || address === "0.0.0.0" || address === "::ffff:0.0.0.0";
}
