import type { HealthSnapshot, SysctlLine } from "../../tcp/health-snapshot.ts";
import { parseSysctlPortList } from "../../tcp/sysctl-values.ts";
import { auditSysctls, normalValue } from "../audit-sysctls.ts";
import { mergeReservedPorts } from "../reserved-ports.ts";
import { isFirstNamespace } from "../sysctls/judgement.ts";
import { quoted, shortValue } from "../sysctls/remedy.ts";
import type { Advice } from "../why.ts";
import type { FindingDefinition } from "./finding.ts";

/** So many lines are advised on; the evidence has them all. */
const MOST_ADVICE = 4;

export const SYSCTL_NOT_IN_FORCE: FindingDefinition = {
  code: "sysctl-not-in-force",
  title: "a kernel setting differs from the file that sets it",
  about: {
    meaning: [
      "The last line for a setting in the files that are applied at boot says one value, and the kernel has another. The file was never applied, a program has changed the setting since, or the kernel refused the value.",
      "Always information, and only on the machine itself: in other network namespaces and in containers those files are not applied.",
    ],
    remedy: [
      "Set it with sysctl -w, or change the file to what is wanted: the next boot brings it back. sysctl --system applies all lines of all files, also those that Docker or a VPN has set otherwise since.",
    ],
    sources: ["sysctl.d(5): the order of the files", "sysctl(8)"],
  },
  find: (snapshot) => {
    const lines = isFirstNamespace(snapshot) ? lastLines(snapshot).filter((line) => differs(line, snapshot)) : [];
    const [first] = lines;
    if (first === undefined) return [];
    const now = snapshot.settings[first.name] ?? "";
    return [
      {
        code: SYSCTL_NOT_IN_FORCE.code,
        level: "info",
        title:
          lines.length === 1
            ? `${first.name} is ${shortValue(normalValue(now))}, and a file says ${shortValue(first.value)}`
            : `${lines.length} kernel settings differ from the files that set them`,
        text: "The value of the file comes with the next boot. Until then the kernel goes by its own.",
        evidence: {
          settings: lines.map(({ name, path, line, value }) => ({
            name,
            value: normalValue(snapshot.settings[name] ?? ""),
            configuredValue: value,
            file: path,
            line,
          })),
        },
        advice: lines.slice(0, MOST_ADVICE).map((line) => adviceFor(line, snapshot)),
      },
    ];
  },
};

/** To apply what does harm is no advice. */
function adviceFor({ name, path, line, value }: SysctlLine, snapshot: HealthSnapshot): Advice {
  const applied = auditSysctls({ ...snapshot, settings: { ...snapshot.settings, [name]: value } });
  const judgement = applied.find((row) => row.name === name)?.judgement;
  if (judgement?.verdict === "harmful")
    return { text: `change line ${line} of ${path}: with ${name} = ${value}, ${judgement.why}`, costs: "nothing" };
  return {
    text: `line ${line} of ${path} sets ${name}: apply it now, or change the line`,
    command: `${snapshot.rootPrefix}sysctl -w ${name}=${quoted(value)}`,
    costs: "nothing",
  };
}

/** Of several lines for one setting the last is the one that counts. */
function lastLines({ configured }: HealthSnapshot): SysctlLine[] {
  return [...new Map(configured.map((line) => [line.name, line])).values()];
}

function differs({ name, value }: SysctlLine, { settings }: HealthSnapshot): boolean {
  const now = settings[name];
  if (now === undefined) return false;
  if (name === "net.ipv4.ip_local_reserved_ports") return !samePorts(now, value);
  const [is, says] = [normalValue(now), normalValue(value)];
  // sysctl takes 0x10 for 16.
  return is !== says && !(is !== "" && Number(is) === Number(says));
}

/** "8080-8081" and "8080,8081" are the same ports. */
function samePorts(a: string, b: string): boolean {
  const [portsA, portsB] = [a, b].map((text) =>
    (parseSysctlPortList(text) ?? []).flatMap(({ first, last }) =>
      Array.from({ length: last - first + 1 }, (_, at) => first + at),
    ),
  );
  return mergeReservedPorts(a, portsB ?? []) === undefined && mergeReservedPorts(b, portsA ?? []) === undefined;
}
