# Runs a command on a terminal of its own. stdin is what is typed, stdout what is on the screen, lines "ROWS COLUMNS" on descriptor 3 are
# window sizes. The end of stdin closes the terminal's other end. Ends as the command does.
import fcntl
import os
import pty
import select
import struct
import sys
import termios

pid, master = pty.fork()
if pid == 0:
    # Node leaves SIGINT and the like as they are; a shell that is not interactive would have them ignored.
    os.execvp(sys.argv[1], sys.argv[1:])

watched = [0, 3, master]
while master in watched:
    for fd in select.select(watched, [], [])[0]:
        try:
            data = os.read(fd, 65536)
        except OSError:  # EIO: nobody has the terminal any more
            data = b""
        if fd == master:
            if not data:
                watched.remove(master)
            os.write(1, data)
        elif fd == 3:
            for line in data.split(b"\n"):
                if line:
                    rows, columns = map(int, line.split())
                    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            if not data:
                watched.remove(3)
        elif data:
            os.write(master, data)
        else:
            os.close(master)
            watched = []
            break

_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
