/** What every command gets: the options that all commands have, made into things to use. */
import { PortmortemError } from "../base/errors.ts";
import type { Host } from "../host/host.ts";
import { createStyle } from "../render/style.ts";
import type { Style } from "../render/style.ts";
import { escapeText } from "../render/escape.ts";
import { isTerminal, terminalWidth, writeError } from "./output.ts";

export interface CommonOptions {
  readonly json?: boolean;
  readonly netns?: string;
  readonly record?: string;
  readonly replay?: string;
  readonly redact?: boolean;
  readonly color?: "auto" | "always" | "never";
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

export interface Context {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** The terminal's; left out on a pipe or in a file. */
  readonly width: number | undefined;
  readonly style: Style;
  readonly host: Host | undefined;
  readonly netns: string | undefined;
  /** To be called once the command has asked everything: writes the recording. */
  readonly finish: (failed: boolean) => void;
}

/** Throws PM_USAGE for options that contradict each other, and what recordings.ts throws. */
export async function createContext(options: CommonOptions, command: readonly string[]): Promise<Context> {
  if (options.record !== undefined && options.replay !== undefined) {
    throw new PortmortemError("PM_USAGE", "--record and --replay do not go together", {
      hint: "a replay reads nothing that could be recorded",
    });
  }
  if (options.redact === true && options.record === undefined) {
    throw new PortmortemError("PM_USAGE", "--redact goes with --record", {
      hint: "it says what is left out of the recording",
    });
  }
  const width = await terminalWidth();
  const { host, finish } = await openHost(options, command);
  return {
    json: options.json ?? false,
    quiet: options.quiet ?? false,
    verbose: options.verbose ?? false,
    width,
    style: createStyle(await wantsColour(options), !speaksUtf8(process.env)),
    host,
    netns: options.netns,
    finish,
  };
}

/** --color, then NO_COLOR, then FORCE_COLOR, then whether there is a terminal. */
async function wantsColour(options: CommonOptions): Promise<boolean> {
  if (options.json === true) return false;
  if (options.color === "always") return true;
  if (options.color === "never") return false;
  if ((process.env["NO_COLOR"] ?? "") !== "") return false;
  const forced = process.env["FORCE_COLOR"];
  if (forced !== undefined && forced !== "0") return true;
  return process.env["TERM"] !== "dumb" && (await isTerminal(1));
}

/** What locale(7) says counts, the strongest first. */
function speaksUtf8(env: NodeJS.ProcessEnv): boolean {
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((value) => value !== undefined && value !== "");
  return /utf-?8/i.test(locale ?? "");
}

async function openHost(options: CommonOptions, command: readonly string[]): Promise<Pick<Context, "host" | "finish">> {
  const nothing = (): void => undefined;
  if (options.replay !== undefined) {
    const { openRecording } = await import("./recordings.ts");
    const { host, about } = openRecording(options.replay);
    // What it advises was meant for that machine, then.
    const say = options.json !== true && options.quiet !== true;
    return { host, finish: (failed) => (say && !failed ? writeError(`${escapeText(about)}\n`) : undefined) };
  }
  if (options.record === undefined) return { host: undefined, finish: nothing };
  const { startRecording } = await import("./recordings.ts");
  return startRecording(options.record, { redact: options.redact ?? false, command });
}
