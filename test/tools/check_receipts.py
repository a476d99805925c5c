#!/usr/bin/env python3
"""Checks receipts, parts and vouchers, and the test vectors of how they are hashed, with Python's standard library alone."""
import argparse
import hashlib
import json
import math
import re
import struct
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NoReturn

class Refused(Exception):
    """Malformed input; the message is one line for the reader."""

def refuse(message: str) -> NoReturn:
    raise Refused(message)

# ---- Keccak: lane (x, y) is at x + 5y

ROUND_CONSTANTS = (
    0x1, 0x8082, 0x800000000000808A, 0x8000000080008000, 0x808B, 0x80000001, 0x8000000080008081, 0x8000000000008009,
    0x8A, 0x88, 0x80008009, 0x8000000A, 0x8000808B, 0x800000000000008B, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x800A, 0x800000008000000A, 0x8000000080008081, 0x8000000000008080, 0x80000001, 0x8000000080008008)
ROTATIONS = (0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14)
MOVES = [(lane, lane % 5, ROTATIONS[lane]) for lane in ((x + 3 * y) % 5 + 5 * x for y in range(5) for x in range(5))]
MASK = (1 << 64) - 1

def permute(a: list[int]) -> list[int]:
    for constant in ROUND_CONSTANTS:
        c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        d = [c[x - 1] ^ (c[x - 4] << 1 & MASK | c[x - 4] >> 63) for x in range(5)]
        b = [((v := a[lane] ^ d[x]) << r | v >> 64 - r) & MASK for lane, x, r in MOVES]
        a = []
        for at in range(0, 25, 5):
            p, q, r, s, t = b[at:at + 5]
            a += p ^ ~q & r, q ^ ~r & s, r ^ ~s & t, s ^ ~t & p, t ^ ~p & q
        a[0] ^= constant
    return a

def sponge(data: bytes, padding: int) -> bytes:
    padded = bytearray(data + bytes([padding]) + bytes(135 - len(data) % 136))
    padded[-1] |= 0x80
    state = [0] * 25
    for block in struct.iter_unpack("<17Q", padded):
        state = permute([lane ^ new for lane, new in zip(state, block)] + state[17:])
    return struct.pack("<4Q", *state[:4])

@lru_cache(maxsize=None)
def keccak256(data: bytes) -> bytes:
    return sponge(data, 0x01)

# ---- Values and their texts

class Address(bytes):
    def __str__(self) -> str:
        """With the checksum of EIP-55."""
        digits = self.hex()
        return "0x" + "".join(c.upper() if h > "7" else c for c, h in zip(digits, keccak256(digits.encode()).hex()))

def text_of(value: int | bytes) -> str:
    return str(value) if isinstance(value, int | Address) else "0x" + value.hex()

def word(value: int | bytes) -> bytes:
    return value.to_bytes(32, "big") if isinstance(value, int) else value.rjust(32, b"\0")

def number(data: bytes) -> int:
    return int.from_bytes(data, "big")

def split(data: bytes, size: int) -> list[bytes]:
    return [data[at:at + size] for at in range(0, len(data), size)]

def utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        refuse("a string has a lone surrogate")

def parse(name: str, kind: str, value: Any) -> Any:
    """A value of an EIP-712 type (or of `bytes`) from its text."""
    form, digits = re.fullmatch(r"([a-z]+)([0-9]*)", kind).groups()
    size = int(digits or 0)
    if not isinstance(value, str):
        refuse(f"{name} is not a string")
    if form == "string":
        utf8(value)
        return value
    if form == "uint" and re.fullmatch(r"0|[1-9][0-9]{0,77}", value) and not int(value) >> size:
        return int(value)
    if form == "bytes" and re.fullmatch(r"0x([0-9a-f]{2})*", value) and (not size or len(value) == 2 + 2 * size):
        return bytes.fromhex(value[2:])
    if form == "address" and re.fullmatch(r"0x[0-9a-fA-F]{40}", value):
        address = Address.fromhex(value[2:])
        return address if value in (value.lower(), str(address)) else refuse(f"{name} has a wrong checksum")
    refuse(f"{name} is not of the form of {kind}")

