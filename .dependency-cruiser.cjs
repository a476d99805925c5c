const { builtinModules } = require("node:module");

// Imports go one way. What each folder of src/ may import besides itself; a folder that isn't named may import nothing.
const mayImport = {
  protocol: [],
  chain: ["protocol"],
  fetch: ["protocol", "chain"],
  store: ["protocol", "chain"],
  relayer: ["protocol", "chain", "store"],
  inference: ["protocol"],
  sdk: ["protocol", "chain"],
  node: ["protocol", "chain", "fetch", "store", "relayer", "inference"],
  gateway: ["protocol", "chain", "fetch", "store", "relayer", "inference"],
  connect: ["protocol", "chain", "fetch", "store", "relayer", "sdk"],
  cli: ["protocol", "chain", "fetch", "store", "relayer", "inference", "sdk", "node", "gateway", "connect"],
};

const inFolders = (names) => `^src/(${names.join("|")})/`;

const layers = Object.entries(mayImport).map(([folder, below]) => ({
  name: `${folder}-imports-only-below`,
  severity: "error",
  from: { path: inFolders([folder]) },
  to: { path: "^src/", pathNot: inFolders([folder, ...below]) },
}));

module.exports = {
  forbidden: [
    ...layers,
    {
      name: "every-src-folder-has-a-layer",
      comment: "Give a new folder its line in mayImport.",
      severity: "error",
      from: { path: "^src/", pathNot: inFolders(Object.keys(mayImport)) },
      to: { path: "^src/" },
    },
    {
      name: "protocol-runs-in-a-browser",
      severity: "error",
      from: { path: "^src/protocol/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "sdk-runs-in-a-browser",
      severity: "error",
      from: { path: "^src/sdk/index\\.ts$" },
      to: { path: `^(${builtinModules.join("|")})$`, reachable: true },
    },
    {
      name: "src-stands-alone",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(scripts|test|bench|deploy|web|hardhat\\.config)" },
    },
    {
      name: "product-needs-no-tests",
      severity: "error",
      from: { path: "^(scripts|deploy)/" },
      to: { path: "^(test|bench)/" },
    },
    {
      name: "src-uses-installed-dependencies",
      comment: "Whoever installs the package gets dependencies only, not devDependencies.",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg"] },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    { name: "no-unresolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(artifacts|cache|types)/" },
    // Type-only imports tie files together as much as others do.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "types", "default"],
      extensions: [".ts", ".js", ".mjs", ".cjs", ".json", ".d.ts"],
    },
  },
};
