/** What a command is: one declaration, and a body that is loaded when it runs. */
import type { Context } from "./context.ts";

export interface OptionDeclaration {
  readonly flags: string;
  readonly text: string;
  readonly choices?: readonly string[];
  /** It may be given more than once. */
  readonly several?: true;
  /** It is about the machine that is asked. */
  readonly ofMachine?: true;
}

export interface Example {
  readonly line: string;
  readonly text: string;
}

/** Answers the exit status. */
export type Run = (
  context: Context,
  args: readonly unknown[],
  options: Readonly<Record<string, unknown>>,
) => Promise<number>;

export interface CommandDeclaration {
  readonly name: string;
  /** Name and arguments, in commander's notation. */
  readonly usage: string;
  readonly summary: string;
  readonly about?: string;
  /** Its help is silent about the options that are `ofMachine`, and its body refuses them. */
  readonly asksNoMachine?: true;
  /** From the first operand on, or from "--", all words are operands: those of another command. */
  readonly passesThrough?: true;
  readonly options: readonly OptionDeclaration[];
  readonly examples: readonly Example[];
  readonly load: () => Promise<Run>;
}
