import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeHost, program } from "../testing/testing.ts";
import type { FakeProcess } from "../testing/testing.ts";
import { gatherFamily } from "./process-family.ts";
import { gatherSupervisorFacts } from "./supervisor-facts.ts";

/** What a machine is asked for its supervisors, about the last of these processes. */
function asked(...processes: readonly FakeProcess[]): string[] {
  const host = createFakeHost({ processes, units: { "api.service": { restart: "always" } } });
  const owners = [processes.at(-1)!.pid!];
  const { nodes } = gatherFamily(host, owners, { descendants: true });
  const calls: string[] = [];
  const spy = new Proxy(host, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        calls.push([String(name), ...args.filter((arg) => typeof arg !== "object")].join(" ").trim());
        return value.apply(target, args);
      };
    },
  });
  gatherSupervisorFacts(spy, nodes, owners, 3000);
  return calls.filter((call) => call !== "system");
}

const node = program("node", { pid: 20, parentPid: 10 });

test("gatherSupervisorFacts() asks nothing about a program that nobody watches over", () => {
  assert.deepEqual(asked(program("npm", { pid: 10, args: ["npm run dev"] }), node), []);
  assert.deepEqual(asked(program("bash", { pid: 10 }), { ...node, unit: "session-3.scope" }), []);
});

test("gatherSupervisorFacts() reads environments only where a supervisor puts something there", () => {
  const god = program("PM2", { pid: 10, args: ["PM2 v7.0.4: God Daemon (/root/.pm2)"] });
  assert.deepEqual(asked(god, node), ["userName 1000", "processEnvironment 20"]);
  assert.deepEqual(asked(program("nodemon", { pid: 10 }), node), ["userName 1000"]);
  assert.deepEqual(asked(program("runsv", { pid: 10, args: ["runsv", "api"] }), node), [
    "userName 1000",
    "surroundings 10",
  ]);
});

test("gatherSupervisorFacts() asks for the unit of a service, and for socket units where it was handed its socket", () => {
  const service = { ...node, parentPid: 1, unit: "api.service" };
  assert.deepEqual(asked(service), ["serviceRestart api.service", "processEnvironment 20"]);
  const activated = { ...service, environment: { LISTEN_FDS: "1" } };
  assert.deepEqual(asked(activated), ["serviceRestart api.service", "processEnvironment 20", "socketUnits 3000"]);
});