# ---- secp256k1: points as (x, y, z), which is (x / z^2, y / z^3), with z = 0 at infinity

Point = tuple[int, int, int]
P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
     0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8, 1)
INFINITY = (1, 1, 0)

def double(point: Point) -> Point:
    x, y, z = point
    yy, e = y * y % P, 3 * x * x % P
    d = 4 * x * yy % P
    x3 = (e * e - 2 * d) % P
    return x3, (e * (d - x3) - 8 * yy * yy) % P, 2 * y * z % P

def add(p: Point, q: Point) -> Point:
    (x1, y1, z1), (x2, y2, z2) = p, q
    if not z1 or not z2:
        return p if z1 else q
    zz1, zz2 = z1 * z1 % P, z2 * z2 % P
    u, s = x1 * zz2 % P, y1 * zz2 * z2 % P
    h, r = (x2 * zz1 - u) % P, (y2 * zz1 * z1 - s) % P
    if not h:
        return INFINITY if r else double(p)
    hh, v = h * h % P, u * h * h % P
    x3 = (r * r - h * hh - 2 * v) % P
    return x3, (r * (v - x3) - s * h * hh) % P, h * z1 * z2 % P

@lru_cache(maxsize=16)
def multiples(point: Point) -> list[Point]:
    result = [INFINITY]
    for _ in range(15):
        result.append(add(result[-1], point))
    return result

def combine(*terms: tuple[Point, int]) -> Point:
    """The sum of each point times its number, four bits at a time."""
    tables, result = [multiples(point) for point, _ in terms], INFINITY
    for digits in zip(*(f"{factor:064x}" for _, factor in terms)):
        result = double(double(double(double(result))))
        for table, digit in zip(tables, digits):
            result = add(result, table[int(digit, 16)])
    return result

def address_of_point(point: Point) -> Address:
    inverse = pow(point[2], -1, P)
    return Address(keccak256(word(point[0] * inverse**2 % P) + word(point[1] * inverse**3 % P))[12:])

def address_of_key(key: bytes) -> Address:
    return address_of_point(combine((G, number(key)))) if 0 < number(key) < N else refuse("the private key is out of range")

