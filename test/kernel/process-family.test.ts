// Programs of several processes on the running kernel: what belongs to them, and who starts them again.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { listSockets } from "../../src/ask/list-sockets.ts";
import { createLinuxHost } from "../../src/host/linux/linux-host.ts";
import { gatherFamily } from "../../src/inspect/process-family.ts";
import type { ProcessFamily } from "../../src/inspect/process-family.ts";
import { gatherSupervisorFacts } from "../../src/inspect/supervisor-facts.ts";
import type { Supervisor } from "../../src/tcp/process-node.ts";
import { jobOf } from "../../src/verdict/process-tree.ts";
import { findProtected } from "../../src/verdict/protected-processes.ts";
import { findSupervisors, parentRestarterOf } from "../../src/verdict/supervisors.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

/** `detached`: a job of its own, as of a shell with job control; else it is in the test's own group, as in a script. */
function start(
  s: Story,
  args: readonly string[],
  options: { readonly detached?: boolean; readonly cwd?: string } = {},
): number {
  const { detached = true, cwd } = options;
  const child = spawn(args[0]!, args.slice(1), { detached, stdio: "ignore", ...(cwd === undefined ? {} : { cwd }) });
  const pid = child.pid!;
  s.atEnd(() => {
    for (const one of [...familyOf([pid]).nodes.values()].filter(({ parentPid }) => parentPid === pid)) kill(one.pid);
    kill(detached ? -pid : pid);
  });
  return pid;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

function familyOf(owners: readonly number[]): ProcessFamily {
  return gatherFamily(createLinuxHost(), owners, { descendants: true });
}

async function holdersOf(port: number): Promise<readonly number[]> {
  const { sockets } = await listSockets({ filter: `state listening sport = :${port}` });
  return sockets.flatMap(({ owners = [] }) => owners.map(({ pid }) => pid));
}

function holder(port: number, not?: number): Promise<number> {
  return until(`a listener on ${port}`, async () => (await holdersOf(port)).find((pid) => pid !== not));
}

function supervisorsOf(owners: readonly number[]): Supervisor[] {
  const { nodes } = familyOf(owners);
  return findSupervisors(nodes, owners, gatherSupervisorFacts(createLinuxHost(), nodes, owners));
}

/** The tree as command lines with their depth, the holder with a star. */
function treeOf(owners: readonly number[]): string[] {
  const { nodes, self } = familyOf(owners);
  const spared = findProtected(nodes, self);
  return jobOf(nodes, owners, (pid) => spared.has(pid)).map(
    ({ depth, args, holds }) => `${depth} ${args.at(-1)?.split("//").at(-1)?.trim()}${holds ? "*" : ""}`,
  );
}

/** What a program does, and behind `//` what it is called in the tree. */
const IDLE = "setInterval(() => {}, 1000)";
const server = (port: number): string => `require("net").createServer().listen(${port}, "127.0.0.1") // server`;
const child = (code: string, options = "{}"): string =>
  `require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(code)}], ${options});`;

test(
  "a dev server's tree goes from the shell that runs its script to its workers, without the browser that it has opened",
  story(async (s) => {
    const browser = child(`${IDLE} // browser`, "{ detached: true }");
    const dev = `${child(`${IDLE} // worker`)} ${browser} ${server(48_711)}`;
    start(s, ["sh", "-c", `${quoted(process.execPath)} -e ${quoted(dev)}; : // npm`]);
    const pid = await holder(48_711);
    const { nodes } = familyOf([pid]);
    const opened = await until("the browser", () =>
      [...familyOf([pid]).nodes.values()].find(
        ({ args }) =>
          args.at(-1)?.endsWith("browser") === true && args.length === 3 && !args.at(-1)!.includes("createServer"),
      ),
    );
    s.atEnd(() => kill(opened.pid));
    assert.notEqual(opened.sessionId, nodes.get(pid)?.sessionId);
    await until("the worker", () => treeOf([pid]).length === 3);
    assert.deepEqual(treeOf([pid]), ["0 npm", "1 server*", "2 worker"]);
  }),
);

test(
  "in a script without job control the tree is below what started this command",
  story(async (s) => {
    start(s, [process.execPath, "-e", `${child(`${IDLE} // worker`)} ${server(48_712)}`], { detached: false });
    const pid = await holder(48_712);
    assert.equal(familyOf([pid]).nodes.get(pid)?.processGroup, familyOf([]).nodes.get(process.pid)?.processGroup);
    await until("the worker", () => treeOf([pid]).length === 2);
    assert.deepEqual(treeOf([pid]), ["0 server*", "1 worker"]);
  }),
);

test(
  "node --watch is known as who starts it again with a change, and its command ends both",
  story(async (s) => {
    const folder = mkdtempSync(join(tmpdir(), "portmortem-watch-"));
    s.atEnd(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "server.js"), server(48_713));
    const watcher = start(s, [process.execPath, "--watch", "server.js"], { cwd: folder });
    const pid = await holder(48_713);
    const [found, ...others] = supervisorsOf([pid]);
    assert.deepEqual(others, []);
    assert.deepEqual(found, {
      kind: "node --watch",
      pid: watcher,
      of: pid,
      text: "node --watch starts it again with the next change of a file",
      command: `kill ${watcher}`,
      restarts: "change",
    });
    // As it says: not at once, but with a change.
    process.kill(pid);
    await s.gone("state listening sport = :48713");
    writeFileSync(join(folder, "server.js"), `${server(48_713)} again`);
    await holder(48_713);
    s.system("sh", "-c", found.command);
    await s.gone("state listening sport = :48713");
    await until("the watcher has ended", () => !familyOf([watcher]).nodes.has(watcher));
  }),
);

const RESPAWN = `const again = () => require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(server(48_715))}]).on("exit", again); again(); // respawn`;

for (const { title, args, port, named } of [
  {
    title: "a loop in a shell",
    args: ["sh", "-c", `while :; do ${quoted(process.execPath)} -e ${quoted(server(48_714))}; done`],
    port: 48_714,
    named: /^sh \(pid \d+\) starts it again$/,
  },
  {
    title: "a parent that starts its child anew",
    args: [process.execPath, "-e", RESPAWN],
    port: 48_715,
    named: /^\S+ \(pid \d+\) starts it again$/,
  },
])
  test(
    `${title} is named once the program is back, and its command ends it`,
    story(async (s) => {
      const parent = start(s, args);
      const first = await holder(port);
      const before = familyOf([first]).nodes;
      assert.deepEqual(supervisorsOf([first]), [], "nobody could know");
      process.kill(first);
      const second = await holder(port, first);
      s.atEnd(() => kill(second));
      const restarter = parentRestarterOf(familyOf([second]).nodes, second, before);
      assert.match(restarter?.text ?? "", named);
      assert.deepEqual([restarter?.pid, restarter?.of], [parent, second]);
      s.system("sh", "-c", restarter!.command!);
      kill(second);
      await s.gone(`state listening sport = :${port}`);
      await until("the parent has ended", () => !familyOf([parent]).nodes.has(parent));
    }),
  );

test(
  "who has taken the port with no relation to the old program is nobody's restart",
  story(async (s) => {
    start(s, [process.execPath, "-e", server(48_716)]);
    const first = await holder(48_716);
    const { nodes } = familyOf([first]);
    const before = new Map([...nodes].filter(([, { pid }]) => pid === first));
    process.kill(first);
    await s.gone("state listening sport = :48716");
    start(s, [process.execPath, "-e", server(48_716)]);
    const second = await holder(48_716);
    assert.equal(parentRestarterOf(familyOf([second]).nodes, second, before), undefined);
  }),
);

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
