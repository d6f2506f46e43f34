/*
 * Binds a socket for each line that it reads, and prints what came of it: what a program does long after its start.
 *
 * A line is a port, or a port and a way: "0 bad-pointer", "49200 thread", "49200 signal", "49200 vfork", "49200 fork".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int answer;
static volatile int port;

/* 0, or the errno. The socket stays open unless `leave` is 0. */
static int bind_port(int number, int leave) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY), .sin_port = htons(number)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  int result = bind(fd, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
  if (!leave || result != 0) close(fd);
  else if (listen(fd, 16) != 0) result = errno;
  return result;
}

static void on_signal(int number) {
  (void)number;
  answer = bind_port(port, 0);
}

static void *in_thread(void *unused) {
  (void)unused;
  answer = bind_port(port, 0);
  return NULL;
}

static struct sockaddr_in shared;
static volatile int stop;

static void *change_address(void *unused) {
  (void)unused;
  while (!stop) {
    shared.sin_port = htons(port);
    shared.sin_port = htons(port + 1);
  }
  return NULL;
}

/* Another thread changes the port between `port` and the next one while bind looks at it. 0 if each socket got one of the two. */
static int bind_changing(int times) {
  pthread_t thread;
  int bad = 0;
  shared.sin_family = AF_INET;
  shared.sin_addr.s_addr = htonl(INADDR_ANY);
  shared.sin_port = htons(port);
  stop = 0;
  pthread_create(&thread, NULL, change_address, NULL);
  for (int i = 0; i < times; i++) {
    struct sockaddr_in got;
    socklen_t length = sizeof got;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&shared, sizeof shared) != 0) bad = errno;
    else if (getsockname(fd, (struct sockaddr *)&got, &length) != 0) bad = errno;
    else if (ntohs(got.sin_port) != port && ntohs(got.sin_port) != port + 1) bad = -1;
    else if (listen(fd, 16) != 0) bad = errno;
    close(fd);
  }
  stop = 1;
  pthread_join(thread, NULL);
  return bad;
}

int main(void) {
  char line[128], way[64];
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("ready %d\n", getpid());
  while (fgets(line, sizeof line, stdin)) {
    int number = 0;
    way[0] = 0;
    sscanf(line, "%d %63s", &number, way);
    port = number;
    answer = -2;
    if (strcmp(way, "") == 0) answer = bind_port(port, 1);
    else if (strcmp(way, "close") == 0) answer = bind_port(port, 0);
    else if (strcmp(way, "bad-pointer") == 0) {
      int fd = socket(AF_INET, SOCK_STREAM, 0);
      answer = bind(fd, (struct sockaddr *)8, sizeof(struct sockaddr_in)) == 0 ? 0 : errno;
      close(fd);
    } else if (strcmp(way, "bad-length") == 0) {
      struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
      int fd = socket(AF_INET, SOCK_STREAM, 0);
      answer = bind(fd, (struct sockaddr *)&address, 3) == 0 ? 0 : errno;
      close(fd);
    } else if (strcmp(way, "bad-descriptor") == 0) {
      struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
      answer = bind(987, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    } else if (strcmp(way, "no-socket") == 0) {
      struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
      answer = bind(0, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    } else if (strcmp(way, "twice") == 0) {
      struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
      int fd = socket(AF_INET, SOCK_STREAM, 0);
      if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) perror("bind");
      answer = bind(fd, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
      close(fd);
    } else if (strcmp(way, "thread") == 0) {
      pthread_t thread;
      pthread_create(&thread, NULL, in_thread, NULL);
      pthread_join(thread, NULL);
    } else if (strcmp(way, "signal") == 0) {
      signal(SIGUSR1, on_signal);
      raise(SIGUSR1);
    } else if (strcmp(way, "fork") == 0 || strcmp(way, "vfork") == 0) {
      int status;
      pid_t child = way[0] == 'v' ? vfork() : fork();
      if (child == 0) _exit(bind_port(port, 0));
      waitpid(child, &status, 0);
      answer = WEXITSTATUS(status);
    } else if (strcmp(way, "changing") == 0) answer = bind_changing(2000);
    else if (strcmp(way, "many") == 0) {
      answer = 0;
      for (int i = 0; i < 10000 && answer == 0; i++) answer = bind_port(port, 0);
    } else if (strcmp(way, "many-alarms") == 0) {
      /* A signal without SA_RESTART each millisecond. */
      struct sigaction action = {.sa_handler = SIG_IGN};
      struct itimerval each = {{0, 1000}, {0, 1000}}, none = {{0, 0}, {0, 0}};
      extern void nothing(int);
      action.sa_handler = nothing;
      sigaction(SIGALRM, &action, NULL);
      setitimer(ITIMER_REAL, &each, NULL);
      answer = 0;
      for (int i = 0; i < 2000; i++) {
        int result = bind_port(port, 0);
        if (result != 0) answer = result;
      }
      setitimer(ITIMER_REAL, &none, NULL);
    } else if (strcmp(way, "abort") == 0) abort();
    printf("%s\n", answer == 0 ? "ok" : answer > 0 ? strerrorname_np(answer) : "none");
  }
  return 0;
}

void nothing(int number) { (void)number; }
