/*
 * A server on 127.0.0.1 that forks when it is asked to end: forks-as-it-dies PORT TIMES. The child has inherited the listener, and the answer
 * to SIGTERM with it; so many times, then it just ends. Each prints its pid. Whoever is left ends by itself after a minute.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile int left;

static void say(void) {
  char line[16];
  int length = snprintf(line, sizeof line, "%d\n", getpid());
  if (write(1, line, length) != length) _exit(1);
}

static void end(int signal) {
  (void)signal;
  if (left-- <= 0 || fork() != 0) _exit(0);
  alarm(60);
  say();
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  left = atoi(argv[2]);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int one = 1;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) return 3;
  if (listen(listener, 16) != 0) return 4;
  signal(SIGTERM, end);
  alarm(60);
  say();
  for (;;) pause();
}
