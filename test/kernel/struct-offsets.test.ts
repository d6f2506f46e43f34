// The tables of kernel structs against a C compiler and the kernel's own headers.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inetDiagMsg, inetDiagReqV2 } from "../../src/wire/inet-diag.ts";
import { nlmsghdr } from "../../src/wire/netlink.ts";
import { sockFilter } from "../../src/wire/seccomp-filter.ts";
import { seccompNotif, seccompNotifAddfd, seccompNotifResp } from "../../src/wire/seccomp-notify.ts";
import { sizeOfField } from "../../src/wire/struct.ts";
import type { StructTable } from "../../src/wire/struct.ts";
import { tcpInfoStruct } from "../../src/wire/tcp-info.ts";
import { C_COMPILER } from "./needs.ts";

const HEADERS: Readonly<Record<string, string>> = {
  nlmsghdr: "linux/netlink.h",
  inet_diag_req_v2: "linux/inet_diag.h",
  inet_diag_msg: "linux/inet_diag.h",
  tcp_info: "linux/tcp.h",
  sock_filter: "linux/filter.h",
  seccomp_notif: "linux/seccomp.h",
  seccomp_notif_resp: "linux/seccomp.h",
  seccomp_notif_addfd: "linux/seccomp.h",
};
/** Bit fields have no offset; the byte they share stands between two that have one. */
const BIT_FIELDS = new Set(["tcpi_snd_wscale", "tcpi_delivery_rate_app_limited"]);

/** Offset and size of each field, compiled alone: a header that is older than our table lacks its last fields. */
function compile(folder: string, table: StructTable, fields: readonly string[]): string | undefined {
  const source = join(folder, "offsets.c");
  const lines = fields.map(
    (field) =>
      `printf("${field} %zu %zu\\n", offsetof(struct ${table.name}, ${field}), sizeof(((struct ${table.name} *)0)->${field}));`,
  );
  writeFileSync(
    source,
    `#include <stdio.h>\n#include <stddef.h>\n#include <${HEADERS[table.name]}>\nint main(void) { printf("sizeof %zu\\n", sizeof(struct ${table.name})); ${lines.join("\n")} return 0; }\n`,
  );
  if (spawnSync("cc", ["-o", join(folder, "offsets"), source]).status !== 0) return undefined;
  return spawnSync(join(folder, "offsets"), { encoding: "utf8" }).stdout;
}

const TABLES: readonly StructTable[] = [
  nlmsghdr,
  inetDiagReqV2,
  inetDiagMsg,
  tcpInfoStruct,
  sockFilter,
  seccompNotif,
  seccompNotifResp,
  seccompNotifAddfd,
];

for (const table of TABLES) {
  test(`the offsets of struct ${table.name} are the compiler's`, (context) => {
    const missing = C_COMPILER();
    if (missing !== undefined) return context.skip(missing);
    const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
    try {
      const fields = table.fields.filter(([name]) => !BIT_FIELDS.has(name));
      let known = fields.length;
      let output: string | undefined;
      // Which of the newest fields this machine's header knows.
      while (
        known > 0 &&
        (output = compile(
          folder,
          table,
          fields.slice(0, known).map(([name]) => name),
        )) === undefined
      )
        known--;
      if (output === undefined)
        return context.skip(`probed: compiling <${HEADERS[table.name]}>; the header is missing`);
      const [size, ...lines] = output.trim().split("\n");
      assert.deepEqual(
        lines,
        fields.slice(0, known).map(([name, type, offset]) => `${name} ${offset} ${sizeOfField(type)}`),
      );
      if (known === fields.length) {
        // A struct of a newer header than our table may go on.
        const bytes = Number(size?.split(" ")[1]);
        assert.ok(table === tcpInfoStruct ? bytes >= table.sizeBytes : bytes === table.sizeBytes, `${bytes} bytes`);
      }
      assert.ok(known > fields.length / 2, `only ${known} fields are known to this header`);
    } finally {
      rmSync(folder, { recursive: true });
    }
    return undefined;
  });
}
