import { type PGlite, protocol, types } from "@electric-sql/pglite";

export type Row = Record<string, unknown>;

/** What a parameter may be. */
export type Value = string | number | bigint | null;

type Message = { name: string };
type RowDescription = Message & { fields: readonly { name: string; dataTypeID: number }[] };
type DataRow = Message & { fields: readonly (string | null)[] };

const { serialize } = protocol;
/** Runs what was bound, and commits it. */
const RUN = Buffer.concat([serialize.execute(), serialize.sync()]);

/**
 * A statement that Postgres parses and plans at its first use; from then on a use is one message of its extended protocol
 * (bind, execute, sync). PGlite's own `query` sends five, and plans each time.
 * @param name no other statement of this database has
 * @param parsers of types that aren't read as PGlite reads them
 * @returns runs it at once: nothing else may be under way
 */
export function prepareStatement(
  pglite: PGlite,
  { name, sql, parsers }: { name: string; sql: string; parsers: Record<number, (text: string) => unknown> },
): (parameters: readonly Value[]) => Row[] {
  let columns: RowDescription["fields"] | undefined;

  function prepare(): RowDescription["fields"] {
    const parse = serialize.parse({ name, text: sql });
    const describe = serialize.describe({ type: "S", name });
    const answers = send(pglite, Buffer.concat([parse, describe, serialize.sync()]));
    return answers.find((answer): answer is RowDescription => answer.name === "rowDescription")?.fields ?? [];
  }

  return (parameters) => {
    columns ??= prepare();
    const described = columns;
    const toRow = ({ fields }: DataRow) =>
      described.map((column, at) => [column.name, types.parseType(fields[at] ?? null, column.dataTypeID, parsers)]);
    return send(pglite, bindAndRun(name, parameters))
      .filter((answer): answer is DataRow => answer.name === "dataRow")
      .map((row) => Object.fromEntries(toRow(row)) as Row);
  };
}

/**
 * Postgres' message Bind, and those that follow it, in a fraction of the library's time.
 * See https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-BIND
 */
function bindAndRun(name: string, parameters: readonly Value[]): Buffer {
  const values = parameters.map((value) => (value === null ? undefined : Buffer.from(String(value))));
  const valueBytes = values.reduce((sum, value) => sum + 4 + (value?.length ?? 0), 0);
  // Length, portal (none), statement, formats (none: text), values, formats of what is answered (none: text).
  const length = 4 + 1 + (Buffer.byteLength(name) + 1) + 2 + (2 + valueBytes) + 2;
  const message = Buffer.alloc(1 + length + RUN.length);
  let at = message.write("B");
  at = message.writeInt32BE(length, at) + 1;
  at += message.write(name, at) + 1 + 2;
  at = message.writeInt16BE(values.length, at);
  for (const value of values) {
    at = message.writeInt32BE(value?.length ?? -1, at);
    at += value?.copy(message, at) ?? 0;
  }
  message.set(RUN, at + 2);
  return message;
}

function send(pglite: PGlite, messages: Uint8Array): Message[] {
  const answers: Message[] = [];
  new protocol.Parser().parse(pglite.execProtocolRawSync(messages), (message) => void answers.push(message));
  const error = answers.find((message) => message instanceof Error);
  if (error !== undefined) throw error;
  return answers;
}
