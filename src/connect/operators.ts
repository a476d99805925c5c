import type { Chain } from "../chain/clients.ts";
import { pause } from "../chain/pause.ts";
import { standingBondOf } from "../chain/receiptLog.ts";
import type { FetchUri } from "../fetch/fetchUri.ts";
import type { Route } from "../protocol/route.ts";
import { type Offer, parseOffers } from "./offers.ts";

/** Where an operator's gateway is. */
export type GatewayPlace = { operatorId: number; url: string };

/** An operator whose gateway answers, or has at the look before. */
export type Operator = GatewayPlace & {
  /** Standing bond, OPG base units. */
  bond: bigint;
  offers: ReadonlyMap<string, Offer>;
};

export type Operators = {
  list(): readonly Operator[];
  /** Where an operator's gateway is, whether it answers or not. */
  urlOf(operatorId: number): string | undefined;
  /** Operators with the model, and their offers of it; looks anew, at most once in a while, when there is none. */
  offering(model: string, route: Route): Promise<{ operator: Operator; offer: Offer }[]>;
  refresh(): Promise<void>;
  stop(): Promise<void>;
};

export type OperatorsOptions = {
  chain: Chain;
  fetchUri: FetchUri;
  /** All gateways there are, the newest place of each operator. */
  places: () => Promise<readonly GatewayPlace[]>;
  /** Those with a smaller standing bond are left alone, OPG base units. */
  minBond: bigint;
  refreshMs: number;
  /** A look at a gateway, or at the chain, that failed. */
  onError: (error: unknown) => void;
};

const MAX_LIST_BYTES = 1024 * 1024;
/** Not looked at anew sooner than this after the last look. */
const LEAST_REFRESH_MS = 1_000;

/** Keeps the list of operators fresh until it is stopped. */
export function createOperators(options: OperatorsOptions): Operators {
  const { places, refreshMs, onError } = options;
  const stopping = new AbortController();
  let urls = new Map<number, string>();
  let found: readonly Operator[] = [];
  /** Those whose last look failed: what was known of them stands once more, and no longer. */
  let missed: ReadonlySet<number> = new Set();
  let underWay: Promise<void> | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;

  async function look(): Promise<void> {
    const known = await places();
    urls = new Map(known.map(({ operatorId, url }) => [operatorId, url]));
    const before = found;
    const missedNow = new Set<number>();
    const looked = known.map(async (place): Promise<Operator | undefined> => {
      try {
        return await lookAt(options, place, stopping.signal);
      } catch (error) {
        if (!stopping.signal.aborted) onError(error);
        missedNow.add(place.operatorId);
        if (missed.has(place.operatorId)) return undefined;
        return before.find(({ operatorId, url }) => operatorId === place.operatorId && url === place.url);
      }
    });
    found = (await Promise.all(looked)).filter((operator) => operator !== undefined);
    missed = missedNow;
    lookedAt = performance.now();
  }

  function refresh(): Promise<void> {
    underWay ??= look().finally(() => {
      underWay = undefined;
    });
    return underWay;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await pause(refreshMs, stopping.signal);
      if (!stopping.signal.aborted) await refresh().catch(onError);
    }
  }

  function matching(model: string, route: Route): { operator: Operator; offer: Offer }[] {
    return found.flatMap((operator) => {
      const offer = operator.offers.get(model);
      return offer?.routes.includes(route) ? [{ operator, offer }] : [];
    });
  }

  const running = run();
  return {
    list: () => found,
    urlOf: (operatorId) => urls.get(operatorId),
    refresh,
    async offering(model, route) {
      const known = matching(model, route);
      if (known.length > 0 || performance.now() - lookedAt < LEAST_REFRESH_MS) return known;
      await refresh().catch(onError);
      return matching(model, route);
    },
    async stop() {
      stopping.abort(new Error("the local end stops"));
      await running;
      await underWay?.catch(() => {});
    },
  };
}

/** @returns undefined when the operator's bond is too small */
async function lookAt(
  { chain, fetchUri, minBond }: OperatorsOptions,
  { operatorId, url }: GatewayPlace,
  signal: AbortSignal,
): Promise<Operator | undefined> {
  const bond = await standingBondOf(chain, operatorId);
  if (bond < minBond) return undefined;
  const bytes = await fetchUri(`${url}/v1/models`, { maxBytes: MAX_LIST_BYTES, signal });
  return { operatorId, url, bond, offers: parseOffers(JSON.parse(new TextDecoder().decode(bytes))) };
}
