/** Yes, no, or not known: what hangs on an option that nobody may see is none of the first two. */

/** True, false, or undefined where it hangs on something that is not known. */
export type Tri = boolean | undefined;

export function not(a: Tri): Tri {
  return a === undefined ? undefined : !a;
}

export function both(a: Tri, b: Tri): Tri {
  if (a === false || b === false) return false;
  return a === undefined || b === undefined ? undefined : true;
}

export function either(a: Tri, b: Tri): Tri {
  if (a === true || b === true) return true;
  return a === undefined || b === undefined ? undefined : false;
}