def recover(digest: bytes, signature: bytes) -> Address:
    r, s, v = number(signature[:32]), number(signature[32:64]), signature[64]
    if v not in (27, 28) or not 0 < r < N or not 0 < s <= N // 2:
        refuse("signature has r, s or v out of range")
    square, inverse = (r**3 + 7) % P, pow(r, -1, N)
    y = pow(square, (P + 1) // 4, P)
    point = combine((G, -number(digest) * inverse % N), ((r, y if y % 2 == v - 27 else P - y, 1), s * inverse % N))
    return address_of_point(point) if y * y % P == square and point[2] else refuse("signature is of no key")

# ---- EIP-712

ESCROW, LOG = "OpenGradient VoucherEscrow", "OpenGradient ReceiptLog"
DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
TYPES = {line.partition("(")[0].lower(): line for line in """\
Channel(address payer,uint32 operatorId,address voucherKey,uint24 opening)
Funding(address payer,uint32 operatorId,address voucherKey,uint24 opening,uint96 totalDeposited,uint256 deadline)
Voucher(address payer,uint32 operatorId,uint24 opening,uint96 cumulativeAmount)
Receipt(uint32 operatorId,address payer,bytes32 channelId,uint64 sequence,string model,string servedModel,bytes32 requestHash,\
bytes32 responseRoot,uint32 partCount,uint64 inputUnits,uint64 outputUnits,uint128 price,uint128 cumulativeOwed,uint40 issuedAt)
Part(uint32 operatorId,bytes32 channelId,uint64 sequence,uint32 index,bytes32 runningHash,uint40 issuedAt)""".split("\n")}

def kinds_of(type_text: str) -> dict[str, str]:
    return {name: kind for kind, name in (field.split(" ") for field in type_text.partition("(")[2].rstrip(")").split(","))}

def struct_hash(type_text: str, values: dict[str, Any]) -> bytes:
    fields = (values[name] for name in kinds_of(type_text))
    words = (keccak256(utf8(value)) if isinstance(value, str) else word(value) for value in fields)
    return keccak256(keccak256(type_text.encode()) + b"".join(words))

def domain_separator(name: str, chain_id: int, contract: Address) -> bytes:
    return struct_hash(DOMAIN_TYPE, {"name": name, "version": "1", "chainId": chain_id, "verifyingContract": contract})

def digest_of(domain: bytes, struct: bytes) -> bytes:
    return keccak256(b"\x19\x01" + domain + struct)

# ---- JSON and RFC 8785

def load_json(data: bytes | str, parse_number: Callable[[str], Any]) -> Any:
    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return dict(pairs) if len(dict(pairs)) == len(pairs) else refuse("JSON has a key twice")
    try:
        return json.loads(data if isinstance(data, str) else data.decode(), parse_int=parse_number, parse_float=parse_number,
                          object_pairs_hook=members, parse_constant=lambda name: refuse(f"JSON has {name}"))
    except (ValueError, RecursionError) as error:
        refuse(f"not JSON: {error}")

def load_body(text: str) -> Any:
    return load_json(text, float)

def load_document(data: bytes) -> Any:
    return load_json(data, lambda text: int(text) if re.fullmatch(r"0|[1-9][0-9]{0,14}", text)
                     else refuse(f"{text[:30]} is not a number of up to 48 bits, written plainly"))

def canonical_number(value: float) -> str:
    if not math.isfinite(value):
        refuse("JSON has a number that is not finite")
    if value == 0:
        return "0"
    parts = Decimal(repr(value)).normalize().as_tuple()
    digits, sign = "".join(map(str, parts.digits)), "-" * parts.sign
    point = len(digits) + int(parts.exponent)
    if len(digits) <= point <= 21:
        return sign + digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    return f"{sign}{digits[0]}{'.' * (len(digits) > 1)}{digits[1:]}e{point - 1:+d}"

def canonical(value: Any) -> str:
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{canonical(key)}:{canonical(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float):
        return canonical_number(value)
    return utf8(json.dumps(value, ensure_ascii=False)).decode()

# ---- Vouchers in bytes, running hashes, batches

def pack(payer: bytes, opening: int, amount: int, signature: bytes) -> bytes:
    vs = number(signature[32:64]) | (signature[64] - 27) << 255
    return payer + opening.to_bytes(3, "big") + amount.to_bytes(12, "big") + signature[:32] + word(vs)

def unpack(packed: bytes) -> tuple[Address, int, int, bytes]:
    """Payer, opening, amount and signature."""
    vs = number(packed[67:])
    signature = packed[35:67] + word(vs & (1 << 255) - 1) + bytes([27 + (vs >> 255)])
    return Address(packed[:20]), number(packed[20:23]), number(packed[23:35]), signature

def follow_back(running: bytes, links: list[bytes]) -> bytes:
    for link in links:
        running = link[:32] if keccak256(link) == running else refuse("links: one does not lead back")
    return running

def node(children: list[bytes]) -> bytes:
    return keccak256(b"".join(sorted(children))) if len(children) == 2 else children[0]

def merkle_rows(leaves: list[bytes]) -> list[list[bytes]]:
    rows = [leaves]
    while len(rows[-1]) > 1:
        rows.append([node(rows[-1][at:at + 2]) for at in range(0, len(rows[-1]), 2)])
    return rows

def merkle_proof(rows: list[list[bytes]], index: int) -> list[bytes]:
    """The siblings from the leaf upwards, none where a node goes up as it is."""
    return [row[index >> up ^ 1] for up, row in enumerate(rows) if index >> up ^ 1 < len(row)]

def climb(receipt_id: bytes, proof: list[bytes]) -> bytes:
    at = keccak256(receipt_id)
    for sibling in proof:
        at = node([at, sibling])
    return at

def word_start(previous: int | bytes, root: bytes, count: int, data_hash: bytes) -> bytes:
    return keccak256(word(previous) + root + word(count) + data_hash)[:27]

# ---- Test vectors

class Case:
    """One case: columns read as inputs, or compared with what was computed."""
    def __init__(self, values: dict[str, Any]) -> None:
        self.values, self.comparisons = values, 0
        self.touched: set[str] = set()
        self.differing: list[str] = []

    def read(self, kind: str, column: str) -> Any:
        self.touched.add(column)
        return parse(column, kind, self.values.get(column))

    def split(self, column: str, size: int) -> list[bytes]:
        parts = split(self.read("bytes", column), size)
        return parts if all(len(part) == size for part in parts) else refuse(f"{column} is not of {size} bytes each")

    def domain(self, contract: str) -> bytes:
        name = ESCROW if contract == "vouchers" else LOG
        return domain_separator(name, self.read("uint256", "chainId"), self.read("address", contract))

    def expect(self, column: str, computed: int | bytes) -> None:
        self.touched.add(column)
        self.comparisons += 1
        if (got := text_of(computed)) != (wanted := self.values.get(column)):
            self.differing.append(f"{column}, got {got}, wanted {wanted}")

def check_struct(case: Case, name: str, contract: str, id_column: str | None, signer: str | None) -> None:
    values = {field: case.read(kind, field) for field, kind in kinds_of(TYPES[name]).items()}
    struct = struct_hash(TYPES[name], values)
    digest = digest_of(case.domain(contract), struct)
    case.expect("structHash", struct)
    if id_column:
        case.expect(id_column, digest)
    if signer:
        case.expect(signer, address_of_key(case.read("bytes32", "privateKey")))
        case.expect(signer, recover(digest, case.read("bytes65", "signature")))
    if name == "receipt":
        case.expect("modelHash", keccak256(utf8(values["model"])))
        case.expect("servedModelHash", keccak256(utf8(values["servedModel"])))
    if name == "voucher":
        columns = "payer", "opening", "cumulativeAmount", "signature"
        case.expect("packed", pack(*(values.get(column, case.read("bytes65", "signature")) for column in columns)))
        for column, value in zip(columns, unpack(case.read("bytes99", "packed"))):
            case.expect(column, value)

def check_voucher_batch(case: Case) -> None:
    vouchers, operator, domain = case.split("packed", 99), case.read("uint32", "operatorId"), case.domain("vouchers")
    payers, openings, amounts, signatures = ([unpack(voucher)[at] for voucher in vouchers] for at in range(4))
    digests = [digest_of(domain, struct_hash(TYPES["voucher"], dict(zip(kinds_of(TYPES["voucher"]), fields))))
               for fields in zip(payers, [operator] * len(vouchers), openings, amounts)]
    case.expect("count", len(vouchers))
    for column, values in (("digests", digests), ("signers", map(recover, digests, signatures)),
                           ("payers", payers), ("openings", openings), ("amounts", amounts)):
        case.expect(column, b"".join(map(word, values)))
    given = zip(case.split("payers", 32), case.split("openings", 32), case.split("amounts", 32), signatures)
    case.expect("packed", b"".join(pack(payer[12:], number(opening), number(amount), signature) for payer, opening, amount, signature in given))

def check_request_hash(case: Case) -> None:
    text = utf8(canonical({"body": load_body(case.read("string", "body")), "route": case.read("string", "route")}))
    case.expect("text", text)
    case.expect("requestHash", keccak256(case.read("bytes32", "salt") + text))

def check_running_hash(case: Case) -> None:
    """Only the part at `index` is given in bytes; the others' hashes are inputs."""
    index, parts = case.read("uint32", "index"), case.split("partHashes", 32)
    parts[index] = keccak256(case.read("bytes32", "salt") + index.to_bytes(4, "big") + case.read("bytes", "bytes"))
    running, links = [case.read("bytes32", "requestHash")], []
    for part in parts:
        links.append(running[-1] + part)
        running.append(keccak256(links[-1]))
    case.expect("partCount", len(parts))
    case.expect("partHashes", b"".join(parts))
    case.expect("runningHashes", b"".join(running[1:]))
    case.expect("responseRoot", running[-1])
    case.expect("links", b"".join(reversed(links[index + 1:])))
    running[index + 1] = follow_back(case.read("bytes32", "responseRoot"), case.split("links", 64))
    case.expect("runningHashes", b"".join(running[1:]))

def check_batch(case: Case) -> None:
    ids, index, _ = case.split("receiptIds", 32), case.read("uint32", "index"), case.read("uint48", "number")
    previous, anchored_at = case.read("uint256", "previousWord"), case.read("uint40", "anchoredAt").to_bytes(5, "big")
    rows = merkle_rows([keccak256(receipt_id) for receipt_id in ids])
    data, root = b"".join(rows[0]), rows[-1][0]
    case.expect("count", len(ids))
    case.expect("data", data)
    case.expect("dataHash", keccak256(data))
    case.expect("root", root)
    case.expect("receiptId", ids[index])
    case.expect("proof", b"".join(merkle_proof(rows, index)))
    case.expect("root", climb(case.read("bytes32", "receiptId"), case.split("proof", 32)))
    case.expect("word", number(word_start(previous, root, len(ids), keccak256(data)) + anchored_at))
    other = case.read("bytes32", "anyRoot"), case.read("uint32", "anyCount"), case.read("bytes32", "anyDataHash")
    case.expect("anyWord", number(word_start(previous, *other) + anchored_at))

CHECKS: dict[str, Callable[[Case], None]] = {
    "channel": partial(check_struct, name="channel", contract="vouchers", id_column="channelId", signer=None),
    "funding": partial(check_struct, name="funding", contract="vouchers", id_column=None, signer="payer"),
    "voucher": partial(check_struct, name="voucher", contract="vouchers", id_column="digest", signer="signer"),
    "receipt": partial(check_struct, name="receipt", contract="receipts", id_column="receiptId", signer="signer"),
    "part": partial(check_struct, name="part", contract="receipts", id_column="partId", signer="signer"),
    "voucherBatch": check_voucher_batch, "requestHash": check_request_hash, "runningHash": check_running_hash, "batch": check_batch}

def check_file(path: Path) -> tuple[int, int, list[str]]:
    """How many cases and comparisons, and what differs. A column that is a string, not an array, is the same in all cases."""
    name, columns = path.stem, load_document(path.read_bytes())
    if not isinstance(columns, dict) or not all(isinstance(column, str | list) for column in columns.values()):
        refuse(f"{name}: not columns")
    same, each = ({column: value for column, value in columns.items() if isinstance(value, form)} for form in (str, list))
    if len({len(values) for values in each.values()}) != 1:
        refuse(f"{name}: columns of different lengths")
    runs = [(f"case {i}", Case(same | dict(zip(each, values))), CHECKS[name]) for i, values in enumerate(zip(*each.values()))]
    cases = len(runs)
    for contract in same.keys() & {"vouchers", "receipts"}:
        runs.insert(0, ("all cases", Case(same), lambda case: case.expect("domainSeparator", case.domain(contract))))
    for _, case, check in runs:
        try:
            check(case)
        except (Refused, IndexError, OverflowError) as error:
            case.differing.append(str(error))
    # privateKeys only says that the keys are for tests.
    for column in sorted(columns.keys() - {"privateKeys"} - set().union(*(case.touched for _, case, _ in runs))):
        refuse(f"{name}: don't know how to check column {column}")
    return cases, sum(case.comparisons for _, case, _ in runs), [f"{name}, {at}, {text}" for at, case, _ in runs for text in case.differing]

def check_vectors(folder: Path) -> int:
    for name in sorted(CHECKS.keys() - {path.stem for path in folder.glob("*.json")}):
        refuse(f"{name}.json is missing")
    total, differing = 0, []
    with ProcessPoolExecutor() as pool:
        for name, result in zip(CHECKS, pool.map(check_file, [folder / f"{name}.json" for name in CHECKS])):
            print(f"{name}: {result[0]} cases, {result[1]} comparisons", flush=True)
            total += result[1]
            differing += result[2]
    print(*differing[:10], f"{total} comparisons, {len(differing)} differ", sep="\n")
    return 1 if differing else 0

# ---- Receipts, parts and vouchers as JSON

INCLUSION = {"number": "uint48", "previousWord": "bytes32", "root": "bytes32", "count": "uint32", "dataHash": "bytes32", "proof": "any"}

def parse_field(name: str, kind: str, value: Any) -> Any:
    """As `parse`, but numbers of up to 48 bits are JSON numbers."""
    if kind == "any":
        return value
    if kind.startswith("uint") and int(kind[4:]) <= 48:
        return value if type(value) is int and not value >> int(kind[4:]) else refuse(f"{name} is no number of up to {kind[4:]} bits")
    return parse(name, kind, value)

def parse_object(name: str, kinds: dict[str, str], value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        refuse(f"{name} is not an object")
    for field in sorted(value.keys() ^ kinds.keys()):
        refuse(f"{name} has no field {field}" if field in kinds else f"{name} has an unknown field {field!a}")
    return {field: parse_field(f"{name}.{field}", kind, value[field]) for field, kind in kinds.items()}

def check_document(document: Any) -> int:
    names = [name for name in ("receipt", "part", "voucher") if isinstance(document, dict) and name in document]
    if len(names) != 1:
        refuse("not an object with one of receipt, part and voucher")
    name, kinds = names[0], {"chainId": "uint48", "verifyingContract": "address", names[0]: "any", "signature": "bytes65"}
    included = name == "receipt" and "inclusion" in document
    outer = parse_object("document", kinds | ({"inclusion": "any"} if included else {}), document)
    domain = domain_separator(ESCROW if name == "voucher" else LOG, outer["chainId"], outer["verifyingContract"])
    digest = digest_of(domain, struct_hash(TYPES[name], parse_object(name, kinds_of(TYPES[name]), outer[name])))
    lines, right = [f"{name} {text_of(digest)}", f"signed by {recover(digest, outer['signature'])}"], True
    if included:
        inclusion = parse_object("inclusion", INCLUSION, outer["inclusion"])
        if not isinstance(inclusion["proof"], list):
            refuse("inclusion.proof is not an array")
        proof = [parse("inclusion.proof", "bytes32", sibling) for sibling in inclusion["proof"]]
        right = climb(digest, proof) == inclusion["root"]
        start = word_start(*(inclusion[field] for field in ("previousWord", "root", "count", "dataHash")))
        lines += [f"inclusion {'leads' if right else 'does not lead'} to the root {text_of(inclusion['root'])}",
                  f"the word of batch {inclusion['number']} begins with {text_of(start)}"]
    print(*lines, sep="\n")
    return 0 if right else 1

# ---- Known answers: FIPS 202 through hashlib, EIP-55, EIP-712 and RFC 8785 with their examples

NUMBERS = """0000000000000000 0 8000000000000000 0 0000000000000001 5e-324 8000000000000001 -5e-324 7fefffffffffffff 1.7976931348623157e+308
ffefffffffffffff -1.7976931348623157e+308 4340000000000000 9007199254740992 c340000000000000 -9007199254740992
4430000000000000 295147905179352830000 44b52d02c7e14af5 9.999999999999997e+22 44b52d02c7e14af6 1e+23
44b52d02c7e14af7 1.0000000000000001e+23 444b1ae4d6e2ef4e 999999999999999700000 444b1ae4d6e2ef4f 999999999999999900000
444b1ae4d6e2ef50 1e+21 3eb0c6f7a0b5ed8c 9.999999999999997e-7 3eb0c6f7a0b5ed8d 0.000001 41b3de4355555553 333333333.3333332
41b3de4355555554 333333333.33333325 41b3de4355555555 333333333.3333333 41b3de4355555556 333333333.3333334
41b3de4355555557 333333333.33333343 becbf647612f3696 -0.0000033333333333333333 43143ff3c1cb0959 1424953923781206.2""".split()
VALUES = (r'{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],'
          r'"string":"\u20ac$\u000F\u000aA\u0027\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}')
CANONICAL_VALUES = (r'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
                    '"string":"\u20ac' r'$\u000f\nA' r"'" r'B\"\\\\\"/"}')
KEYS = "\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"

def is_refused(function: Callable[..., Any], *arguments: Any) -> bool:
    try:
        function(*arguments)
    except Refused:
        return True
    return False

def known_answers() -> Iterator[tuple[str, Any, Any]]:
    """What, got and wanted."""
    yield "Keccak-256 of nothing", keccak256(b"").hex(), "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    yield "Keccak-256 of abc", keccak256(b"abc").hex(), "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
    for length in range(300):
        yield f"SHA3-256 of {length} bytes", sponge(b"\xa3" * length, 0x06), hashlib.sha3_256(b"\xa3" * length).digest()
    cow = "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"
    for key, address in ((word(1), "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"), (keccak256(b"cow"), cow)):
        yield f"address of {address}'s key", str(address_of_key(key)), address
    yield "infinity", (combine((G, N))[2], combine((G, 1), (G, N - 1))[2]), (0, 0)
    mail = bytes.fromhex("c52c0ee5d84264471806290a3f2c4cecfc5490626bf912d01f240d7a274b371e")
    digest = digest_of(domain_separator("Ether Mail", 1, Address(b"\xcc" * 20)), mail)
    yield "EIP-712 digest", digest.hex(), "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2"
    r = bytes.fromhex("4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d")
    s = bytes.fromhex("07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b91562")
    yield "EIP-712 signer", str(recover(digest, r + s + b"\x1c")), cow
    yield "high s refused", is_refused(recover, digest, r + word(N - number(s)) + b"\x1b"), True
    yield "wrong checksum refused", is_refused(parse, "address", "address", cow.replace("CD2a", "Cd2a")), True
    for bits, text in zip(NUMBERS[::2], NUMBERS[1::2]):
        yield f"RFC 8785 number {bits}", canonical_number(struct.unpack(">d", bytes.fromhex(bits))[0]), text
    yield "RFC 8785 values", canonical(load_body(VALUES)), CANONICAL_VALUES
    yield "RFC 8785 order", list(load_body(canonical(dict.fromkeys(KEYS)))), [KEYS[i] for i in (1, 3, 5, 6, 0, 4, 2)]
    yield "RFC 8785 controls", canonical("\0\b\t\n\v\f\r\x1f\x7f"), r'"\u0000\b\t\n\u000b\f\r\u001f' '\x7f"'
    for text in ("NaN", "-Infinity", "1e400", r'"\ud800"', r'{"\udc00":1}', '{"a":1,"a":1}'):
        yield f"RFC 8785 refuses {text}", is_refused(lambda text: canonical(load_body(text)), text), True

def selftest() -> int:
    results = [(what, got == wanted) for what, got, wanted in known_answers()]
    wrong = [f"{what} is wrong" for what, right in results if not right]
    print(*wrong, f"{len(results)} known answers, {len(wrong)} differ", sep="\n")
    return 1 if wrong else 0

def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("vectors", help="recompute every test vector of a folder").add_argument("folder", type=Path)
    commands.add_parser("receipt", help="check a receipt, a part or a voucher").add_argument("file", help="its JSON, or - for stdin")
    commands.add_parser("selftest", help="check the hashing, the signatures and the JSON against published answers")
    arguments = parser.parse_args()
    try:
        if arguments.command == "vectors":
            return check_vectors(arguments.folder)
        if arguments.command == "selftest":
            return selftest()
        return check_document(load_document(sys.stdin.buffer.read() if arguments.file == "-" else Path(arguments.file).read_bytes()))
    except (Refused, OSError, RecursionError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1

if __name__ == "__main__":
    sys.exit(main())
