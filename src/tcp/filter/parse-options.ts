export interface ParseOptions {
  /** The port of a service name ("http"), from /etc/services; without it names are refused. */
  readonly servicePort?: (name: string) => number | undefined;
}
