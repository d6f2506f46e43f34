/*
 * Runs a command for which the kernel refuses what it is told to: a test of an answer "no" has something that really says no.
 *
 *   refuse RULE... -- COMMAND ARGUMENTS...
 *
 *   call:NAME=ERRNO    every system call of this name fails (a seccomp filter)
 *   netlink=ERRNO      no netlink socket can be opened (the same, by the call's first argument)
 *   send:TYPE=ERRNO    a send of a netlink message of this type fails: send(2) itself says so
 *   answer:TYPE=ERRNO  it is accepted, and each message in it answered with this errno, as a kernel does that knows the type and cannot
 *                      serve it. Nothing of it reaches the kernel
 *   connected:TYPE=ERRNO  the same only for the sock_diag messages that name a remote port: a connection, and no listener
 *
 * TYPE is a number: 21 is SOCK_DESTROY, 20 a dump or a look at one socket. All else goes on working. The rules about messages need more than
 * a filter can see: those calls are handed to this program (SECCOMP_RET_USER_NOTIF, Linux 5.0; CONTINUE 5.5), which reads the message in the
 * command's memory. Ends as the command does; SIGINT, SIGTERM and SIGHUP are passed on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_RULES = 16, MOST_PENDING = 64, MOST_MESSAGES = 1024, MOST_BYTES = 256 * 1024 };

static const struct {
  const char *name;
  int value;
} ERRNOS[] = {
    {"EPERM", EPERM},   {"ENOENT", ENOENT},         {"EACCES", EACCES},
    {"EINVAL", EINVAL}, {"ENOSYS", ENOSYS},         {"EOPNOTSUPP", EOPNOTSUPP},
    {"ENOMEM", ENOMEM}, {"ENOBUFS", ENOBUFS},       {"EPROTONOSUPPORT", EPROTONOSUPPORT},
    {"ESRCH", ESRCH},   {"EADDRINUSE", EADDRINUSE}, {"EAFNOSUPPORT", EAFNOSUPPORT},
};

static const struct {
  const char *name;
  int number;
} CALLS[] = {
    {"sendto", SYS_sendto}, {"recvfrom", SYS_recvfrom}, {"bind", SYS_bind},
    {"listen", SYS_listen}, {"connect", SYS_connect},   {"kill", SYS_kill},
    {"setns", SYS_setns},   {"unshare", SYS_unshare},   {"setpriority", SYS_setpriority},
    {"pidfd_open", 434},    {"pidfd_getfd", 438},       {"pidfd_send_signal", 424},
    {"sched_setscheduler", SYS_sched_setscheduler}, {"seccomp", SYS_seccomp},
};

enum kind { CALL, NETLINK, SEND, ANSWER, CONNECTED };

static struct rule {
  enum kind kind;
  int subject;
  int error;
} rules[MOST_RULES];
static int rule_count;

static void fail(const char *what) {
  fprintf(stderr, "refuse: %s: %s\n", what, strerror(errno));
  exit(125);
}

static void usage(const char *word) {
  fprintf(stderr, "refuse: %s is no rule\nusage: refuse RULE... -- COMMAND ARGUMENTS...\n", word);
  exit(125);
}

static int errno_of(const char *name) {
  for (size_t i = 0; i < sizeof ERRNOS / sizeof *ERRNOS; i++)
    if (strcmp(ERRNOS[i].name, name) == 0) return ERRNOS[i].value;
  return -1;
}

static void read_rule(const char *word) {
  static const struct {
    const char *prefix;
    enum kind kind;
  } KINDS[] = {{"call:", CALL}, {"send:", SEND}, {"answer:", ANSWER}, {"connected:", CONNECTED}};
  const char *equals = strchr(word, '=');
  if (equals == NULL || rule_count == MOST_RULES) usage(word);
  struct rule *rule = &rules[rule_count++];
  if ((rule->error = errno_of(equals + 1)) < 0) usage(word);
  if (strncmp(word, "netlink=", 8) == 0) {
    rule->kind = NETLINK;
    return;
  }
  for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
    size_t length = strlen(KINDS[i].prefix);
    if (strncmp(word, KINDS[i].prefix, length) != 0) continue;
    rule->kind = KINDS[i].kind;
    rule->subject = atoi(word + length);
    if (rule->kind != CALL) return;
    for (size_t call = 0; call < sizeof CALLS / sizeof *CALLS; call++) {
      size_t name = strlen(CALLS[call].name);
      if (name != (size_t)(equals - word) - length || strncmp(CALLS[call].name, word + length, name) != 0) continue;
      rule->subject = CALLS[call].number;
      return;
    }
  }
  usage(word);
}

static int needs_supervisor(void) {
  for (int i = 0; i < rule_count; i++)
    if (rules[i].kind >= SEND) return 1;
  return 0;
}

/* The number of a call alone says which it is: a program of one architecture only is run here. */
static int install_filter(int supervised) {
  struct sock_filter code[8 + MOST_RULES * 5];
  unsigned short at = 0;
  for (int i = 0; i < rule_count; i++) {
    const uint32_t deny = SECCOMP_RET_ERRNO | (uint32_t)rules[i].error;
    code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    if (rules[i].kind == CALL) {
      code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rules[i].subject, 0, 1);
      code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, deny);
    } else if (rules[i].kind == NETLINK) {
      code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3);
      code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]));
      code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 1);
      code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, deny);
    }
  }
  if (supervised) {
    code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendto, 2, 0);
    code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_recvfrom, 1, 0);
    code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
  } else code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {.len = at, .filter = code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("PR_SET_NO_NEW_PRIVS");
  int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, supervised ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0,
                              &program);
  if (listener < 0) fail("seccomp");
  return listener;
}

