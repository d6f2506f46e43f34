/*
 * A server on 127.0.0.1 that asks its terminal before it ends: wants-its-terminal PORT HOW. In the background of that terminal the kernel stops
 * whoever reads from it (SIGTTIN). "once": it takes a SIGCONT for an answer. "stubborn": it asks again. Prints its pid, and ends by itself
 * after a minute.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int terminal;
static int stubborn;

static void go_on(int signal) { (void)signal; }

static void end(int signal) {
  char answer;
  (void)signal;
  while (read(terminal, &answer, 1) < 0 && stubborn) {}
  _exit(0);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  stubborn = strcmp(argv[2], "stubborn") == 0;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int one = 1;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) return 3;
  if (listen(listener, 16) != 0) return 4;
  terminal = open("/dev/tty", O_RDONLY);
  if (terminal < 0) return 5;
  /*
   * Without SA_RESTART: a read that was stopped ends with EINTR. SIGTERM can come while the first SIGCONT is being handled: the next one must
   * not be held back then, or the read would begin anew, and stop, for ever.
   */
  struct sigaction action = {.sa_handler = go_on, .sa_flags = SA_NODEFER};
  sigaction(SIGCONT, &action, NULL);
  action.sa_handler = end;
  action.sa_flags = 0;
  sigaction(SIGTERM, &action, NULL);
  alarm(60);
  printf("%d\n", getpid());
  fflush(stdout);
  for (;;) pause();
}
