# The service manager's end of sd_notify(3): a datagram socket that asks for the sender's credentials, as systemd's does (SO_PASSCRED), bound to
# the path or "@name" in argv[1]. Prints "bound", then a JSON line for each datagram: the sender's pid, what was said, and the monotonic clock.
# "hold" as argv[2]: reads only once a line came on stdin.
import json, socket, struct, sys, time

SCM_CREDENTIALS = 2
name = sys.argv[1]
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
receiver.bind("\0" + name[1:] if name.startswith("@") else name)
print("bound", flush=True)
if sys.argv[2:] == ["hold"]:
    sys.stdin.readline()
while True:
    data, ancillary, flags, _ = receiver.recvmsg(4096, socket.CMSG_SPACE(12))
    pid = next(struct.unpack("3i", body)[0] for level, kind, body in ancillary if kind == SCM_CREDENTIALS)
    said = [line.split("=", 1) for line in data.decode().split("\n") if line]
    print(json.dumps({"pid": pid, "said": said, "monotonicUs": time.monotonic_ns() // 1000}), flush=True)
