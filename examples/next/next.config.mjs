import { dirname } from "node:path";

export default {
  // Next's own packages are there, beside those of the other examples.
  turbopack: { root: dirname(import.meta.dirname) },
  rewrites: () => [{ source: "/echo", destination: "/api/echo" }],
};
