/** The test's end of a process that must not be harmed (test/programs/bystander.ts). */
import { Program } from "../../kernel/actor.ts";
import type { BystanderCalls } from "../../programs/bystander.ts";
import { startOf } from "./process-life.ts";

export class Bystander {
  readonly name: string;
  readonly pid: number;
  readonly #program: Program;
  readonly #started: number | undefined;

  constructor(name: string, uid: number) {
    this.name = name;
    this.#program = new Program("bystander", [String(uid)]);
    this.pid = this.#program.pid;
    this.#started = startOf(this.pid);
  }

  async call<K extends keyof BystanderCalls>(
    call: K,
    of: Parameters<BystanderCalls[K]>[0],
  ): Promise<ReturnType<BystanderCalls[K]>> {
    this.#program.say(JSON.stringify({ call, ...of }));
    return JSON.parse(await this.#program.line()) as ReturnType<BystanderCalls[K]>;
  }

  /** What has happened to it, if anything has. */
  async harm(): Promise<string | undefined> {
    if (this.#started === undefined || startOf(this.pid) !== this.#started) return `bystander ${this.name} was killed`;
    const signals = await this.call("signals", {}).catch(() => undefined);
    if (signals === undefined) return `bystander ${this.name} has ended`;
    return signals === 0 ? undefined : `bystander ${this.name} got ${signals} signals`;
  }

  async end(): Promise<void> {
    await this.#program.kill();
  }
}
