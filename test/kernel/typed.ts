// A command that was advised, typed into a shell as it is printed: there `portmortem` is the built one. Where it would ask, the answer is yes.
import { spawn } from "node:child_process";
import { CLI } from "./story.ts";

export interface Typed {
  readonly status: number | null;
  readonly text: string;
}

export interface TypedBy {
  /** As this user, without any capability; left out: as root, for whom sudo is nothing. */
  readonly uid?: number;
  /** Another copy of the command. */
  readonly cli?: string;
}

/** Throws what it said when it could not be found, or ran for too long. */
export function typed(command: string | undefined, { uid, cli = CLI }: TypedBy = {}): Promise<Typed> {
  if (command === undefined) throw new Error("no command was advised");
  const asks = /^(?:sudo )?portmortem (?:free|drop) /.test(command);
  const script = [
    `portmortem() { '${process.execPath}' '${cli}' "$@"; }`,
    uid === undefined ? 'sudo() { "$@"; }' : "sudo() { echo 'no sudo here'; exit 97; }",
    asks ? `${command} --yes` : command,
  ].join("\n");
  const child = spawn("sh", ["-c", script], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
    ...(uid === undefined ? {} : { uid, gid: uid, cwd: "/" }),
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (more: string) => (text += more));
  const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => {
      clearTimeout(late);
      if (status === null || status === 127) reject(new Error(`$ ${command}\n${text}`));
      else resolve({ status, text });
    });
  });
}
