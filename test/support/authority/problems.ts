import type { Deployed } from "./deployed.ts";
import { OPEN_CALLS } from "./openCalls.ts";
import { changingFunctions, findPrivileges } from "./privileges.ts";
import type { TrustModel } from "./trustModel.ts";

/** Where the tables, what anybody can call and the deployed contracts say different things; none is how it must be. */
export async function classificationProblems(
  network: Deployed,
  { privileged, oneCaller }: TrustModel,
): Promise<string[]> {
  const problems: string[] = [];
  const found = await findPrivileges(network);
  const functions = changingFunctions(network).map(({ id }) => id);

  for (const id of functions) {
    const measured = found.get(id);
    if (measured === undefined) {
      if (privileged.has(id))
        problems.push(`${id} stands in the table of privileged functions, but anybody can call it`);
      else if (!(id in OPEN_CALLS)) problems.push(`nobody has looked at ${id}: anybody can call it`);
      continue;
    }
    const row = privileged.get(id);
    const { role, delay } = measured;
    if (row === undefined) problems.push(`${id} (role ${role}, delay ${delay}) is missing in the table`);
    else if (row.role !== role) problems.push(`${id}: the table says role ${row.role}, the network ${role}`);
    else if (row.delay !== delay) problems.push(`${id}: the table says delay ${row.delay}, the network ${delay}`);
    if (id in OPEN_CALLS) problems.push(`${id} is listed as open to anybody, but needs role ${role}`);
  }
  for (const id of [...privileged.keys(), ...oneCaller.keys(), ...Object.keys(OPEN_CALLS)]) {
    if (!functions.includes(id)) problems.push(`${id} doesn't exist`);
  }
  for (const id of functions) {
    const serves = OPEN_CALLS[id]?.oneCaller === true;
    if (serves !== oneCaller.has(id)) {
      problems.push(`${id} ${serves ? "is missing in" : "stands in"} the table of functions with one caller`);
    }
  }
  return problems;
}
