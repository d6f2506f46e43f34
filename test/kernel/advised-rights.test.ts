// For whom a command is advised: sudo stands where it gives a right that is missing and nowhere else, and another namespace is named.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Why } from "../../src/verdict/why.ts";
import { Actor } from "./actor.ts";
import { copyCommand } from "./copied-command.ts";
import { NAMED_NAMESPACES, SECOND_USER } from "./needs.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { typed } from "./typed.ts";

const NOBODY = 65_534;
const commandsOf = ({ advice }: Why): string[] => advice.flatMap(({ command = [] }) => command);

/** An ordinary user: his processes, and portmortem as he runs it. */
function ordinaryUser(s: Story) {
  const copy = copyCommand();
  s.atEnd(() => copy.remove());
  const actor = (): Actor => {
    const own = new Actor("socket-actor", { uid: NOBODY, gid: NOBODY, cwd: "/" });
    s.atEnd(() => own.kill());
    return own;
  };
  return { actor, as: { uid: NOBODY, cli: copy.cli } };
}

test(
  "an ordinary user frees a listener of his own without sudo",
  story(async (s) => {
    const { actor, as } = ordinaryUser(s);
    await actor().listen("127.0.0.1:48130");
    const { json } = await s.why("127.0.0.1:48130", as);
    assert.deepEqual(commandsOf(json), ["portmortem free 127.0.0.1:48130"]);
    const { status, text } = await typed(commandsOf(json)[0], as);
    assert.equal(status, 0, text);
    assert.equal((await s.why("127.0.0.1:48130", as)).status, 0);
  }, SECOND_USER),
);

test(
  "an ordinary user needs root to clear a TIME-WAIT, and nothing to wait for it",
  story(async (s) => {
    const { actor, as } = ordinaryUser(s);
    const [server, client] = [actor(), actor()];
    const listener = await server.listen("127.0.0.1:48131");
    const fd = await client.connect("127.0.0.1:48131");
    await server.close(await server.accept(listener));
    await server.close(listener);
    await client.close(fd);
    await s.socket("state time-wait sport = :48131");
    const [wait, free] = commandsOf((await s.why("48131", as)).json);
    assert.deepEqual([wait, free], ["portmortem wait 48131", "sudo portmortem free 48131"]);
    assert.equal((await typed(`${wait} --timeout 0.1`, as)).status, 1, "not yet");
    const refused = await typed(free?.replace(/^sudo /, ""), as);
    assert.equal(refused.status, 3, refused.text);
    assert.equal((await typed(free)).status, 0);
    assert.equal((await s.why("48131", as)).status, 0);
  }, SECOND_USER),
);

test(
  "an ordinary user drops a connection of his own program without sudo where he may reach its descriptor",
  story(async (s) => {
    const { actor, as } = ordinaryUser(s);
    const [server, client] = [actor(), actor()];
    await server.listen("127.0.0.1:48132");
    const port = await client.call("port", { fd: await client.connect("127.0.0.1:48132") });
    const { json } = await s.why(String(port), as);
    const command = commandsOf(json).at(-1);
    assert.match(command ?? "", new RegExp(`^(sudo )?portmortem free ${port} --drop-clients$`));
    const { status, text } = await typed(command, command?.startsWith("sudo") === true ? {} : as);
    assert.equal(status, 0, text);
    assert.equal((await s.why(String(port), as)).status, 0);
    await client.call("socket", { family: "ipv4" });
  }, SECOND_USER),
);

test(
  "what is advised about another network namespace names it, and works from here",
  story(async (s) => {
    const stays = s.actorElsewhere();
    const path = `/proc/${stays.pid}/ns/net`;
    await s.actorIn(path).listen("0.0.0.0:48133");
    await s.actor().listen("0.0.0.0:48133");
    for (const netns of [path, String(stays.pid)])
      assert.deepEqual(commandsOf((await s.why(`48133 --netns ${netns}`)).json), [
        `portmortem free 48133 --netns ${netns}`,
      ]);
    const { status, text } = await typed(`portmortem free 48133 --netns ${stays.pid}`);
    assert.equal(status, 0, text);
    assert.equal((await s.why(`48133 --netns ${stays.pid}`)).status, 0);
    assert.equal((await s.why("48133")).status, 1, "this one was not meant");
  }),
);

test(
  "what is advised about a namespace with a name is proven there",
  story(async (s) => {
    const name = `portmortem-advice-${process.pid}`;
    s.system("ip", "netns", "add", name);
    s.atEnd(() => s.system("ip", "netns", "delete", name));
    s.system("ip", "-n", name, "link", "set", "lo", "up");
    const inside = s.actorIn(`/run/netns/${name}`);
    await inside.listen("127.0.0.1:48134");
    const asked = `127.0.0.1:48134 --netns ${name}`;
    const [command] = commandsOf((await s.why(asked)).json);
    assert.equal(command, `portmortem free ${asked}`);
    const { status, text } = await typed(command);
    assert.equal(status, 0, text);
    assert.equal((await s.why(asked)).status, 0);
  }, NAMED_NAMESPACES),
);
