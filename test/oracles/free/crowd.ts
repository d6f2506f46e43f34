/** The innocents of a scene: whoever is near the port and in nobody's way. */
import type { Bystander } from "./bystander.ts";
import { BEYOND_ADDRESS } from "./ground.ts";
import type { Ground } from "./ground.ts";
import type { Played } from "./played.ts";
import { NOBODY, ROOT } from "./scene.ts";
import type { Binding, Innocent, Shape } from "./scene.ts";
import { Missed, Stage } from "./stage.ts";

interface Place {
  readonly address: string;
  readonly port: number;
  readonly uid: number;
  readonly what: string;
  readonly beyond?: boolean;
}

export class Crowd {
  readonly #ground: Ground;
  readonly #played: Played;
  readonly #stage: Stage;

  constructor(ground: Ground, played: Played) {
    this.#ground = ground;
    this.#played = played;
    this.#stage = new Stage(ground, played);
  }

  gather(): void {
    for (const [index, innocent] of this.#played.scene.innocents.entries()) {
      try {
        this.#add(innocent, index);
      } catch (error) {
        if (!(error instanceof Missed)) throw error;
        this.#played.told.push(`innocent ${index + 1}: ${error.message}`);
      }
    }
  }

  #add(innocent: Innocent, index: number): void {
    const { port, scene } = this.#played;
    switch (innocent.kind) {
      case "alike": {
        const alike = innocent.digits === "one-more" ? port * 10 + index : Math.floor(port / 10);
        return this.#put(innocent.shape, { address: "0.0.0.0", port: alike, uid: innocent.uid, what: `port ${alike}` });
      }
      case "beside": {
        const { address, uid, shape } = innocent;
        return this.#put(shape, { address, port, uid, what: `the same port of ${address}` });
      }
      case "elsewhere": {
        const { address } = innocent;
        const place = { address, port, uid: ROOT, what: "the same port in another namespace", beyond: true };
        return this.#ground.beyond(() => this.#connection(place));
      }
      case "across":
        return this.#across(innocent.uid);
      case "other-protocol": {
        const place = { address: "::", port, uid: innocent.uid, what: "the same port of the other protocol" };
        if (scene.question.protocol === "udp") return this.#connection(place);
        this.#spare(this.#stage.bound(bindingOf(place), port, innocent.uid, "udp"), this.#holder(innocent.uid));
      }
    }
  }

  #put(shape: Shape, place: Place): void {
    switch (shape) {
      case "connection":
        return this.#connection(place);
      case "client":
        return this.#client(place);
      case "time-wait":
      case "fin-wait-1": {
        const listener = this.#stage.listening(bindingOf(place), place.port, place.uid);
        const { mine, peer } = this.#stage.connected(listener, targetOf(place), place.port);
        this.#innocent(mine);
        this.#stage.end(shape, mine, peer);
        this.#ground.calls.close(listener);
      }
    }
  }

  /** A server and its client, of two processes. */
  #connection(place: Place): void {
    const { bystanders } = this.#ground;
    const holder = place.beyond === true ? bystanders.beyond : this.#holder(place.uid);
    const listener = this.#stage.listening(bindingOf(place), place.port, place.uid);
    const address = targetOf(place);
    const { mine, peer } = this.#stage.connected(listener, address, place.port);
    const end = this.#spare(listener, holder);
    this.#played.listeners.push({ end, address, port: place.port, beyond: place.beyond === true });
    const far = this.#spare(mine, holder);
    const near = this.#spare(peer, place.beyond === true ? bystanders.beyond : bystanders.first);
    this.#played.connections.push({ near, far, what: place.what });
  }

  /** The port is the client's own, and asked for. */
  #client(place: Place): void {
    const { mine, peer } = this.#stage.connectFrom(bindingOf(place), place.port, place.uid, targetOf(place));
    const near = this.#spare(mine, this.#holder(place.uid));
    const far = this.#spare(peer, this.#ground.bystanders.second);
    this.#played.connections.push({ near, far, what: `a client with ${place.what}` });
  }

  #across(uid: number): void {
    const { calls, beyond, bystanders } = this.#ground;
    const { port } = this.#played;
    const place = { address: BEYOND_ADDRESS, port, uid: ROOT, what: "a client of that port in another namespace" };
    const listener = beyond(() => this.#stage.listening(bindingOf(place), port, ROOT));
    // The client is one of this side.
    const { mine, peer } = this.#stage.connected(listener, BEYOND_ADDRESS, port);
    calls.close(listener);
    const far = this.#spare(mine, bystanders.beyond);
    const near = this.#spare(peer, this.#holder(uid));
    this.#played.connections.push({ near, far, what: place.what });
  }

  #holder(uid: number): Bystander {
    return uid === NOBODY ? this.#ground.bystanders.nobody : this.#ground.bystanders.second;
  }

  #spare(fd: number, by: Bystander): ReturnType<Stage["give"]> {
    this.#innocent(fd);
    return this.#stage.give(fd, by);
  }

  #innocent(fd: number): void {
    this.#played.innocent.add(this.#ground.calls.cookie(fd));
  }
}

function bindingOf({ address }: Place): Binding {
  return { address, v6only: address === "::1", reuseAddr: true, reusePort: false };
}

function targetOf({ address }: Place): string {
  if (address === "0.0.0.0") return "127.0.0.1";
  return address === "::" ? "::1" : address;
}
