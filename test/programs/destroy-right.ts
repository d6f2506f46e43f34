/** Prints what this process may do to sockets here, as the host has found out: the answers of its probe of SOCK_DESTROY, as JSON. */
import { createLinuxHost } from "../../src/host/linux/linux-host.ts";

const { sockDestroy, netAdmin } = createLinuxHost().rights();
process.stdout.write(JSON.stringify({ sockDestroy, netAdmin }));