static void give_descriptor(int to, int fd) {
  char space[CMSG_SPACE(sizeof fd)] = {0};
  struct iovec one = {.iov_base = "x", .iov_len = 1};
  struct msghdr message = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  /* sendmsg, which the filter lets through: there is nobody yet to ask about sendto. */
  if (sendmsg(to, &message, 0) != 1) fail("sendmsg");
}

static int take_descriptor(int from) {
  char byte, space[CMSG_SPACE(sizeof(int))];
  struct iovec one = {.iov_base = &byte, .iov_len = 1};
  struct msghdr message = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
  if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) != 1) return -1;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  int fd = -1;
  if (header != NULL) memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

/* Answers that the command is still to receive, by process and descriptor. */
static struct pending {
  pid_t process;
  int fd, error, next, count;
  struct nlmsghdr requests[MOST_MESSAGES];
} *pending[MOST_PENDING];

static unsigned char sent[MOST_BYTES];

static ssize_t read_from(pid_t pid, uint64_t at, void *to, size_t length) {
  struct iovec local = {.iov_base = to, .iov_len = length}, remote = {.iov_base = (void *)(uintptr_t)at, .iov_len = length};
  return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

static pid_t process_of(pid_t thread) {
  char path[64], line[256];
  pid_t process = thread;
  snprintf(path, sizeof path, "/proc/%d/status", thread);
  FILE *status = fopen(path, "re");
  if (status == NULL) return thread;
  while (fgets(line, sizeof line, status) != NULL)
    if (sscanf(line, "Tgid: %d", &process) == 1) break;
  fclose(status);
  return process;
}

static int is_netlink(pid_t process, int fd) {
  int pidfd = (int)syscall(434 /* pidfd_open */, process, 0), domain = 0;
  socklen_t length = sizeof domain;
  int copy = pidfd < 0 ? -1 : (int)syscall(438 /* pidfd_getfd */, pidfd, fd, 0);
  if (copy >= 0 && getsockopt(copy, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0) domain = 0;
  if (copy >= 0) close(copy);
  if (pidfd >= 0) close(pidfd);
  return domain == AF_NETLINK;
}

static struct pending *find_pending(pid_t process, int fd) {
  for (int i = 0; i < MOST_PENDING; i++)
    if (pending[i] != NULL && pending[i]->process == process && pending[i]->fd == fd && pending[i]->next < pending[i]->count)
      return pending[i];
  return NULL;
}

static struct pending *new_pending(pid_t process, int fd, int error) {
  for (int i = 0; i < MOST_PENDING; i++) {
    if (pending[i] != NULL && pending[i]->next < pending[i]->count && pending[i]->process == process && pending[i]->fd != fd)
      continue;
    if (pending[i] == NULL && (pending[i] = malloc(sizeof **pending)) == NULL) fail("malloc");
    pending[i]->process = process;
    pending[i]->fd = fd;
    pending[i]->error = error;
    pending[i]->next = pending[i]->count = 0;
    return pending[i];
  }
  return NULL;
}

/* struct inet_diag_req_v2 begins with four bytes and the states; its ports come next. */
static int names_connection(const struct nlmsghdr *message) {
  const unsigned char *body = (const unsigned char *)message + sizeof *message;
  return message->nlmsg_len >= sizeof *message + 12 && (body[10] | body[11]) != 0;
}

static const struct rule *rule_for(const struct nlmsghdr *message) {
  for (int i = 0; i < rule_count; i++) {
    const struct rule *rule = &rules[i];
    if (rule->kind < SEND || rule->subject != message->nlmsg_type) continue;
    if (rule->kind != CONNECTED || names_connection(message)) return rule;
  }
  return NULL;
}

/* The first message of a send decides about all of it: ours are of one kind. */
static void on_send(const struct seccomp_notif *call, struct seccomp_notif_resp *answer) {
  const size_t length = call->data.args[2];
  if (length < sizeof(struct nlmsghdr) || length > sizeof sent) return;
  if (read_from((pid_t)call->pid, call->data.args[1], sent, length) != (ssize_t)length) return;
  const struct rule *rule = rule_for((const struct nlmsghdr *)sent);
  const pid_t process = process_of((pid_t)call->pid);
  if (rule == NULL || !is_netlink(process, (int)call->data.args[0])) return;
  answer->flags = 0;
  if (rule->kind == SEND) {
    answer->error = -rule->error;
    return;
  }
  struct pending *answers = new_pending(process, (int)call->data.args[0], rule->error);
  int left = (int)length;
  if (answers == NULL) fail("too many answers");
  for (struct nlmsghdr *message = (struct nlmsghdr *)sent; NLMSG_OK(message, left) && answers->count < MOST_MESSAGES;
       message = NLMSG_NEXT(message, left))
    answers->requests[answers->count++] = *message;
  answer->val = (int64_t)length;
}

/* struct nlmsgerr: the errno, negated, and the head of the request (netlink_ack). */
static void on_receive(const struct seccomp_notif *call, struct seccomp_notif_resp *answer) {
  struct pending *answers = find_pending(process_of((pid_t)call->pid), (int)call->data.args[0]);
  if (answers == NULL) return;
  struct {
    struct nlmsghdr head;
    struct nlmsgerr body;
  } message;
  unsigned char bytes[MOST_MESSAGES * sizeof message];
  size_t length = 0;
  while (answers->next < answers->count && length + sizeof message <= call->data.args[2]) {
    const struct nlmsghdr request = answers->requests[answers->next++];
    message.head = (struct nlmsghdr){.nlmsg_len = sizeof message, .nlmsg_type = NLMSG_ERROR, .nlmsg_seq = request.nlmsg_seq};
    message.body = (struct nlmsgerr){.error = -answers->error, .msg = request};
    memcpy(bytes + length, &message, sizeof message);
    length += sizeof message;
  }
  struct iovec local = {.iov_base = bytes, .iov_len = length};
  struct iovec remote = {.iov_base = (void *)(uintptr_t)call->data.args[1], .iov_len = length};
  answer->flags = 0;
  if (process_vm_writev((pid_t)call->pid, &local, 1, &remote, 1, 0) == (ssize_t)length) answer->val = (int64_t)length;
  else answer->error = -EFAULT;
}

static void supervise(int listener) {
  struct seccomp_notif call;
  struct pollfd poll_listener = {.fd = listener, .events = POLLIN};
  for (;;) {
    if (poll(&poll_listener, 1, -1) < 0) {
      if (errno == EINTR) continue;
      fail("poll");
    }
    /* Nobody is left who has the filter. */
    if ((poll_listener.revents & POLLIN) == 0) return;
    memset(&call, 0, sizeof call);
    /* ENOENT: whoever called has ended in the meantime. */
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) continue;
    struct seccomp_notif_resp answer = {.id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    if (call.data.nr == SYS_sendto) on_send(&call, &answer);
    else on_receive(&call, &answer);
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
}

static volatile pid_t command;

static void pass_on(int signal) {
  if (command > 0) kill(command, signal);
}

int main(int count, char **words) {
  int at = 1;
  for (; at < count && strcmp(words[at], "--") != 0; at++) read_rule(words[at]);
  if (at + 1 >= count) usage("nothing to run");
  int pair[2];
  const int supervised = needs_supervisor();
  if (!supervised) {
    install_filter(0);
    execvp(words[at + 1], &words[at + 1]);
    fail(words[at + 1]);
  }
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) fail("socketpair");
  if ((command = fork()) < 0) fail("fork");
  if (command == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    give_descriptor(pair[1], install_filter(1));
    execvp(words[at + 1], &words[at + 1]);
    fail(words[at + 1]);
  }
  close(pair[1]);
  signal(SIGINT, pass_on);
  signal(SIGTERM, pass_on);
  signal(SIGHUP, pass_on);
  int listener = take_descriptor(pair[0]);
  if (listener >= 0) supervise(listener);
  int status = 0;
  while (waitpid(command, &status, 0) < 0)
    if (errno != EINTR) fail("waitpid");
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  /* Not one core for each of the two. */
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  signal(WTERMSIG(status), SIG_DFL);
  kill(getpid(), WTERMSIG(status));
  return 128 + WTERMSIG(status);
}
