# A server that is handed its sockets as it starts (sd_listen_fds(3)), and expects them to block: it answers with the socket's name and its pid.
import os
import socket
import threading

assert int(os.environ["LISTEN_PID"]) == os.getpid(), os.environ["LISTEN_PID"]
names = os.environ["LISTEN_FDNAMES"].split(":")
assert int(os.environ["LISTEN_FDS"]) == len(names), names


def serve(fd, name):
    # Python makes of it what the file is: a timeout of None is one that blocks.
    assert os.get_blocking(fd), "it does not block"
    listener = socket.socket(fileno=fd)
    while True:
        connection, _ = listener.accept()
        connection.sendall(f"{name} {os.getpid()}\n".encode())
        connection.close()


threads = [threading.Thread(target=serve, args=(3 + index, name)) for index, name in enumerate(names)]
for thread in threads:
    thread.start()
