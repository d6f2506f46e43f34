# The program of the old documents, as port-server.c: it takes a port and, when that is taken, the next one. No option is set; it closes first.
import errno
import os
import socket
import sys

port = int(sys.argv[1])
listener = socket.socket()
while True:
    try:
        listener.bind(("", port))
        break
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        port += 1
listener.listen(128)
print(f"listening on {port}", flush=True)
while True:
    connection, _ = listener.accept()
    if connection.recv(512):
        connection.sendall(f"{os.getpid()} {port}\n".encode())
    connection.close()
