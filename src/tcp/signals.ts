/** The signals that are sent, by the kernel's names. */
export type SignalName = "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGQUIT" | "SIGKILL" | "SIGCONT";
