/**
 * Asks an engine as somebody who may not: nobody, where it is started by root; else whoever started it. Arguments: the directory that stands
 * for /run, the container's id. Prints the answers as JSON.
 */
import { Containers } from "../../src/host/linux/containers.ts";
import { SYSTEM_ROOTS } from "../../src/host/linux/system-roots.ts";

const [run = "", id = ""] = process.argv.slice(2);
if (process.getuid?.() === 0) process.setuid?.(65_534);
const containers = new Containers({ roots: { ...SYSTEM_ROOTS, run }, environment: {} });
const answers = {
  docker: await containers.containerState({ runtime: "docker", id }),
  podman: await containers.containerState({ runtime: "podman", id }),
  publisher: await containers.findPublisher("tcp", "127.0.0.1", 8080),
  stop: await containers.stopContainer({ runtime: "docker", id }, { graceMs: 0 }),
};
process.stdout.write(JSON.stringify(answers));
