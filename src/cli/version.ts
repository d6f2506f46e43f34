declare const __PORTMORTEM_VERSION__: string | undefined;

/** Put in by the bundler from package.json. */
export const version: string = typeof __PORTMORTEM_VERSION__ === "string" ? __PORTMORTEM_VERSION__ : "0.0.0-source";
