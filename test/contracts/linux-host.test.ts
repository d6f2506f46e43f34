// The contract on this machine's kernel, in a network namespace made for it. Needs root, or user namespaces for everyone.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import type { LinuxRun } from "./linux-run.ts";

const program = [process.execPath, "--enable-source-maps", join(import.meta.dirname, "linux-run.js")];

function runOn(command: readonly string[]): LinuxRun {
  const [file = "", ...args] = command;
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    encoding: "utf8",
    env: { ...process.env, PM_CONTRACT: "is kept" },
  });
  if (error !== undefined) return { unable: `${file} could not be started: ${error.message}` };
  if (status === 0) return JSON.parse(stdout) as LinuxRun;
  if (file === "unshare" && stdout === "") return { unable: stderr.trim() };
  throw new Error(`${command.join(" ")} ended with ${status}:\n${stdout}${stderr}`);
}

function runHere(): LinuxRun {
  if (process.platform !== "linux") return { unable: `this is ${process.platform}` };
  const asRoot = process.getuid?.() === 0 ? runOn(program) : { unable: "not root" };
  if (!("unable" in asRoot)) return asRoot;
  const mapped = runOn(["unshare", "-rn", ...program, "unshared"]);
  return "unable" in mapped ? { unable: `${asRoot.unable}; unshare -rn: ${mapped.unable}` } : mapped;
}

const answer = runHere();
if ("unable" in answer) {
  test(
    "the contract holds on this kernel",
    { skip: `no network namespace of its own: ${answer.unable}` },
    () => undefined,
  );
} else {
  for (const { name, results } of answer.hosts)
    for (const { title, error } of results)
      test(`${name}: ${title}`, () => {
        if (error !== undefined) throw new Error(error);
      });
}
