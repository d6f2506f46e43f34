/** The file that a launcher runs where the library is; in the command line it is a hidden word (LAUNCHER_WORD). */
import { runLauncher } from "./launcher.ts";

runLauncher();
