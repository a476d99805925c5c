import { expect } from "chai";
import { createByteSink } from "../../../src/fetch/byteSink.ts";

const MIB = 1 << 20;

describe("a byte sink", () => {
  it("gives back what was added, however it was cut, in memory of just that size", () => {
    const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251);
    for (const step of [299_999, 70_000, 65_536, 4_097]) {
      const sink = createByteSink(MIB);
      for (let at = 0; at < bytes.length; at += step) expect(sink.add(bytes.subarray(at, at + step))).to.equal(true);
      const taken = sink.take();
      expect(Buffer.compare(taken, bytes)).to.equal(0);
      expect(taken.buffer.byteLength).to.equal(bytes.length);
    }
  });

  it("takes its limit and not a byte more", () => {
    const sink = createByteSink(3);
    expect(sink.add(Uint8Array.of(1, 2))).to.equal(true);
    expect(sink.add(Uint8Array.of(3, 4))).to.equal(false);
    expect(sink.add(Uint8Array.of(3))).to.equal(true);
    expect(sink.add(Uint8Array.of(4))).to.equal(false);
    expect(sink.take()).to.deep.equal(Uint8Array.of(1, 2, 3));
    expect(createByteSink(0).take()).to.have.lengthOf(0);
  });

  it("keeps no chunk: a million of one byte take little more than a million bytes", () => {
    const before = process.memoryUsage().heapUsed;
    const sink = createByteSink(MIB);
    for (let i = 0; i < MIB; i++) sink.add(new Uint8Array(1));
    expect(process.memoryUsage().heapUsed - before).to.be.below(64 * MIB); // among it what waits to be collected
    expect(sink.take()).to.have.lengthOf(MIB);
  });
});
