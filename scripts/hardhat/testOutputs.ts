import type { SolidityHooks } from "hardhat/types/hooks";

/**
 * Tests are compiled without the optimizer, and the contracts they import need it: without, their stacks are too deep.
 * Nothing uses the contracts' code from that compilation (tests deploy the artifacts of the other one), so only the
 * tests' own is generated, which takes less time too.
 */
export default async (): Promise<Partial<SolidityHooks>> => ({
  async preprocessSolcInputBeforeBuilding(context, solcInput, next) {
    const input = await next(context, solcInput);
    const tests = Object.keys(input.sources).filter((source) => source.startsWith("project/test/"));
    if (!tests.some((source) => source.endsWith(".t.sol"))) return input;
    const wanted = input.settings.outputSelection["*"] ?? {};
    const outputSelection = Object.fromEntries(tests.map((source) => [source, wanted]));
    return { ...input, settings: { ...input.settings, outputSelection } };
  },
});
