/* Prints, line by line, all that a process has from whoever started it: what exec leaves as it was. For comparing two ways to start one. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <termios.h>
#include <unistd.h>

extern char **environ;

static void print_bytes(const char *what, const char *text) {
  printf("%s ", what);
  for (const unsigned char *c = (const unsigned char *)text; *c; c++) printf(*c < 33 || *c > 126 ? "\\%02x" : "%c", *c);
  printf("\n");
}

static void print_file(const char *path, const char *wanted[]) {
  char line[4096];
  FILE *file = fopen(path, "r");
  if (!file) return;
  while (fgets(line, sizeof line, file))
    for (int i = 0; wanted[i]; i++)
      if (strncmp(line, wanted[i], strlen(wanted[i])) == 0) printf("%s", line);
  fclose(file);
}

int main(int argc, char **argv) {
  char path[4096];
  printf("pid %d\n", getpid());
  printf("ppid %d\n", getppid());
  for (int i = 0; i < argc; i++) print_bytes("argument", argv[i]);
  for (char **entry = environ; *entry; entry++) print_bytes("variable", *entry);
  print_bytes("cwd", getcwd(path, sizeof path) ? path : "?");
  print_bytes("execfn", (const char *)getauxval(AT_EXECFN));
  printf("secure %lu\n", getauxval(AT_SECURE));
  printf("group %d session %d\n", getpgrp(), getsid(0));
  printf("foreground %d %d %d\n", tcgetpgrp(0), tcgetpgrp(1), tcgetpgrp(2));
  struct termios tty;
  if (tcgetattr(0, &tty) == 0) printf("terminal %x %x %x %x\n", tty.c_iflag, tty.c_oflag, tty.c_cflag, tty.c_lflag);
  for (int number = 1; number < 65; number++) {
    struct sigaction action;
    if (number == 32 || number == 33) continue; /* the C library's own */
    if (sigaction(number, NULL, &action) < 0) continue;
    if (action.sa_handler != SIG_DFL) printf("signal %d %s\n", number, action.sa_handler == SIG_IGN ? "ignored" : "handled");
  }
  const char *status[] = {"SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd", "NoNewPrivs", "Seccomp:", "Uid", "Gid", "Groups", "Cap", "Umask", "Name", "THP", "CoreDumping", "Speculation", "Cpus_allowed:", "Mems_allowed:", "Kthread", "TracerPid", "Threads", "untag", "SeccompX", 0};
  print_file("/proc/self/status", status);
  for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) == 0) printf("limit %d %lu %lu\n", resource, (unsigned long)limit.rlim_cur, (unsigned long)limit.rlim_max);
  }
  for (int fd = 0; fd < 1024; fd++) {
    struct stat stat;
    int flags = fcntl(fd, F_GETFD);
    if (flags < 0) continue;
    fstat(fd, &stat);
    printf("descriptor %d flags %d status %o type %o\n", fd, flags, fcntl(fd, F_GETFL), stat.st_mode & S_IFMT);
  }
  int deathsig = -1;
  prctl(PR_GET_PDEATHSIG, &deathsig);
  int subreaper = -1;
  prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
  printf("prctl deathsig %d subreaper %d dumpable %d keepcaps %d securebits %d timerslack %d thp %d\n", deathsig, subreaper,
         prctl(PR_GET_DUMPABLE), prctl(PR_GET_KEEPCAPS), prctl(PR_GET_SECUREBITS), prctl(PR_GET_TIMERSLACK), prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
  printf("personality %x\n", personality(0xffffffff));
  struct sched_param priority;
  sched_getparam(0, &priority);
  printf("nice %d policy %d priority %d\n", getpriority(PRIO_PROCESS, 0), sched_getscheduler(0), priority.sched_priority);
  printf("ioprio %ld\n", syscall(SYS_ioprio_get, 1, 0));
  for (int which = 0; which < 3; which++) {
    struct itimerval timer;
    getitimer(which, &timer);
    if (timer.it_value.tv_sec || timer.it_value.tv_usec) printf("timer %d\n", which);
  }
  stack_t stack;
  sigaltstack(NULL, &stack);
  printf("altstack %x\n", stack.ss_flags);
  const char *one[] = {"", 0};
  printf("oom "); print_file("/proc/self/oom_score_adj", one);
  printf("coredump_filter "); print_file("/proc/self/coredump_filter", one);
  printf("cgroup "); print_file("/proc/self/cgroup", one);
  printf("timerslack "); print_file("/proc/self/timerslack_ns", one);
  printf("autogroup "); print_file("/proc/self/autogroup", one);
  const char *spaces[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts", 0};
  for (int i = 0; spaces[i]; i++) {
    char link[256];
    snprintf(path, sizeof path, "/proc/self/ns/%s", spaces[i]);
    ssize_t length = readlink(path, link, sizeof link - 1);
    if (length > 0) printf("namespace %.*s\n", (int)length, link);
  }
  return 7;
}
