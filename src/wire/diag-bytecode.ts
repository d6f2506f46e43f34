/**
 * A filter as a program for the kernel (attribute INET_DIAG_REQ_BYTECODE; inet_diag_bc_run and inet_diag_bc_audit in
 * net/ipv4/inet_diag.c). The program never refuses a socket that matches; where it cannot express all, it lets more through and `exact`
 * is false. docs/kernel/filters.md holds the kernel's rules with their experiments.
 *
 * An instruction is { u8 code, u8 yes, u16 no } and its arguments, in the machine's byte order. `yes` and `no` are distances in bytes.
 * The audit walks along `yes`, so `yes` is always the instruction's own length and only `no` jumps, always forward. Running exactly to
 * the end accepts; a jump four bytes beyond the end refuses.
 */
import type { Filter } from "../tcp/filter/filter.ts";
import { statesOf } from "../tcp/filter/filter-facts.ts";
import { normalForm, type NormalForm } from "../tcp/filter/literals.ts";
import { ALL_STATES, type StateMask } from "../tcp/states.ts";
import { type BytecodeEnv, encodeJump, type Plan, planTerm, writeJumpOffset } from "./diag-bytecode-term.ts";

export type { BytecodeEnv } from "./diag-bytecode-term.ts";

export interface CompiledFilter {
  /** What to ask for in idiag_states, within the states that the caller wants. */
  readonly states: StateMask;
  /** Undefined when the states alone say all that can be said. */
  readonly bytecode: Uint8Array<ArrayBuffer> | undefined;
  /** States and program let through exactly the sockets that match. */
  readonly exact: boolean;
}

/** A program this long takes the audit some milliseconds (it walks from the start for every jump) and no person writes it. */
const MOST_BYTES = 16 * 1024;

/** `within`: the states that will be asked for anyway, which can settle conditions on the state. */
export function compileBytecode(filter: Filter, env: BytecodeEnv, within: StateMask = ALL_STATES): CompiledFilter {
  const form = normalForm(filter);
  const states = statesOf(form) & within;
  const { plan, exact } = planOf(form, env, states);
  if (plan === true) return { states, bytecode: undefined, exact };
  const bytecode = assemble(plan);
  return bytecode.length > MOST_BYTES ? { states, bytecode: undefined, exact: false } : { states, bytecode, exact };
}

type Branch = Extract<Plan, { readonly kind: "and" | "or" }>;

interface Planned {
  readonly plan: Plan;
  readonly exact: boolean;
}

/** Conditions that the kernel cannot judge become true: with every `not` at the leaves, that can only let more through. */
function planOf(form: NormalForm, env: BytecodeEnv, states: StateMask): Planned {
  if (form.kind === "literal") {
    const { term, negated } = form;
    if (term.kind === "states") return planStates((negated ? ~term.mask : term.mask) & states, states);
    const plan = planTerm(term, negated, env);
    return plan === "unknown" ? { plan: true, exact: false } : { plan, exact: true };
  }
  const neutral = form.kind === "and"; // true changes nothing in an "and", false nothing in an "or"
  const of: Plan[] = [];
  let exact = true;
  for (const part of form.of) {
    const planned = planOf(part, env, states);
    if (planned.plan === !neutral && planned.exact) return planned;
    exact &&= planned.exact;
    if (planned.plan !== neutral) of.push(planned.plan);
  }
  if (of.includes(!neutral)) return { plan: !neutral, exact };
  return { plan: of.length === 0 ? neutral : of.length === 1 ? (of[0] ?? neutral) : { kind: form.kind, of }, exact };
}

/** The kernel has no instruction for the state. Where the states that are asked for settle it, none is needed. */
function planStates(matching: StateMask, asked: StateMask): Planned {
  if (matching === asked) return { plan: true, exact: true };
  return matching === 0 ? { plan: false, exact: true } : { plan: true, exact: false };
}

/** Places that jumps lead to; their offsets are known once all is written. */
class Label {
  offset = -1;
}

class Assembler {
  readonly chunks: Uint8Array<ArrayBuffer>[] = [];
  readonly jumps: { readonly at: number; readonly to: Label }[] = [];
  length = 0;

  emit(code: Uint8Array<ArrayBuffer>, no: Label): void {
    this.jumps.push({ at: this.length, to: no });
    this.chunks.push(code);
    this.length += code.length;
  }

  place(label: Label): void {
    label.offset = this.length;
  }
}

function assemble(plan: Plan): Uint8Array<ArrayBuffer> {
  const assembler = new Assembler();
  const accept = new Label();
  const reject = new Label();
  generate(assembler, plan, { yes: accept, no: reject, next: accept });
  assembler.place(accept);
  reject.offset = assembler.length + 4;
  const bytes = new Uint8Array(assembler.length);
  let at = 0;
  for (const chunk of assembler.chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  if (bytes.length <= MOST_BYTES)
    for (const jump of assembler.jumps) writeJumpOffset(bytes, jump.at, jump.to.offset - jump.at);
  return bytes;
}

/** Writes code that ends at `yes` or at `no`; `next` is the one of them that follows directly, where one does. */
function generate(
  assembler: Assembler,
  plan: Plan,
  ends: { readonly yes: Label; readonly no: Label; readonly next: Label },
): void {
  const { yes, no, next } = ends;
  if (typeof plan === "boolean") {
    const target = plan ? yes : no;
    if (target !== next) assembler.emit(encodeJump(), target);
  } else if (plan.kind === "test") {
    // Falls through when the test holds; `no` can only be taken when it does not.
    const [holds, fails] = plan.negated ? [no, yes] : [yes, no];
    assembler.emit(plan.code, fails);
    if (holds !== next) assembler.emit(encodeJump(), holds);
  } else generateBranch(assembler, plan, ends);
}

function generateBranch(
  assembler: Assembler,
  plan: Branch,
  ends: { readonly yes: Label; readonly no: Label; readonly next: Label },
): void {
  const last = plan.of.length - 1;
  plan.of.forEach((part, index) => {
    if (index === last) return generate(assembler, part, ends);
    const next = new Label();
    generate(
      assembler,
      part,
      plan.kind === "and" ? { yes: next, no: ends.no, next } : { yes: ends.yes, no: next, next },
    );
    return assembler.place(next);
  });
}
