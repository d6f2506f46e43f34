import { COMMANDS } from "./commands.ts";

/** Without arguments: what this is, and the next thing to type. */
export function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length)) + 2;
  const commands = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`).join("\n");
  return `portmortem: why a port or a socket will not let go.\n\n${commands}\n\nTry:  portmortem why 8080\n      portmortem COMMAND --help\n`;
}
