import type { Address, Hex } from "viem";
import type { ContractCall } from "../chain/contractCall.ts";
import type { Database, Row } from "./database.ts";

/** A signed transaction and what became of it. */
export type OutboxEntry = {
  /** What it is for, unique for this operator: `commit 0x…`. */
  purpose: string;
  call: ContractCall;
  sender: Address;
  nonce: number;
  hash: Hex;
  /** Serialized and signed, as it is sent again and again until it is mined. */
  signed: Hex;
  /** Hashes of what was sent for it under the same nonce before, for less. */
  replaced: readonly Hex[];
} & ({ status: "pending" } | { status: "mined" | "reverted"; blockNumber: bigint });

export type NewEntry = Omit<Extract<OutboxEntry, { status: "pending" }>, "status">;

export type Outbox = {
  find(purpose: string): Promise<OutboxEntry | undefined>;
  /** Writes a transaction down before it is sent. It takes the place of the one of the same purpose. */
  write(entry: NewEntry): Promise<void>;
  /** @param hash of whichever was mined */
  conclude(hash: Hex, status: "mined" | "reverted", blockNumber: bigint): Promise<void>;
  /** Of this sender, by nonce. */
  pending(sender: Address): Promise<OutboxEntry[]>;
};

const COLUMNS = "purpose, name, recipient, data, sender, nonce, hash, signed, replaced, status, block_number";

/** The table of transactions. */
export function createOutbox({ query }: Database): Outbox {
  return {
    async find(purpose) {
      const [row] = await query(`select ${COLUMNS} from transactions where purpose = $1`, [purpose]);
      return row && toEntry(row);
    },
    async write({ purpose, call, sender, nonce, hash, signed, replaced }) {
      await query(
        `insert into transactions (${COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending', null)
         on conflict (purpose) do update set nonce = excluded.nonce, hash = excluded.hash, signed = excluded.signed,
           name = excluded.name, recipient = excluded.recipient, data = excluded.data, sender = excluded.sender,
           replaced = excluded.replaced, status = 'pending', block_number = null
         where transactions.status <> 'mined'`,
        [purpose, call.name, call.to, call.data, sender, nonce, hash, signed, replaced],
      );
    },
    async conclude(hash, status, blockNumber) {
      await query(
        "update transactions set hash = $1, status = $2, block_number = $3 where hash = $1 or $1 = any(replaced)",
        [hash, status, blockNumber],
      );
    },
    async pending(sender) {
      const rows = await query(
        `select ${COLUMNS} from transactions where status = 'pending' and sender = $1 order by nonce`,
        [sender],
      );
      return rows.map(toEntry);
    },
  };
}

function toEntry(row: Row): OutboxEntry {
  const entry = {
    purpose: row.purpose as string,
    call: { name: row.name as string, to: row.recipient as Address, data: row.data as Hex },
    sender: row.sender as Address,
    nonce: Number(row.nonce),
    hash: row.hash as Hex,
    signed: row.signed as Hex,
    replaced: row.replaced as Hex[],
  };
  if (row.status === "pending") return { ...entry, status: "pending" };
  return { ...entry, status: row.status as "mined" | "reverted", blockNumber: row.block_number as bigint };
}
