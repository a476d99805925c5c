import { expect } from "chai";
import { formatOpg, parseOpg } from "../../../src/protocol/units.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";

describe("amounts as people write them", () => {
  it("are exact to the last base unit, both ways", () => {
    const amounts = {
      "0": 0n,
      "1": 10n ** 18n,
      "1.5": 15n * 10n ** 17n,
      "0.000000000000000001": 1n,
      "1000000000": 10n ** 27n,
    };
    for (const [text, amount] of Object.entries(amounts)) {
      expect(parseOpg(text)).to.equal(amount);
      expect(formatOpg(amount)).to.equal(text);
    }
  });

  it("are refused when they are anything but digits and a point", async () => {
    for (const text of ["", "-1", "+1", "1e18", " 1", "1 ", "1,5", ".5", "1.", "0x1", "1.0000000000000000001", "∞"]) {
      await expectProtocolError("units/invalid-amount", () => parseOpg(text));
    }
  });
});
