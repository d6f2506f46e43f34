import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { PORT, randomSnapshot } from "../../test/contracts/random-sockets.ts";
import type { BindSnapshot } from "../tcp/bind-snapshot.ts";
import { judgeBind } from "./judge-bind.ts";

/** Over snapshots of every kind, those included that no machine would show. */
function always(claim: (snapshot: BindSnapshot) => void): void {
  fc.assert(fc.property(randomSnapshot, claim), { numRuns: 400 });
}

test("judgeBind() never throws, and gives the same answer to the same snapshot", () => {
  always((snapshot) => assert.deepStrictEqual(judgeBind(snapshot), judgeBind(structuredClone(snapshot))));
});

test("judgeBind() gives the same answer to a snapshot that has been written down and read again", () => {
  always((snapshot) =>
    assert.deepStrictEqual(judgeBind(JSON.parse(JSON.stringify(snapshot)) as BindSnapshot), judgeBind(snapshot)),
  );
});

test("judgeBind()'s own answer survives JSON", () => {
  always((snapshot) => {
    const answer = judgeBind(snapshot);
    assert.deepStrictEqual(JSON.parse(JSON.stringify(answer)), answer);
  });
});

test("judgeBind() calls a port bindable exactly when the attempt asked for is ok, and then nothing blocks", () => {
  always((snapshot) => {
    const { bindable, attempts, blockers } = judgeBind(snapshot);
    const { reuseAddr, reusePort } = snapshot.question;
    assert.equal(attempts.length, 2);
    assert.deepEqual([attempts[0]!.reuseAddr, attempts[0]!.reusePort], [reuseAddr, reusePort]);
    assert.equal(bindable, attempts[0]!.result === "ok");
    assert.equal(blockers.length === 0, bindable, "a refusal is always explained");
  });
});

test("judgeBind() lets a real bind have the last word", () => {
  always((snapshot) => {
    const { attempts } = judgeBind(snapshot);
    for (const real of snapshot.probed)
      assert.ok(attempts.some(({ listen: _listen, ...attempt }) => isDeepStrictEqual(attempt, real)));
  });
});

test("judgeBind() blames only sockets of the port, each at most once", () => {
  always((snapshot) => {
    const { blockers, withoutReuseAddr = [] } = judgeBind(snapshot);
    for (const list of [blockers, withoutReuseAddr]) {
      const sockets = list.flatMap(({ socket }) => socket ?? []);
      for (const socket of sockets) {
        assert.equal(socket.local.port, PORT);
        assert.ok(snapshot.holders.some((holder) => holder.socket === socket));
      }
      assert.equal(new Set(sockets).size, sockets.length);
      const counted = list.reduce((sum, { socket, count }) => sum + (socket === undefined ? 0 : count), 0);
      assert.ok(counted <= snapshot.holders.length, `${counted} of ${snapshot.holders.length}`);
    }
  });
});

test("judgeBind() never blames and spares the same socket", () => {
  always((snapshot) => {
    const { blockers, spared, withoutReuseAddr = [] } = judgeBind(snapshot);
    const blamed = new Set([...blockers, ...withoutReuseAddr].flatMap(({ socket }) => socket ?? []));
    for (const { socket } of spared) assert.ok(!blamed.has(socket));
  });
});

test("judgeBind() says something of everything it names, and advises the cheapest first", () => {
  const rank = { nothing: 0, data: 1, downtime: 2 };
  always((snapshot) => {
    const { blockers, spared, elsewhere, advice } = judgeBind(snapshot);
    for (const { text } of [...blockers, ...spared, ...elsewhere, ...advice]) {
      assert.ok(text.length > 5);
      assert.doesNotMatch(text.replace(/\(pid.*/s, ""), /undefined|NaN|\[object/);
    }
    // What is left behind can only be cleared once nobody holds the port.
    const first = advice.filter(({ text }) => !/^after that:|left this behind/.test(text));
    const ranks = first.map(({ costs }) => rank[costs]);
    assert.deepEqual(
      ranks,
      ranks.toSorted((a, b) => a - b),
    );
  });
});

test("judgeBind() promises only an end that comes by itself", () => {
  always((snapshot) => {
    for (const { rule, socket, freeInMs } of judgeBind(snapshot).blockers) {
      if (freeInMs === undefined) continue;
      assert.ok(rule === "time-wait" || rule === "fin-wait-2", rule);
      assert.equal(socket?.inode, undefined, "what a program holds lasts as long as the program likes");
    }
  });
});
