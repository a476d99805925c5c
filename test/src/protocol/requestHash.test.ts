import { expect } from "chai";
import { concat, keccak256, stringToHex } from "viem";
import { canonicalRequest, requestHash } from "../../../src/protocol/requestHash.ts";
import { expectProtocolError } from "../../support/protocolErrors.ts";
import { SALT } from "../../support/statements.ts";

const ROUTE = "/v1/chat/completions";

/** The double whose bits, big-endian, these hexadecimal digits are. */
function doubleOf(bits: string): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(`0x${bits}`));
  return view.getFloat64(0);
}

const textOf = (body: unknown) => {
  const text = canonicalRequest("/", body);
  return text.slice('{"body":'.length, -',"route":"/"}'.length);
};

describe("a request's hash", () => {
  it("is that of the salt and the canonical text of the body and the route", () => {
    const body = { model: "acme/mini", messages: [{ role: "user", content: "Grüezi" }], stream: true };
    const text =
      '{"body":{"messages":[{"content":"Grüezi","role":"user"}],"model":"acme/mini","stream":true},"route":"/v1/chat/completions"}';
    expect(canonicalRequest(ROUTE, body)).to.equal(text);
    expect(requestHash(SALT, ROUTE, body)).to.equal(keccak256(concat([SALT, stringToHex(text)])));
  });

  it("is the same however the body was written, and another for any other salt, route or field", () => {
    const body = { a: 1, b: [true, null, "x"] };
    const same = requestHash(SALT, ROUTE, JSON.parse('{ "b" : [true,null,"\\u0078"], "a": 1.0e0 }'));
    expect(requestHash(SALT, ROUTE, body)).to.equal(same);
    const others = [
      requestHash(keccak256(SALT), ROUTE, body),
      requestHash(SALT, "/v1/embeddings", body),
      requestHash(SALT, ROUTE, { ...body, a: 2 }),
      requestHash(SALT, ROUTE, { ...body, b: [true, "x", null] }),
      requestHash(SALT, ROUTE, { ...body, temperature: 0 }),
      requestHash(SALT, ROUTE, [body]),
    ];
    expect(new Set([...others, same]).size).to.equal(others.length + 1);
  });

  it("wants a salt of 32 bytes", async () => {
    for (const salt of ["0x", `${SALT}00`, SALT.slice(0, -2)] as const) {
      await expectProtocolError("request/salt", () => requestHash(salt as typeof SALT, ROUTE, {}));
    }
  });
});

describe("canonical JSON (RFC 8785)", () => {
  it("section 3.2.2: the standard's example of primitives", () => {
    const given =
      '{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001], "string": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/", "literals": [null, true, false]}';
    const wanted =
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}';
    expect(textOf(JSON.parse(given))).to.equal(wanted);
  });

  it("section 3.2.3: the standard's example of sorting, by UTF-16 code units", () => {
    const given = {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\u{1f600}": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis",
    };
    expect([...textOf(given).matchAll(/"([^"]*)"[,}]/g)].map(([, value]) => value)).to.deep.equal([
      "Carriage Return",
      "One",
      "Control",
      "Latin Small Letter O With Diaeresis",
      "Euro Sign",
      "Emoji: Grinning Face",
      "Hebrew Letter Dalet With Dagesh",
    ]);
  });

  it("appendix B: the standard's numbers", async () => {
    const samples: [string, string][] = [
      ["0000000000000000", "0"],
      ["8000000000000000", "0"],
      ["0000000000000001", "5e-324"],
      ["8000000000000001", "-5e-324"],
      ["7fefffffffffffff", "1.7976931348623157e+308"],
      ["ffefffffffffffff", "-1.7976931348623157e+308"],
      ["4340000000000000", "9007199254740992"],
      ["c340000000000000", "-9007199254740992"],
      ["4430000000000000", "295147905179352830000"],
      ["44b52d02c7e14af5", "9.999999999999997e+22"],
      ["44b52d02c7e14af6", "1e+23"],
      ["44b52d02c7e14af7", "1.0000000000000001e+23"],
      ["444b1ae4d6e2ef4e", "999999999999999700000"],
      ["444b1ae4d6e2ef4f", "999999999999999900000"],
      ["444b1ae4d6e2ef50", "1e+21"],
      ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
      ["3eb0c6f7a0b5ed8d", "0.000001"],
      ["41b3de4355555553", "333333333.3333332"],
      ["41b3de4355555554", "333333333.33333325"],
      ["41b3de4355555555", "333333333.3333333"],
      ["41b3de4355555556", "333333333.3333334"],
      ["41b3de4355555557", "333333333.33333343"],
      ["becbf647612f3696", "-0.0000033333333333333333"],
      ["43143ff3c1cb0959", "1424953923781206.2"],
    ];
    for (const [bits, wanted] of samples) expect(textOf(doubleOf(bits)), bits).to.equal(wanted);
    for (const bits of ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"]) {
      await expectProtocolError("request/not-json", () => textOf([doubleOf(bits)]));
    }
  });

  it("has arrays as they are, names sorted at every depth, and nothing in between", () => {
    expect(textOf({ b: [3, 1, { d: 1, c: {} }], a: [] })).to.equal('{"a":[],"b":[3,1,{"c":{},"d":1}]}');
    expect(textOf(JSON.parse('{"__proto__":1,"constructor":2}'))).to.equal('{"__proto__":1,"constructor":2}');
    expect(textOf("")).to.equal('""');
    expect(textOf(null)).to.equal("null");
  });

  it("isn't there for what JSON can't say", async () => {
    const circle: unknown[] = [];
    circle.push(circle);
    const bad: unknown[] = [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      "\ud800",
      "\udc00 before",
      undefined,
      1n,
      () => 1,
      Symbol("s"),
      new Map([[1, 2]]),
      new Date(0),
      { toJSON: () => "another" },
      circle,
    ];
    for (const value of bad) {
      await expectProtocolError("request/not-json", () => requestHash(SALT, ROUTE, value));
      await expectProtocolError("request/not-json", () => requestHash(SALT, ROUTE, { deep: value }));
      await expectProtocolError("request/not-json", () => requestHash(SALT, ROUTE, [[value]]));
    }
    await expectProtocolError("request/not-json", () => requestHash(SALT, ROUTE, { "\udfff": 1 }));
    await expectProtocolError("request/not-json", () => requestHash(SALT, "\ud800", {}));
    await expectProtocolError("request/not-json", () => requestHash(SALT, ROUTE, new Array(1)));
  });
});
