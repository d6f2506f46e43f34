/** What a command line runs: behind `node` or `python3` stands the program that people mean. */

export interface ProgramWords {
  /** What it is called, without folder and suffix; of a script that lies in a package of npm, the package too ("tsx" of tsx/dist/cli.mjs). */
  readonly names: readonly string[];
  /** "node", "python3"; left out for a program that runs by itself. */
  readonly interpreter?: string;
  /** The file that it runs, as it is called: "server.js"; of a module "flask". */
  readonly script?: string;
  /** The interpreter's own: `--watch` of node. */
  readonly options: readonly string[];
  /** What the program itself was given. */
  readonly rest: readonly string[];
}

const INTERPRETER = /^(?:node|nodejs|bun|deno|(?:python|pypy|ruby|perl|php)[\d.]*)$/;
/** Options of node and python whose value is the next word. */
const WITH_VALUE = /^(?:-r|--require|--import|--loader|--experimental-loader|-C|--conditions|-W|-X|-I)$/;
/** What stands behind these is no file. */
const CODE = /^(?:-e|--eval|-p|--print|-c)$/;
const SUFFIX = /\.(?:[cm]?[jt]s|py|rb|pl|php|sh)$/;

export function programWords(args: readonly string[]): ProgramWords {
  // A process that wrote its title has it in one word: "npm run dev", "node /srv/server.js", and nothing in the others.
  const [first = "", ...more] = args;
  const title = first.trim().split(" ");
  const name = lastPart(title[0]!);
  const words = more.every((word) => word === "") && INTERPRETER.test(name) ? title.slice(1) : more;
  if (!INTERPRETER.test(name)) return { names: [name], options: [], rest: words };
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (CODE.test(word)) break;
    const isModule = word === "-m";
    if (!isModule && WITH_VALUE.test(word)) at++;
    if (!isModule && (word.startsWith("-") || WITH_VALUE.test(word))) continue;
    const script = isModule ? (words[at + 1] ?? "") : word;
    const rest = words.slice(isModule ? at + 2 : at + 1);
    const names = isModule ? [script] : scriptNames(script);
    return { names, interpreter: name, script: lastPart(script), options: words.slice(0, at), rest };
  }
  return { names: [name], interpreter: name, options: words, rest: [] };
}

/** What a process is called for a person: "node server.js", "sh". */
export function programTitle(command: string, args: readonly string[]): string {
  const { interpreter, script } = programWords(args);
  return interpreter === undefined || script === undefined ? command : `${interpreter} ${script}`;
}

export function lastPart(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function scriptNames(path: string): string[] {
  const file = lastPart(path).replace(SUFFIX, "");
  const inside = /^.*\/node_modules\/((?:@[^/]+\/)?[^/.][^/]*)\/./.exec(path)?.[1];
  return inside === undefined ? [file] : [file, inside];
}
