/*
 * The program of the old documents: it takes port 49200 and, when that is taken, the next one. No socket option is set, nothing is caught.
 * One connection at a time: what is lost with it when it is killed is at most one. It closes first, so that it leaves TIME-WAIT behind.
 *
 * port-server PORT [START_DELAY_MS]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc > 2) usleep(atoi(argv[2]) * 1000);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
  int port = atoi(argv[1]);
  for (;; port++) {
    address.sin_port = htons(port);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) == 0) break;
    if (errno != EADDRINUSE) { perror("bind"); return 1; }
  }
  if (listen(listener, 128) != 0) { perror("listen"); return 1; }
  printf("listening on %d\n", port);
  fflush(stdout);
  char answer[64], request[512];
  int length = snprintf(answer, sizeof answer, "%d %d\n", getpid(), port);
  for (;;) {
    int connection = accept(listener, NULL, NULL);
    if (connection < 0) { perror("accept"); return 1; }
    if (read(connection, request, sizeof request) > 0 && write(connection, answer, length) < 0) perror("write");
    close(connection);
  }
}
