import { expect } from "chai";
import { isPublicAddress } from "../../../src/fetch/publicAddress.ts";

/** First and last address of each block in IANA's special-purpose and multicast registries. */
const SPECIAL: readonly (readonly [block: string, first: string, last: string])[] = [
  ["0.0.0.0/8, this network", "0.0.0.0", "0.255.255.255"],
  ["10.0.0.0/8, private", "10.0.0.0", "10.255.255.255"],
  ["100.64.0.0/10, shared by carriers", "100.64.0.0", "100.127.255.255"],
  ["127.0.0.0/8, loopback", "127.0.0.0", "127.255.255.255"],
  ["169.254.0.0/16, link-local", "169.254.0.0", "169.254.255.255"],
  ["172.16.0.0/12, private", "172.16.0.0", "172.31.255.255"],
  ["192.0.0.0/24, protocol assignments", "192.0.0.0", "192.0.0.255"],
  ["192.0.2.0/24, documentation", "192.0.2.0", "192.0.2.255"],
  ["192.31.196.0/24, AS112", "192.31.196.0", "192.31.196.255"],
  ["192.52.193.0/24, AMT", "192.52.193.0", "192.52.193.255"],
  ["192.88.99.0/24, 6to4 relays", "192.88.99.0", "192.88.99.255"],
  ["192.168.0.0/16, private", "192.168.0.0", "192.168.255.255"],
  ["192.175.48.0/24, AS112", "192.175.48.0", "192.175.48.255"],
  ["198.18.0.0/15, benchmarking", "198.18.0.0", "198.19.255.255"],
  ["198.51.100.0/24, documentation", "198.51.100.0", "198.51.100.255"],
  ["203.0.113.0/24, documentation", "203.0.113.0", "203.0.113.255"],
  ["224.0.0.0/4, multicast", "224.0.0.0", "239.255.255.255"],
  ["240.0.0.0/4, reserved and broadcast", "240.0.0.0", "255.255.255.255"],
  ["::/128, unspecified", "::", "::"],
  ["::1/128, loopback", "::1", "::1"],
  ["::/96, IPv4-compatible", "::0.0.0.2", "::255.255.255.255"],
  ["::ffff:0:0/96, IPv4-mapped", "::ffff:0.0.0.0", "::ffff:255.255.255.255"],
  ["::ffff:0:0:0/96, IPv4-translated", "::ffff:0:0:0", "::ffff:0:ffff:ffff"],
  ["64:ff9b::/96, NAT64", "64:ff9b::", "64:ff9b::255.255.255.255"],
  ["64:ff9b:1::/48, local NAT64", "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"],
  ["100::/64, discard", "100::", "100::ffff:ffff:ffff:ffff"],
  ["100:0:0:1::/64, dummy prefix", "100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff"],
  ["2001::/32, Teredo", "2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2001::/23, protocol assignments", "2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2001:2::/48, benchmarking", "2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff"],
  ["2001:3::/32, AMT", "2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2001:4:112::/48, AS112", "2001:4:112::", "2001:4:112:ffff:ffff:ffff:ffff:ffff"],
  ["2001:10::/28, ORCHID", "2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2001:20::/28, ORCHIDv2", "2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2001:30::/28, drone remote id", "2001:30::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2001:db8::/32, documentation", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2002::/16, 6to4", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2620:4f:8000::/48, AS112", "2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff"],
  ["3fff::/20, documentation", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["5f00::/16, segment routing", "5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["fc00::/7, unique local", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["fe80::/10, link-local", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["fec0::/10, site-local", "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["ff00::/8, multicast", "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["4000::/3 and on, not handed out", "4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
];

/** Hosts of the public network, and what lies next to the blocks above. */
const PUBLIC = [
  ...["1.0.0.0", "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"],
  ...["126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0"],
  ...["191.255.255.255", "192.0.1.0", "192.0.3.0", "192.31.195.255", "192.31.197.0", "192.88.98.255", "192.88.100.0"],
  ...["192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0"],
  ...["203.0.112.255", "203.0.114.0", "223.255.255.255"],
  ...["2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::", "2003::", "2606:4700:4700::1111"],
  ...[
    "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff",
    "2620:4f:8001::",
    "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "3fff:1000::",
  ],
];

/** What isn't an address in its plain form: a URL's parser turns some into one, nothing else may pass. */
const MALFORMED = [
  ...["", "localhost", "0x7f.1", "0x8.8.8.8", "134744072", "010.8.8.8", "8.8.8", "8.8.8.8.", " 8.8.8.8", "8.8.8.8:80"],
  ...["[2606:4700::1111]", "2606:4700::1111%eth0", "fe80::1%1", "2606:4700::1111/64", "1::2::3"],
];

describe("public addresses", () => {
  for (const [block, first, last] of SPECIAL) {
    it(`refuses ${block}`, () => {
      expect(isPublicAddress(first), first).to.equal(false);
      expect(isPublicAddress(last), last).to.equal(false);
    });
  }

  it("takes hosts of the public network, up to the edges of what it refuses", () => {
    for (const address of PUBLIC) expect(isPublicAddress(address), address).to.equal(true);
  });

  it("refuses what isn't an address in its plain form", () => {
    for (const text of MALFORMED) expect(isPublicAddress(text), text).to.equal(false);
  });
});
