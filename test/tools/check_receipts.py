#!/usr/bin/env python3
"""Checks receipts, parts, vouchers and their test vectors, after docs/receipts.md alone and with Python's own library alone."""

import argparse
import json
import math
import sys
from decimal import Decimal
from pathlib import Path

# Keccak

ROUND_CONSTANTS = [
    0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000, 0x000000000000808B, 0x0000000080000001,
    0x8000000080008081, 0x8000000000008009, 0x000000000000008A, 0x0000000000000088, 0x0000000080008009, 0x000000008000000A,
    0x000000008000808B, 0x800000000000008B, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
    0x000000000000800A, 0x800000008000000A, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
]
MASK = (1 << 64) - 1
RATE = 136


def rotation_offsets():
    offsets = [0] * 25
    x, y = 1, 0
    for t in range(24):
        offsets[x + 5 * y] = (t + 1) * (t + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return offsets


OFFSETS = rotation_offsets()
# Of rho and pi: from which lane each one comes, and how far it is turned.
MOVES = [((x + 3 * y) % 5 + 5 * x, OFFSETS[(x + 3 * y) % 5 + 5 * x]) for y in range(5) for x in range(5)]


def permute(lanes):
    for constant in ROUND_CONSTANTS:
        column = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        mixed = [
            column[(x - 1) % 5] ^ ((column[(x + 1) % 5] << 1 | column[(x + 1) % 5] >> 63) & MASK) for x in range(5)
        ]
        lanes = [lanes[i] ^ mixed[i % 5] for i in range(25)]
        moved = [(lanes[source] << turn | lanes[source] >> (64 - turn)) & MASK for source, turn in MOVES]
        lanes = [
            moved[i] ^ (~moved[i - i % 5 + (i + 1) % 5] & MASK & moved[i - i % 5 + (i + 2) % 5]) for i in range(25)
        ]
        lanes[0] ^= constant
    return lanes


def keccak(data):
    padding = RATE - len(data) % RATE
    data += b"\x81" if padding == 1 else b"\x01" + bytes(padding - 2) + b"\x80"
    lanes = [0] * 25
    for start in range(0, len(data), RATE):
        for i in range(RATE // 8):
            lanes[i] ^= int.from_bytes(data[start + 8 * i : start + 8 * i + 8], "little")
        lanes = permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


# secp256k1, in Jacobian coordinates

P = 2**256 - 2**32 - 977
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
    1,
)
INFINITY = (0, 1, 0)


def double(point):
    x, y, z = point
    if z == 0:
        return point
    s = 4 * x * y * y % P
    m = 3 * x * x % P
    nx = (m * m - 2 * s) % P
    return nx, (m * (s - nx) - 8 * pow(y, 4, P)) % P, 2 * y * z % P


def add(a, b):
    if a[2] == 0:
        return b
    if b[2] == 0:
        return a
    az2, bz2 = a[2] * a[2] % P, b[2] * b[2] % P
    u, v = a[0] * bz2 % P, b[0] * az2 % P
    s, t = a[1] * bz2 * b[2] % P, b[1] * az2 * a[2] % P
    if u == v:
        return double(a) if s == t else INFINITY
    h, r = (v - u) % P, (t - s) % P
    h2 = h * h % P
    h3, uh2 = h * h2 % P, u * h2 % P
    x = (r * r - h3 - 2 * uh2) % P
    return x, (r * (uh2 - x) - s * h3) % P, h * a[2] * b[2] % P


def times(scalar, point):
    result = INFINITY
    for bit in bin(scalar)[2:]:
        result = double(result)
        if bit == "1":
            result = add(result, point)
    return result


def address_of(point):
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse**2 % P, point[1] * inverse**3 % P
    return keccak(x.to_bytes(32, "big") + y.to_bytes(32, "big"))[12:]


def recover(digest, signature):
    """The signer's address. Refuses every form but r, s, v with v 27 or 28 and s in the lower half."""
    if len(signature) != 65:
        raise ValueError(f"the signature has {len(signature)} bytes, not 65")
    r, s, v = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]
    if v not in (27, 28):
        raise ValueError(f"the signature's v is {v}, not 27 or 28")
    if not 0 < r < ORDER or not 0 < s <= ORDER // 2:
        raise ValueError("the signature's r or s is out of range")
    y = pow(r**3 + 7, (P + 1) // 4, P)
    if y * y % P != (r**3 + 7) % P:
        raise ValueError("the signature is of no key")
    if y % 2 != v - 27:
        y = P - y
    inverse = pow(r, -1, ORDER)
    hashed = int.from_bytes(digest, "big")
    point = add(times(-hashed * inverse % ORDER, G), times(s * inverse % ORDER, (r, y, 1)))
    if point[2] == 0:
        raise ValueError("the signature is of no key")
    return address_of(point)


# Hashing of statements

FIELDS = {
    "Channel": "address payer,uint32 operatorId,address voucherKey,uint24 opening",
    "Funding": "address payer,uint32 operatorId,address voucherKey,uint24 opening,uint96 totalDeposited,uint256 deadline",
    "Voucher": "address payer,uint32 operatorId,uint24 opening,uint96 cumulativeAmount",
    "Receipt": "uint32 operatorId,address payer,bytes32 channelId,uint64 sequence,string model,string servedModel,"
    "bytes32 requestHash,bytes32 responseRoot,uint32 partCount,uint64 inputUnits,uint64 outputUnits,uint128 price,"
    "uint128 cumulativeOwed,uint40 issuedAt",
    "Part": "uint32 operatorId,bytes32 channelId,uint64 sequence,uint32 index,bytes32 runningHash,uint40 issuedAt",
}
DOMAINS = {"Channel": "VoucherEscrow", "Funding": "VoucherEscrow", "Voucher": "VoucherEscrow"}
DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


def fields_of(name):
    return [tuple(field.split(" ")) for field in FIELDS[name].split(",")]


def word(value):
    return value.to_bytes(32, "big")


def field_word(kind, value):
    if kind == "string":
        return keccak(value.encode("utf-8"))
    if kind == "bytes32":
        return value
    if kind == "address":
        return bytes(12) + value
    bits = int(kind[4:])
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{value} is no {kind}")
    return word(value)


def struct_hash(name, values):
    encoded = b"".join(field_word(kind, values[field]) for kind, field in fields_of(name))
    return keccak(keccak(f"{name}({FIELDS[name]})".encode()) + encoded)


def domain_separator(name, chain_id, contract):
    title = f"OpenGradient {DOMAINS.get(name, 'ReceiptLog')}".encode()
    return keccak(keccak(DOMAIN_TYPE) + keccak(title) + keccak(b"1") + word(chain_id) + bytes(12) + contract)


def digest_of(name, values, separator):
    return keccak(b"\x19\x01" + separator + struct_hash(name, values))


# Requests, answers, batches


def number_text(value):
    """A number as ECMAScript writes it."""
    if isinstance(value, int):
        value = float(value)
    if not math.isfinite(value):
        raise ValueError(f"{value} is no JSON number")
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text, point = "".join(map(str, digits)), len(digits) + exponent
    minus = "-" if sign else ""
    if len(text) <= point <= 21:
        return minus + text + "0" * (point - len(text))
    if 0 < point <= 21:
        return f"{minus}{text[:point]}.{text[point:]}"
    if -6 < point <= 0:
        return f"{minus}0.{'0' * -point}{text}"
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    return f"{minus}{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def canonical(value):
    """RFC 8785."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, str):
        value.encode("utf-8")  # refuses lone surrogates
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
    return "{" + ",".join(f"{canonical(key)}:{canonical(value[key])}" for key in keys) + "}"


def request_text(route, body):
    return canonical({"body": body, "route": route})


def part_hash(salt, index, data):
    return keccak(salt + index.to_bytes(4, "big") + data)


def node(a, b):
    return keccak(min(a, b) + max(a, b))


def tree_root(leaves):
    while len(leaves) > 1:
        pairs = [leaves[i : i + 2] for i in range(0, len(leaves), 2)]
        leaves = [node(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return leaves[0]


def proof_root(leaf, proof):
    for sibling in proof:
        leaf = node(leaf, sibling)
    return leaf


def batch_word(previous, root, count, data_hash, anchored_at):
    return keccak(word(previous) + root + word(count) + data_hash)[:27] + anchored_at.to_bytes(5, "big")


def pack(voucher, signature):
    vs = bytearray(signature[32:64])
    vs[0] |= (signature[64] - 27) << 7
    return (
        voucher["payer"]
        + voucher["opening"].to_bytes(3, "big")
        + voucher["cumulativeAmount"].to_bytes(12, "big")
        + signature[:32]
        + bytes(vs)
    )


def unpack(packed):
    if len(packed) != 99:
        raise ValueError(f"a voucher has 99 bytes, not {len(packed)}")
    vs = bytearray(packed[67:99])
    v = 27 + (vs[0] >> 7)
    vs[0] &= 0x7F
    voucher = {
        "payer": packed[:20],
        "opening": int.from_bytes(packed[20:23], "big"),
        "cumulativeAmount": int.from_bytes(packed[23:35], "big"),
    }
    return voucher, packed[35:67] + bytes(vs) + bytes([v])


# Vectors


def raw(text):
    return bytes.fromhex(text[2:])


def words_of(text):
    data = raw(text)
    return [data[i : i + 32] for i in range(0, len(data), 32)]


def statement(name, case):
    kinds = {"address": raw, "bytes32": raw, "string": str}
    return {field: kinds.get(kind, int)(case[field]) for kind, field in fields_of(name)}


def shown(value):
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def key_address(case):
    return address_of(times(int(case["privateKey"], 16), G))


def statement_columns(name, contract, identity):
    """What a file of one kind of statement says of a case: column, and what it must be."""

    def columns(case):
        values = statement(name, case)
        separator = domain_separator(name, int(case["chainId"]), raw(case[contract]))
        digest = digest_of(name, values, separator)
        yield "domainSeparator", separator
        yield "structHash", struct_hash(name, values)
        if identity is not None:
            yield identity, digest
        if name == "Receipt":
            yield "modelHash", keccak(values["model"].encode("utf-8"))
            yield "servedModelHash", keccak(values["servedModel"].encode("utf-8"))
        if "signature" in case:
            signer = recover(digest, raw(case["signature"]))
            yield "payer" if name == "Funding" else "signer", signer
            yield "payer" if name == "Funding" else "signer", key_address(case)
        if name == "Voucher":
            packed = pack(values, raw(case["signature"]))
            yield "packed", packed
            unpacked, signature = unpack(packed)
            yield "signature", signature
            for field in unpacked:
                yield field, unpacked[field]

    inputs = {field for _, field in fields_of(name)} | {"chainId", contract, "privateKey", "privateKeys", "signature"}
    return columns, inputs


def voucher_batch_columns(case):
    separator = domain_separator("Voucher", int(case["chainId"]), raw(case["vouchers"]))
    yield "domainSeparator", separator
    packed = raw(case["packed"])
    vouchers = [unpack(packed[i : i + 99]) for i in range(0, len(packed), 99)]
    digests = [digest_of("Voucher", {**voucher, "operatorId": int(case["operatorId"])}, separator) for voucher, _ in vouchers]
    yield "count", len(vouchers)
    yield "digests", b"".join(digests)
    signers = (recover(digest, signature) for digest, (_, signature) in zip(digests, vouchers))
    yield "signers", b"".join(bytes(12) + signer for signer in signers)
    yield "payers", b"".join(bytes(12) + voucher["payer"] for voucher, _ in vouchers)
    yield "openings", b"".join(word(voucher["opening"]) for voucher, _ in vouchers)
    yield "amounts", b"".join(word(voucher["cumulativeAmount"]) for voucher, _ in vouchers)
    yield "packed", b"".join(pack(voucher, signature) for voucher, signature in vouchers)


def request_columns(case):
    text = request_text(case["route"], json.loads(case["body"])).encode("utf-8")
    yield "text", text
    yield "requestHash", keccak(raw(case["salt"]) + text)


def running_columns(case):
    parts, count, index = words_of(case["partHashes"]), int(case["partCount"]), int(case["index"])
    yield "partCount", len(parts)
    running = [raw(case["requestHash"])]
    for part in parts:
        running.append(keccak(running[-1] + part))
    yield "runningHashes", b"".join(running[1:])
    yield "responseRoot", running[-1]
    links = words_of(case["links"])
    followed = running[-1]
    for previous, part in zip(links[::2], links[1::2]):
        if keccak(previous + part) != followed:
            raise ValueError("a link doesn't lead to the hash after it")
        followed = previous
    yield "links", b"".join(running[i] + parts[i] for i in range(count - 1, index, -1))
    if followed != running[index + 1]:
        raise ValueError("the links don't lead back to the index")
    yield "partHashes", b"".join(
        part_hash(raw(case["salt"]), i, raw(case["bytes"])) if i == index else part for i, part in enumerate(parts)
    )


def batch_columns(case):
    ids = words_of(case["receiptIds"])
    leaves = [keccak(each) for each in ids]
    data = b"".join(leaves)
    previous, time = int(case["previousWord"]), int(case["anchoredAt"])
    yield "count", len(ids)
    yield "data", data
    yield "dataHash", keccak(data)
    yield "root", tree_root(leaves)
    yield "receiptId", ids[int(case["index"])]
    yield "root", proof_root(leaves[int(case["index"])], words_of(case["proof"]))
    wanted = batch_word(previous, raw(case["root"]), int(case["count"]), raw(case["dataHash"]), time)
    yield "word", int.from_bytes(wanted, "big")
    wanted = batch_word(previous, raw(case["anyRoot"]), int(case["anyCount"]), raw(case["anyDataHash"]), time)
    yield "anyWord", int.from_bytes(wanted, "big")


BATCH_INPUTS = {"receiptIds", "index", "number", "previousWord", "anchoredAt", "proof", "anyRoot", "anyCount", "anyDataHash"}
FILES = {
    "channel": statement_columns("Channel", "vouchers", "channelId"),
    "funding": statement_columns("Funding", "vouchers", None),
    "voucher": statement_columns("Voucher", "vouchers", "digest"),
    "receipt": statement_columns("Receipt", "receipts", "receiptId"),
    "part": statement_columns("Part", "receipts", "partId"),
    "voucherBatch": (voucher_batch_columns, {"chainId", "vouchers", "operatorId"}),
    "requestHash": (request_columns, {"salt", "route", "body"}),
    "runningHash": (running_columns, {"salt", "requestHash", "index", "bytes"}),
    "batch": (batch_columns, BATCH_INPUTS),
}


def same(got, wanted):
    if isinstance(wanted, bytes):
        return raw(got) == wanted
    return int(got, 16 if got.startswith("0x") else 10) == wanted


def check_file(name, table):
    columns, inputs = FILES[name]
    cases = max(len(column) for column in table.values() if isinstance(column, list))
    compared, checked, wrong = 0, set(), []
    for index in range(cases):
        case = {key: column[index] if isinstance(column, list) else column for key, column in table.items()}
        try:
            for key, wanted in columns(case):
                compared += 1
                checked.add(key)
                if not same(case[key], wanted):
                    wrong.append(f"{name}, case {index}, {key}: got {case[key]}, wanted {shown(wanted)}")
        except ValueError as error:
            wrong.append(f"{name}, case {index}: {error}")
    for key in set(table) - checked - inputs:
        wrong.append(f"{name}: don't know how to check column {key}")
    print(f"{name}: {cases} cases, {compared} comparisons")
    return compared, wrong


def check_vectors(folder):
    total, wrong = 0, []
    for name in FILES:
        compared, differ = check_file(name, json.loads((Path(folder) / f"{name}.json").read_text("utf-8")))
        total += compared
        wrong += differ
    print(*wrong[:10], f"{total} comparisons, {len(wrong)} differ", sep="\n")
    return 1 if wrong else 0


# One statement


def check_statement(source):
    text = sys.stdin.read() if source == "-" else Path(source).read_text("utf-8")
    outer = json.loads(text)
    name = next((each for each in ("Receipt", "Part", "Voucher") if each.lower() in outer), None)
    if name is None:
        raise ValueError("there is no receipt, part or voucher in it")
    values = statement(name, outer[name.lower()])
    separator = domain_separator(name, outer["chainId"], raw(outer["verifyingContract"]))
    digest = digest_of(name, values, separator)
    print(f"{name.lower()} {shown(digest)}")
    print(f"signed by {shown(recover(digest, raw(outer['signature'])))}")
    if "inclusion" not in outer:
        return 0
    inclusion = outer["inclusion"]
    leads = proof_root(keccak(digest), [raw(each) for each in inclusion["proof"]]) == raw(inclusion["root"])
    print(f"inclusion {'leads' if leads else 'does not lead'} to root {inclusion['root']}")
    return 0 if leads else 1


KNOWN = [
    (keccak(b"").hex(), "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
    (keccak(b"abc").hex(), "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
    (address_of(G).hex(), "7e5f4552091a69125d5dfcb7b8c2659029395bdf"),
    (canonical([333333333.33333329, 1e30, 4.50, 2e-3, 1e-27]), "[333333333.3333333,1e+30,4.5,0.002,1e-27]"),
    (canonical([9007199254740993, -0.0, 1e21, 1e20, 1e-7]), "[9007199254740992,0,1e+21,100000000000000000000,1e-7]"),
    (canonical({"\u20ac": 1, "\r": 2, "\U0001f600": 3, "\ufb33": 4}), '{"\\r":2,"\u20ac":1,"\U0001f600":3,"\ufb33":4}'),
]


def self_test():
    wrong = [f"got {got}, wanted {wanted}" for got, wanted in KNOWN if got != wanted]
    print(*wrong, f"{len(KNOWN)} known answers, {len(wrong)} differ", sep="\n")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("vectors", help="recompute all test vectors").add_argument("folder")
    commands.add_parser("receipt", help="say who signed a receipt, part or voucher").add_argument("file")
    commands.add_parser("selftest", help="known answers of Keccak, secp256k1 and RFC 8785")
    options = parser.parse_args()
    try:
        if options.command == "vectors":
            return check_vectors(options.folder)
        return self_test() if options.command == "selftest" else check_statement(options.file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"check_receipts: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
