import { defineConfig } from "oxlint"

const relative = (path: string) => `^\\.{1,2}/(?:\\.\\./)*${path}$`

/** No file of src imports these. */
const everywhere = [
  {
    regex: "^(?:effect|@effect/platform-node)$",
    message: "Import the module, namespaced: `import * as Effect from \"effect/Effect\"`."
  },
  { regex: "^papyros(?:/|$)", message: "Inside src, import by relative path." },
  { regex: relative("index\\.ts"), message: "The barrel is for users: import the module itself." }
]

export default defineConfig({
  plugins: ["eslint", "typescript", "unicorn", "oxc", "import"],
  jsPlugins: ["./scripts/oxlint-plugin.ts"],
  categories: { correctness: "error" },
  env: { builtin: true, node: true },
  ignorePatterns: ["dist", "coverage"],
  rules: {
    "eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
    "eslint/no-var": "error",
    "eslint/prefer-const": "error",
    // A generator that yields nothing is a plain Effect.gen.
    "eslint/require-yield": "off",
    // Knows nothing of types; the type check does it.
    "import/namespace": "off",
    "import/no-cycle": ["error", { ignoreTypes: false }],
    "import/no-duplicates": "error",
    "import/no-self-import": "error",
    "typescript/consistent-type-imports": "error",
    "typescript/no-import-type-side-effects": "error",
    "typescript/no-non-null-asserted-optional-chain": "error"
  },
  overrides: [
    {
      files: ["src/**"],
      rules: {
        "eslint/max-lines": ["error", { max: 350, skipBlankLines: true, skipComments: true }],
        "eslint/no-console": "error",
        "papyros/no-wall-clock": "error",
        "papyros/rooms": "error",
        "typescript/no-restricted-imports": ["error", { patterns: everywhere }]
      }
    },
    {
      files: ["src/index.ts"],
      rules: {
        "typescript/no-restricted-imports": ["error", {
          patterns: [...everywhere, {
            regex: relative("layers/(Remote|Cluster)Dispatcher\\.ts"),
            message: "The barrel holds the light modules only."
          }]
        }]
      }
    },
    { files: ["src/cli/**", "src/bin.ts"], rules: { "eslint/no-console": "off" } }
  ]
})
