import type { ConfigHooks } from "hardhat/types/hooks";

/**
 * Hardhat compiles files together that share one compiler configuration, told apart by identity, and makes a copy of it
 * for each override. Every override of a profile is the same here, so they are made one again: the tests are then
 * compiled in one go instead of file by file, each time with all they import.
 */
export default async (): Promise<Partial<ConfigHooks>> => ({
  async resolveUserConfig(userConfig, resolveConfigurationVariable, next) {
    const config = await next(userConfig, resolveConfigurationVariable);
    for (const { overrides } of Object.values(config.solidity.profiles)) {
      const [shared] = Object.values(overrides);
      if (shared) for (const file of Object.keys(overrides)) overrides[file] = shared;
    }
    return config;
  },
});
