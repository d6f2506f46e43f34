// What every host promises about one socket, and about binding.
import assert from "node:assert/strict";
import type { BindAttempt, Host } from "../../src/host/host.ts";
import type { Socket } from "../../src/tcp/socket.ts";
import { allTcp, allUdp, socketAt } from "./dump-cases.ts";
import type { ContractCase, Scene } from "./scene.ts";

/** What stays the same from one look to the next. */
function identity({ protocol, family, state, local, remote, inode, cookie, netns }: Socket): unknown {
  return { protocol, family, state, local, remote, inode, cookie, netns };
}

function idOf({ protocol, family, local, remote, cookie }: Socket): Parameters<Host["getSocket"]>[0] {
  return { protocol, family, local, cookie: cookie!, ...(remote === undefined ? {} : { remote }) };
}

function bind(host: Host, port: number, options: Partial<BindAttempt> = {}): string {
  const answer = host.probeBind({
    protocol: "tcp",
    address: "127.0.0.1",
    port,
    reuseAddr: false,
    reusePort: false,
    ...options,
  });
  return "refused" in answer ? `refused: ${answer.refused}` : answer.result;
}

const SOME = ["listener", "listener6", "onDevice", "client", "server", "timeWait"] as const satisfies (keyof Scene)[];

export const SOCKET_CASES: readonly ContractCase[] = [
  {
    title: "every socket has a cookie of its own, 0x and 16 digits",
    needs: "cookies",
    run(host) {
      const cookies = allTcp(host).map(({ cookie }) => cookie ?? "none");
      for (const cookie of cookies) assert.match(cookie, /^0x[0-9a-f]{16}$/);
      assert.equal(new Set(cookies).size, cookies.length);
    },
    without: (host) => assert.ok(allTcp(host).every(({ cookie }) => cookie === undefined)),
  },
  {
    title: "getSocket() answers the socket with exactly this cookie",
    needs: "cookies",
    run(host, scene) {
      for (const name of SOME) {
        const socket = socketAt(host, scene[name]);
        const again = host.getSocket(idOf(socket));
        assert.deepEqual(again && identity(again), identity(socket), name);
      }
    },
    without(host, scene) {
      const { local } = scene.listener;
      const id = { protocol: "tcp", family: "ipv4", local, cookie: "0x0000000000000001" } as const;
      assert.equal(host.getSocket(id), undefined);
    },
  },
  {
    title: "getSocket() answers UDP sockets, with a peer and without",
    needs: "cookies",
    run(host, scene) {
      for (const name of ["udp", "udpConnected"] as const) {
        const { port } = scene[name].local;
        const [socket] = allUdp(host).filter(({ local }) => local.port === port);
        assert.ok(socket);
        assert.equal(host.getSocket(idOf(socket))?.cookie, socket.cookie, name);
        assert.equal(host.getSocket({ ...idOf(socket), cookie: "0x00ffffff00ffffff" }), undefined, name);
      }
    },
    without: (host, scene) => {
      const { local } = scene.udp;
      const id = { protocol: "udp", family: "ipv4", local, cookie: "0x0000000000000001" } as const;
      assert.equal(host.getSocket(id), undefined);
    },
  },
  {
    title: "getSocket() answers nothing when the cookie is another's, though the addresses are right",
    needs: "cookies",
    run(host, scene) {
      for (const name of SOME) {
        const id = idOf(socketAt(host, scene[name]));
        assert.equal(host.getSocket({ ...id, cookie: "0x00ffffff00ffffff" }), undefined, name);
      }
      // A connection that is gone, on a port that still has a listener: the kernel's lookup finds the listener.
      const { cookie } = idOf(socketAt(host, scene.client));
      const gone = { address: "127.0.0.1", port: 1 };
      const id = { protocol: "tcp", family: "ipv4", local: scene.listener.local, remote: gone, cookie } as const;
      assert.equal(host.getSocket(id), undefined);
    },
  },
  {
    title: "probeBind() says ok for a port that nobody has, again and again",
    needs: "real binds",
    run(host, scene) {
      for (const reuseAddr of [true, false, false]) assert.equal(bind(host, scene.freePort, { reuseAddr }), "ok");
      assert.equal(bind(host, scene.freePort, { address: "::" }), "ok");
      assert.equal(bind(host, scene.freePort, { protocol: "udp" }), "ok");
      assert.equal(bind(host, 0), "ok");
    },
    without: (host, scene) => assert.match(bind(host, scene.freePort), /^refused: ./),
  },
  {
    title: "probeBind() says EADDRINUSE for a listener's port, with SO_REUSEADDR too",
    needs: "real binds",
    run(host, scene) {
      const { port } = scene.listener.local;
      for (const reuseAddr of [true, false]) assert.equal(bind(host, port, { reuseAddr }), "EADDRINUSE");
      assert.equal(bind(host, port, { address: "::", reuseAddr: true }), "EADDRINUSE", "dual-stack");
      assert.equal(bind(host, port, { address: "0.0.0.0", reuseAddr: true }), "EADDRINUSE");
    },
  },
  {
    title: "probeBind() says ok for a listener's port on an address that does not meet its own",
    needs: "real binds",
    run(host, scene) {
      const { port } = scene.listener.local;
      assert.equal(bind(host, port, { address: "127.0.0.2" }), "ok");
      assert.equal(bind(host, port, { address: "::", v6only: true }), "ok");
      assert.equal(bind(host, port, { address: "::1" }), "ok");
      assert.equal(bind(host, port, { protocol: "udp" }), "ok");
    },
  },
  {
    title: "probeBind() says EADDRINUSE for TIME-WAITs and bound sockets of programs without SO_REUSEADDR",
    needs: "real binds",
    run(host, scene) {
      for (const { local } of [scene.timeWait, scene.bound, scene.client]) {
        for (const reuseAddr of [true, false])
          assert.equal(bind(host, local.port, { reuseAddr }), "EADDRINUSE", JSON.stringify({ local, reuseAddr }));
      }
      assert.equal(bind(host, scene.udp.local.port, { protocol: "udp" }), "EADDRINUSE");
    },
  },
  {
    title: "probeBind() says what is wrong with the address before it looks at the port",
    needs: "real binds",
    run(host, scene) {
      const { port } = scene.listener.local;
      assert.equal(bind(host, port, { address: "192.0.2.1" }), "EADDRNOTAVAIL");
      assert.equal(bind(host, port, { address: "2001:db8::1" }), "EADDRNOTAVAIL");
      assert.equal(bind(host, port, { address: "fe80::1" }), "EINVAL", "link-local without its device");
      assert.equal(bind(host, port, { address: "::ffff:127.0.0.1", v6only: true }), "EINVAL");
      assert.equal(bind(host, port, { device: "none0" }), "ENODEV");
    },
  },
  {
    title: "probeBind() refuses what is no numeric address",
    needs: "real binds",
    run: (host) => assert.match(bind(host, 1, { address: "localhost" }), /^refused: localhost/),
  },
  {
    title: "socketOptions() tells what the holder of a descriptor has set",
    needs: "options of held sockets",
    run(host, scene) {
      const of = ({ fd }: { readonly fd: number }): unknown => host.socketOptions(scene.pid, fd);
      const cookieOf = (held: Scene["listener"]) => socketAt(host, held).cookie;
      assert.deepEqual(of(scene.listener), { reuseAddr: true, reusePort: false, cookie: cookieOf(scene.listener) });
      assert.deepEqual(of(scene.bound), { reuseAddr: false, reusePort: false, cookie: cookieOf(scene.bound) });
      const six = of(scene.listener6);
      assert.deepEqual(six, { reuseAddr: true, reusePort: false, v6only: true, cookie: cookieOf(scene.listener6) });
    },
    without: (host, scene) => assert.ok("errno" in host.socketOptions(scene.pid, scene.listener.fd)),
  },
  {
    title: "socketOptions() answers an errno for a process that is gone, and for a descriptor that is none",
    run(host, scene) {
      assert.ok("errno" in host.socketOptions(scene.deadPid, 3));
      assert.ok("errno" in host.socketOptions(scene.pid, 60_000));
    },
  },
];
