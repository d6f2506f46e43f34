import type { HealthSnapshot } from "../../tcp/health-snapshot.ts";
import { auditSysctls } from "../audit-sysctls.ts";
import { origin, setAdvice, shortValue } from "../sysctls/remedy.ts";
import type { Finding, FindingDefinition } from "./finding.ts";

export const SYSCTL_HARMFUL: FindingDefinition = {
  code: "sysctl-harmful",
  title: "a kernel setting that does harm",
  about: {
    meaning: [
      "A setting of TCP has a value that breaks something, or takes away a protection without giving anything. Most such values come from lists of tunings that were right for another kernel, or for none.",
      "It is a warning where connections are lost, refused or used up by it, and information where it only makes that likelier. A value other than the default is no finding by itself.",
    ],
    remedy: [
      "Set it back now with sysctl -w, and change the line of the file that sets it at boot. `portmortem explain NAME` says what a setting really does.",
    ],
    sources: ["Documentation/networking/ip-sysctl.rst of the kernel", "tcp(7)", "sysctl.d(5)"],
  },
  find: (snapshot) =>
    findHarmful(snapshot).sort((a, b) => Number(b.level === "warning") - Number(a.level === "warning")),
};

function findHarmful(snapshot: HealthSnapshot): Finding[] {
  return auditSysctls(snapshot).flatMap(({ name, value = "", defaultValue, judgement }) => {
    if (judgement.verdict !== "harmful") return [];
    const { level, why, better } = judgement;
    const evidence = {
      name,
      value,
      ...(defaultValue === undefined ? {} : { defaultValue }),
      betterValue: better,
      ...origin(name, snapshot),
    };
    return [
      {
        code: SYSCTL_HARMFUL.code,
        level,
        title: `${name} is set to ${shortValue(value)}`,
        text: `${upper(why)}.${defaultValue === undefined || defaultValue === "" ? "" : ` The kernel's own value is ${defaultValue}.`}`,
        evidence,
        advice: setAdvice(
          name,
          better,
          snapshot,
          better === defaultValue ? "set it back to the kernel's own value" : "set it to a value that does no harm",
        ),
      },
    ];
  });
}

function upper(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
