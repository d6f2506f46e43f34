# A server that puts its socket into an epoll set before it binds it, as Netty's epoll transport does.
import select
import socket
import sys

listener = socket.socket()
listener.setblocking(False)
ready = select.epoll()
ready.register(listener, select.EPOLLIN | select.EPOLLET)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(16)
while True:
    for _ in ready.poll():
        while True:
            try:
                connection, _ = listener.accept()
            except BlockingIOError:
                break
            connection.setblocking(True)
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            connection.close()
