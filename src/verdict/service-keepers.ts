/**
 * Programs that keep many others alive which have nothing to do with each other: to end one of these for the sake of one port is never what
 * was meant. By name, for /proc says nothing else about them. Pure.
 */
import type { ProcessNode } from "../tcp/process-node.ts";
import { lastPart } from "../tcp/program-words.ts";

const KEEPERS: readonly (readonly [text: string, names: RegExp])[] = [
  ["it manages the services of this machine", /^(?:systemd|init|\(sd-pam\)|openrc-init|launchd|dinit|shepherd|procd)$/],
  [
    "it runs services that have nothing to do with each other",
    /^(?:supervisord|runsvdir|runsv|runit|s6-svscan|s6-supervise|svscan|supervise|perpd|perpboot|monit|circusd|immortaldir|immortal)$/,
  ],
  [
    "it runs containers",
    /^(?:dockerd|containerd|containerd-shim(?:-.*)?|conmon|crio|kubelet|docker-init|lxc-start|lxcfs|incusd|lxd)$/,
  ],
  [
    "it keeps whole logins alive",
    /^(?:sshd(?:-session|-auth)?|dropbear|login|agetty|telnetd|mosh-server|et|etserver|ttyd|wetty|crond?|atd|anacron)$/,
  ],
  [
    "it keeps terminals alive",
    /^(?:tmux(?:: .*)?|screen|SCREEN|zellij|dtach|abduco|byobu|gnome-terminal-.*|ptyxis.*|kgx|konsole|xterm|urxvtd?|kitty|alacritty|wezterm.*|foot|ghostty|terminator|tilix|xfce4-terminal|lxterminal)$/,
  ],
  [
    "it keeps the desktop alive",
    /^(?:X|Xorg|Xwayland|xinit|startx|gnome-s.*|gdm.*|sddm.*|lightdm|startplasma.*|plasma.*|kwin.*|xfce4-session|mate-session|cinnamon.*|lxsession|lxqt-session|i3|sway|Hyprland|openbox|awesome|bspwm|dwm|river|labwc|weston|dbus-run-session|dbus-daemon|dbus-broker.*|ssh-agent|gpg-agent)$/,
  ],
  [
    "it is the editor",
    /^(?:code(?:-insiders|-oss|-server)?|codium|cursor|windsurf|zed(?:-editor)?|n?vim?|emacs.*|idea|webstorm|pycharm|goland|rubymine|phpstorm|clion|rider|studio)$/,
  ],
];

/** One clause: what it keeps alive; undefined for a program that can be ended by itself. */
export function keeperOf({ command, args }: Pick<ProcessNode, "command" | "args">): string | undefined {
  // A daemon of pm2 writes what it is into its title; with an old one the title is in the name, too.
  if (/^PM2 .*God Daemon/.test(args[0] ?? "")) return "pm2's daemon keeps all of its apps alive";
  const names = [command, lastPart((args[0] ?? "").split(" ", 1)[0]!).replace(/:$/, "")];
  return KEEPERS.find(([, pattern]) => names.some((name) => pattern.test(name)))?.[0];
}
