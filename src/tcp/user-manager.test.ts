import assert from "node:assert/strict";
import { test } from "node:test";
import { userManagerOf } from "./user-manager.ts";

test("userManagerOf() tells a user's units from the system's", () => {
  assert.equal(userManagerOf("/user.slice/user-1000.slice/user@1000.service/app.slice/api.service"), 1000);
  assert.equal(userManagerOf("/user.slice/user-1000.slice/user@1000.service/init.scope"), 1000);
  assert.equal(userManagerOf("/user.slice/user-1000.slice/session-3.scope"), undefined);
  assert.equal(userManagerOf("/system.slice/api.service"), undefined);
  assert.equal(userManagerOf("/user.slice/user-1000.slice/user@1000.service"), undefined);
});
