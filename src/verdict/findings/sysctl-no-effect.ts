import { auditSysctls } from "../audit-sysctls.ts";
import { origin, setAdvice, shortValue } from "../sysctls/remedy.ts";
import type { FindingDefinition } from "./finding.ts";

export const SYSCTL_NO_EFFECT: FindingDefinition = {
  code: "sysctl-no-effect",
  title: "a kernel setting changed in vain",
  about: {
    meaning: [
      "Somebody changed a setting of TCP that does not do here what it is usually changed for: tcp_fin_timeout does not shorten TIME-WAIT, tcp_max_syn_backlog is not read while SYN cookies are on, a larger somaxconn lengthens no queue that no program asked to be longer.",
      "Always information: it does no harm, but what it was meant to cure is not cured.",
    ],
    remedy: [
      "Look for the real cause, and remove the setting, so that the next reader does not take it for the cure. `portmortem explain NAME` says what it really does.",
    ],
    sources: ["Documentation/networking/ip-sysctl.rst of the kernel", "tcp(7)"],
  },
  find: (snapshot) =>
    auditSysctls(snapshot).flatMap(({ name, value = "", defaultValue, judgement }) => {
      if (judgement.verdict !== "no-effect") return [];
      const back = judgement.better ?? defaultValue;
      return [
        {
          code: SYSCTL_NO_EFFECT.code,
          level: "info",
          title: `${name} = ${shortValue(value)} does not do what it is set for`,
          text: `It is changed, but ${judgement.why}.`,
          evidence: {
            name,
            value,
            ...(defaultValue === undefined ? {} : { defaultValue }),
            ...origin(name, snapshot),
          },
          advice:
            back === undefined
              ? []
              : setAdvice(name, back, snapshot, "set it back, unless it is meant for what it does"),
        },
      ];
    }),
};
