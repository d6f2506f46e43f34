/** Every command, declared once: grammar, help, docs/cli.md and completions come from here. */
import { SORT_KEYS } from "../render/sort-keys.ts";
import type { CommandDeclaration, OptionDeclaration } from "./command.ts";

/** Options that every command takes (docs/cli.md, "Everywhere"). */
export const COMMON_OPTIONS: readonly OptionDeclaration[] = [
  { flags: "--json", text: "one JSON document on stdout, nothing else" },
  { flags: "--netns <name|path|pid>", text: "look into another network namespace (a container)", ofMachine: true },
  { flags: "--record <file>", text: "save all that is read, for a bug report", ofMachine: true },
  { flags: "--replay <file>", text: "answer from such a file instead of from this machine", ofMachine: true },
  { flags: "--redact", text: "with --record: leave the arguments of command lines out", ofMachine: true },
  { flags: "--color <when>", text: "auto, always or never", choices: ["auto", "always", "never"] },
  { flags: "-q, --quiet", text: "no warnings" },
  { flags: "-v, --verbose", text: "more detail" },
];

/** How the bind is made that a command is about. */
const BIND_OPTIONS: readonly OptionDeclaration[] = [
  { flags: "--udp", text: "a UDP port" },
  { flags: "--v6only", text: "an IPv6 socket that takes no IPv4" },
  { flags: "--reuse-addr", text: "as a program that sets SO_REUSEADDR (default)" },
  { flags: "--no-reuse-addr", text: "as a program that does not set it" },
  { flags: "--reuse-port", text: "as a program that sets SO_REUSEPORT" },
  { flags: "--user <name|uid>", text: "as this user (trying it needs root)" },
  { flags: "--device <name>", text: "bound to this network device" },
];

