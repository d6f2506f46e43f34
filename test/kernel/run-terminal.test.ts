// `portmortem run` on a terminal: the terminal is the program's, and what it sends reaches the program once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readText } from "../../src/host/linux/read-file.ts";
import { HAS_PYTHON, PYTHON } from "./needs.ts";
import { startOnPty } from "./pseudo-terminal.ts";
import { hasEnded, isAlive, stateOf } from "./started-command.ts";
import { CLI, story } from "./story.ts";
import { until } from "./until.ts";

const RUN = [process.execPath, CLI, "run"];
const LOOP = "while :; do sleep 0.05; done";

function group(pid: number): { readonly own: number; readonly foreground: number } {
  const stat = readText(`/proc/${pid}/stat`) ?? "";
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { own: Number(fields[2]), foreground: Number(fields[5]) };
}

test(
  "Ctrl-C reaches the program once; run ends as it does, and does not start it again",
  story(async (s) => {
    const pty = startOnPty(s, [
      ...RUN,
      "--restart",
      "always",
      "--",
      "sh",
      "-c",
      `trap 'echo caught; exit 5' INT; echo up; ${LOOP}`,
    ]);
    await pty.screen(/up/);
    pty.type("\u0003");
    assert.equal(await pty.ended, 5);
    assert.equal(pty.text().match(/caught/g)?.length, 1, pty.text());
    assert.doesNotMatch(pty.text(), /started again/);
  }, HAS_PYTHON),
);

test(
  "Ctrl-C that run hears of after the program's end is no reason to start it again",
  story(async (s) => {
    const program = `trap 'exit 5' INT; echo up $$ $PPID; ${LOOP}`;
    const pty = startOnPty(s, [...RUN, "--restart", "always", "--backoff", "0s", "--", "sh", "-c", program]);
    await pty.screen(/up \d+ \d+/);
    const [, pid, keeper] = /up (\d+) (\d+)/.exec(pty.text()) ?? [];
    process.kill(Number(keeper), "SIGSTOP");
    pty.type("\u0003");
    await until("the program has ended", () => !isAlive(Number(pid)));
    process.kill(Number(keeper), "SIGCONT");
    assert.equal(await pty.ended, 5);
    assert.doesNotMatch(pty.text(), /started/);
  }, HAS_PYTHON),
);

// A shell in a loop would not tell two of a kind from one; and what run passes on after them comes after what it would have added.
test(
  "each of Ctrl-C, Ctrl-\\ and a new window size is one signal",
  story(async (s) => {
    const names = ["SIGINT", "SIGQUIT", "SIGWINCH", "SIGUSR1"];
    const body = `${JSON.stringify(names)}.forEach((name) => process.on(name, () => console.log("got", name)));
      setInterval(() => {}, 1000); console.log("up", process.pid, process.ppid)`;
    const pty = startOnPty(s, [...RUN, "--", process.execPath, "-e", body]);
    await pty.screen(/up \d+ \d+/);
    const [, pid, keeper] = /up (\d+) (\d+)/.exec(pty.text()) ?? [];
    for (const [name, act] of [
      ["SIGINT", () => pty.type("\u0003")],
      ["SIGQUIT", () => pty.type("\u001c")],
      ["SIGWINCH", () => pty.resize(33, 77)],
    ] as const) {
      const before = pty.text().length;
      act();
      const since = (): string => pty.text().slice(before);
      await until(`${name} has come`, () => since().includes(`got ${name}`));
      process.kill(Number(keeper), "SIGUSR1");
      await until("what came after it has come", () => since().includes("got SIGUSR1"));
      assert.equal(since().match(new RegExp(`got ${name}`, "g"))?.length, 1, since());
    }
    process.kill(Number(pid), "SIGKILL");
    process.kill(Number(keeper), "SIGTERM");
    await pty.ended;
  }, HAS_PYTHON),
);

test(
  "Ctrl-C ends a program that has gone into the background",
  story(async (s) => {
    const server = `import os, socket
if os.fork(): os._exit(0)
os.setsid()
listener = socket.socket()
listener.bind(("127.0.0.1", 49200))
listener.listen()
listener.accept()`;
    const pty = startOnPty(s, [...RUN, "--", PYTHON, "-c", server]);
    await pty.screen(/went into the background/);
    pty.type("\u0003");
    assert.equal(await pty.ended, 130, pty.text());
  }, HAS_PYTHON),
);

test(
  "a program that goes on after Ctrl-C goes on, and gets each of them",
  story(async (s) => {
    const pty = startOnPty(s, [
      ...RUN,
      "--",
      "sh",
      "-c",
      `n=0; trap 'n=$((n+1)); echo caught-$n' INT; echo up; ${LOOP}`,
    ]);
    await pty.screen(/up/);
    for (const nth of [1, 2, 3]) {
      pty.type("\u0003");
      await pty.screen(new RegExp(`caught-${nth}`));
    }
    pty.type("\u001c");
    assert.equal(await pty.ended, 131);
    assert.doesNotMatch(pty.text(), /caught-4/);
  }, HAS_PYTHON),
);

test(
  "the program is in the foreground group, reads what is typed, and hears of a new window size once",
  story(async (s) => {
    const body = `trap 'stty size' WINCH; echo up $$; read line; echo got $line; ${LOOP}`;
    const pty = startOnPty(s, [...RUN, "--", "sh", "-c", body]);
    await pty.screen(/up \d+/);
    const pid = Number(/up (\d+)/.exec(pty.text())?.[1]);
    const { own, foreground } = group(pid);
    assert.equal(own, foreground);
    pty.type("hello\n");
    await pty.screen(/got hello/);
    pty.resize(33, 77);
    await pty.screen(/33 77/);
    pty.resize(34, 78);
    await pty.screen(/34 78/);
    assert.equal(pty.text().match(/33 77/g)?.length, 1);
    pty.type("\u0003");
    assert.equal(await pty.ended, 130);
  }, HAS_PYTHON),
);

test(
  "Ctrl-Z stops both, fg continues both",
  story(async (s) => {
    const pty = startOnPty(s, ["bash", "--norc", "-i"]);
    pty.type("PS1='$ '; set +o history\n");
    const inner = "echo up-$$; while read line; do echo got $line; done";
    pty.type(`${RUN.join(" ")} --grace 1s -- sh -c '${inner}'\n`);
    await pty.screen(/up-\d+/);
    const pid = Number(/up-(\d+)/.exec(pty.text())?.[1]);
    pty.type("\u001a");
    await until("it is stopped", () => stateOf(pid) === "T");
    await pty.screen(/Stopped/);
    pty.type("fg\n");
    await until("it goes on", () => stateOf(pid) === "S");
    pty.type("hello\n");
    await pty.screen(/got hello/);
    pty.type("\u0003");
    await hasEnded(pid);
    pty.type("echo status-$?; exit\n");
    await pty.screen(/status-130/);
    await pty.ended;
  }, HAS_PYTHON),
);

test(
  "a terminal that goes away: the program gets SIGHUP, and nothing is left",
  story(async (s) => {
    const pty = startOnPty(s, [...RUN, "--", "sh", "-c", `echo up $$ $PPID; ${LOOP}`]);
    await pty.screen(/up \d+ \d+/);
    const [, pid, keeper] = /up (\d+) (\d+)/.exec(pty.text()) ?? [];
    pty.hangUp();
    await hasEnded(Number(pid));
    await hasEnded(Number(keeper));
  }, HAS_PYTHON),
);
