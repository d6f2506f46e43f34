/** What is loaded when it is first called: one part, so that the bundle is one file with one that both share. */
export { connectNow } from "./connect-run.ts";
export { runGuard } from "./guard-run.ts";
export { listenOn } from "./listen-run.ts";