export const COMMANDS: readonly CommandDeclaration[] = [
  {
    name: "why",
    usage: "why [[address:]port]",
    summary: "can this port be bound, and if not, what stands in the way",
    about: [
      "With --connect: does a connection to that host get a local port, and for how long.",
      "Exit status: 0 it can be bound, or connected; 1 it cannot.",
    ].join("\n"),
    options: [
      ...BIND_OPTIONS,
      { flags: "--connect <host:port>", text: "about a connection to there, instead of a bind" },
      { flags: "--from <address>", text: "with --connect: from ADDRESS, ADDRESS:PORT or ADDRESS:LOW-HIGH" },
      { flags: "--no-probe", text: "judge by the rules alone; no real bind" },
    ],
    examples: [
      { line: "portmortem why 8080", text: "who has port 8080, by which rule, and for how long" },
      { line: "portmortem why 127.0.0.1:5432 --json", text: "one address, for a script" },
      { line: "portmortem why --connect 10.0.0.5:5432", text: "are there local ports left for this peer" },
      { line: "sudo portmortem why 80 --netns web", text: "inside another network namespace" },
    ],
    load: async () => (await import("./why.ts")).runWhy,
  },
  {
    name: "ls",
    usage: "ls [filter...]",
    summary: "the sockets of this machine",
    about: [
      "The filter is ss's language (man ss, EXPRESSION) and a few words more:",
      "  state time-wait and ( sport = :8080 or dst 10.0.0.0/8 ) and not dport > 1024",
      "  sport = :8000-8100    pid = 812    command = node    user = deploy",
      "Quote it: the shell has plans of its own for ( ) ! and >.",
    ].join("\n"),
    options: [
      { flags: "-l, --listening", text: "listeners only" },
      { flags: "-a, --all", text: "TCP and UDP, and sockets that are only bound" },
      { flags: "-u, --udp", text: "UDP instead of TCP" },
      { flags: "--no-owners", text: "do not look for the processes (faster)" },
      { flags: "-i, --info", text: "round trip, retransmits, bytes, buffers" },
      {
        flags: "--sort <key>",
        text: `one of ${SORT_KEYS.join(", ")}`,
        choices: SORT_KEYS,
      },
      { flags: "--count", text: "how many, instead of which" },
      {
        flags: "--by <key>",
        text: "with --count: state, port, peer or process",
        choices: ["state", "port", "peer", "process"],
      },
    ],
    examples: [
      { line: "portmortem ls -l", text: "who listens" },
      { line: "portmortem ls 'state time-wait sport = :8080'", text: "what is left of port 8080" },
      { line: "portmortem ls --count --by peer state close-wait", text: "whose closing is being ignored" },
    ],
    load: async () => (await import("./ls.ts")).runLs,
  },
  {
    name: "doctor",
    usage: "doctor",
    summary: "what is wrong with this machine's sockets, or about to be",
    about: "Changes nothing. Exit status: 1 for a finding of level warning or worse, else 0.",
    options: [
      { flags: "--only <codes>", text: "only these findings, a comma between" },
      {
        flags: "--level <level>",
        text: "only of this level or worse: info, warning or critical",
        choices: ["info", "warning", "critical"],
      },
      { flags: "--watch <seconds>", text: "look twice, so far apart: what grows?" },
    ],
    examples: [
      { line: "sudo portmortem doctor", text: "root sees whose they are" },
      { line: "portmortem doctor --level warning --json", text: "for a monitoring system" },
      { line: "sudo portmortem doctor --watch 10 --netns web", text: "what grows, in another network namespace" },
    ],
    load: async () => (await import("./doctor.ts")).runDoctor,
  },
  {
    name: "explain",
    asksNoMachine: true,
    usage: "explain [word...]",
    summary: "what a state, an option, a setting, an error or a story means",
    about: "Without a word: the list. Case, _ and - do not matter: TIME_WAIT, time-wait and timewait are one.",
    options: [],
    examples: [
      { line: "portmortem explain time-wait", text: "what it is, who has it, and what to do" },
      { line: "portmortem explain SO_REUSEADDR", text: "what it does, and what it does not" },
      { line: "portmortem explain four-way-close", text: "who closes, who waits" },
    ],
    load: async () => (await import("./explain.ts")).runExplain,
  },
  {
    name: "free",
    usage: "free <[address:]port...>",
    summary: "make a port bindable, least destructive first, and prove it",
    about: [
      "Waits (--wait), clears what no program holds, ends an outgoing connection that took the port (--drop-clients),",
      "asks the holder to end, kills it after --grace (--force). Who only is connected to the port is left alone.",
      "On a terminal the plan is shown and asked about; elsewhere what touches a program takes --yes.",
      "Exit status: 0 a bind works; 1 still taken; 3 a right is missing; 4 this kernel cannot; 5 done in part.",
    ].join("\n"),
    options: [
      { flags: "-n, --dry-run", text: "only say what would be done" },
      { flags: "-y, --yes", text: "do not ask" },
      { flags: "--wait <duration>", text: "wait out what ends by itself within 30 (seconds), 2m" },
      { flags: "--drop-clients", text: "end an outgoing connection that holds the port" },
      { flags: "--grace <duration>", text: "so long for whoever is asked to end (default 10s)" },
      { flags: "--force", text: "kill whoever has not ended by then" },
      { flags: "--tree", text: "end the whole program: npm, its shell, node, its workers" },
      { flags: "--container", text: "stop the container whose port it is" },
      ...BIND_OPTIONS,
    ],
    examples: [
      { line: "portmortem free 3000", text: "show what is in the way, ask, and end it" },
      { line: "portmortem free 3000 --yes --force", text: "in a script: killed after 10 seconds, if it has to be" },
      { line: "sudo portmortem free 49200 --dry-run", text: "what would be done" },
    ],
    load: async () => (await import("./free.ts")).runFree,
  },
  {
    name: "drop",
    usage: "drop <filter...>",
    summary: "end connections, leave the programs alone",
    about: [
      "The filter is that of ls. Listeners are never touched. On a terminal the plan is shown and asked about;",
      "elsewhere what a program may still need takes --yes.",
      "Exit status: 0 dropped, 1 nothing matches, 5 some could not be ended.",
    ].join("\n"),
    options: [
      {
        flags: "--how <way>",
        text: "destroy (by the kernel; default), shutdown (in order) or reset",
        choices: ["destroy", "shutdown", "reset"],
      },
      { flags: "--limit <number>", text: "no more than so many" },
      { flags: "-n, --dry-run", text: "only say what would be done" },
      { flags: "-y, --yes", text: "do not ask" },
    ],
    examples: [
      { line: "sudo portmortem drop 'state time-wait dport = :5432'", text: "get the local ports back" },
      { line: "sudo portmortem drop --dry-run 'dst 10.0.0.7'", text: "what would be ended, and who would notice" },
      { line: "portmortem drop --how shutdown pid = 812", text: "end the connections of one program in order" },
    ],
    load: async () => (await import("./drop.ts")).runDrop,
  },
  {
    name: "wait",
    usage: "wait <[address:]port>",
    summary: "until this port can be bound",
    about: "Exit status: 0 it can be bound, proven by a bind; 1 not within --timeout; 3 it takes a right, not time.",
    options: [{ flags: "--timeout <duration>", text: "give up after 30 (seconds), 500ms, 2m, 1h" }, ...BIND_OPTIONS],
    examples: [
      { line: "portmortem wait 8080", text: "in front of a start: portmortem wait 8080 && ./server" },
      { line: "portmortem wait 127.0.0.1:5432 --timeout 90s", text: "but no longer than that" },
    ],
    load: async () => (await import("./wait.ts")).runWait,
  },
  {
    name: "run",
    passesThrough: true,
    usage: "run [command...]",
    summary: "keep a program on its port, crash after crash",
    about: [
      "Starts the program, holds what it listens on, and starts it again when it dies: clients wait meanwhile",
      "instead of being refused. stdin, stdout, the terminal and signals are the program's. SIGHUP to run: a new",
      "program takes over before the old one is told to end. Exit status: the program's own. With --json",
      "what happens is a line of JSON each on stderr: stdout is the program's.",
    ].join("\n"),
    options: [
      {
        flags: "-p, --port <port>",
        text: "[HOST:]PORT to keep; repeatable (default: whatever it binds)",
        several: true,
      },
      {
        flags: "--mode <mode>",
        text: "adopt (any program), activate (LISTEN_FDS), plain (no keeping), auto",
        choices: ["auto", "adopt", "activate", "plain"],
      },
      { flags: "--take", text: "end whoever has the port" },
      {
        flags: "--restart <when>",
        text: "on-failure (default), always or never",
        choices: ["on-failure", "always", "never"],
      },
      { flags: "--backoff <range>", text: "the wait before a restart, growing (default 100ms..30s)" },
      { flags: "--max-restarts <number>", text: "give up after more than so many: 5/1m" },
      {
        flags: "--while-down <what>",
        text: "clients queue (default), or are refused",
        choices: ["queue", "refuse"],
      },
      { flags: "--hold <duration>", text: "so long they queue (default 10s)" },
      { flags: "--grace <duration>", text: "between SIGTERM and SIGKILL (default 10s)" },
      { flags: "--name <name>", text: "what this run is called (default: after the command)" },
      { flags: "--list", text: "what runs under run" },
      { flags: "--stop <name|port>", text: "end such a run; repeatable", several: true },
      { flags: "--stop-all", text: "end all of them" },
      { flags: "--reload <name|port>", text: "hand over to a new program; repeatable", several: true },
    ],
    examples: [
      { line: "portmortem run -- node server.js", text: "its port is its own, whatever happens" },
      { line: "portmortem run --port 49200 -- ./server 49200", text: "what is left on the port is cleared first" },
      { line: "portmortem run --stop-all", text: "end what run started, and only that" },
      { line: "portmortem run --max-restarts 5/1m -- python3 -m http.server 8000", text: "not for ever" },
    ],
    load: async () => (await import("./run.ts")).runRun,
  },
];
