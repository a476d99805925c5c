/** Between an upstream and a client: events wait here until the client takes them, a bounded number of bytes of them. */
export type PartBuffer = {
  /** Adds an event; returns once there is room for another. @throws the reason why the client takes no more */
  add(event: string): Promise<void>;
  /** Nothing follows. */
  end(): void;
  /** All that waits, as soon as there is something; undefined: that was all. */
  take(): Promise<string | undefined>;
  /** The client takes no more. */
  abandon(reason: unknown): void;
};

/** So much waits for a slow client, in UTF-16 units, before the upstream has to wait too. */
const HIGH_WATER = 262_144;

export function createPartBuffer(): PartBuffer {
  let waiting = "";
  let hasEnded = false;
  let abandoned: { reason: unknown } | undefined;
  let wakeReader = () => {};
  let wakeWriter = () => {};

  return {
    async add(event) {
      waiting += event;
      wakeReader();
      if (waiting.length > HIGH_WATER && abandoned === undefined) {
        await new Promise<void>((resolve) => {
          wakeWriter = resolve;
        });
      }
      if (abandoned !== undefined) throw abandoned.reason;
    },
    end() {
      hasEnded = true;
      wakeReader();
    },
    async take() {
      while (waiting === "" && !hasEnded && abandoned === undefined) {
        await new Promise<void>((resolve) => {
          wakeReader = resolve;
        });
      }
      const taken = waiting;
      waiting = "";
      wakeWriter();
      return taken === "" ? undefined : taken;
    },
    abandon(reason) {
      abandoned ??= { reason };
      wakeReader();
      wakeWriter();
    },
  };
}
