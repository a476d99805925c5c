// Biome does the linting. These two rules need the types of packages too, which Biome doesn't see: it passes
// over a forgotten `await` in front of `client.getBlockNumber()` or `readFile()`.
import plugin from "@typescript-eslint/eslint-plugin";
import parser from "@typescript-eslint/parser";

export default [
  { ignores: ["artifacts/", "cache/", "coverage/", "out/", "types/"] },
  {
    files: ["**/*.ts"],
    languageOptions: { parser, parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    plugins: { "@typescript-eslint": plugin },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
    },
  },
];
