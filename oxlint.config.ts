import { defineConfig, type OxlintOverride } from "oxlint"

interface Layer {
  /** The files of the layer. */
  readonly files: ReadonlyArray<string>
  /** How the path in an import of one of them ends, as a regular expression. */
  readonly path: string
  /** Paths of higher layers that this one may import all the same, and why. */
  readonly except?: string
}

// Lowest first: a layer imports values from itself and from those above it in this list, and types from anywhere.
const layers: ReadonlyArray<Layer> = [
  { files: ["TaskFailure.ts"], path: "TaskFailure\\.ts" },
  { files: ["Dispatcher.ts"], path: "Dispatcher\\.ts" },
  { files: ["Task.ts"], path: "Task\\.ts" },
  { files: ["TaskGroup.ts", "Queue.ts"], path: "(?:TaskGroup|Queue)\\.ts" },
  // `Executor.layer` puts the scheduler under a dispatcher; the scheduler knows only the types of `Executor`.
  { files: ["Executor.ts"], path: "Executor\\.ts", except: "internal/(?:scheduler|runner)\\b.*" },
  { files: ["internal/**"], path: "internal/(?:scheduler|runner)\\b.*" },
  {
    files: ["layers/**", "RemoteWorker.ts"],
    path: "(?:layers/.*|RemoteWorker\\.ts)"
  },
  { files: ["testing/**"], path: "testing/.*" },
  { files: ["cli/**", "bin.ts"], path: "(?:cli/.*|bin\\.ts)" }
]

const relative = (path: string) => `^\\.{1,2}/(?:\\.\\./)*${path}$`

const everywhere = [
  {
    regex: "^(?:effect|@effect/platform-node)$",
    message: "Import the module, namespaced: `import * as Effect from \"effect/Effect\"`."
  },
  { regex: "^papyros(?:/|$)", message: "Inside src, import by relative path." },
  { regex: relative("index\\.ts"), message: "The barrel is for users: import the module itself." }
]

const restrict = (files: ReadonlyArray<string>, patterns: ReadonlyArray<object>): OxlintOverride => ({
  files: files.map((file) => `src/${file}`),
  rules: { "typescript/no-restricted-imports": ["error", { patterns: [...everywhere, ...patterns] }] }
})

const layering = layers.map(({ except, files }, rank) =>
  restrict(files, [
    ...layers.slice(rank + 1).filter(({ path }) => path !== except).map(({ path }) => ({
      regex: relative(path),
      allowTypeImports: true,
      message: "This import points up the layers (oxlint.config.ts). A type import may; a value may not."
    })),
    ...(files.includes("testing/**")
      ? [{ regex: relative("internal/.*"), message: "The laws see a dispatcher as its users do: from outside." }]
      : [])
  ])
)

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
    "import/no-cycle": ["error", { ignoreTypes: true }],
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
        "eslint/no-console": "error",
        "papyros/no-wall-clock": "error"
      }
    },
    { files: ["src/cli/**", "src/bin.ts"], rules: { "eslint/no-console": "off" } },
    restrict(["index.ts"], [
      {
        regex: relative(
          "(?:layers/RemoteDispatcher|RemoteWorker|testing/.*|cli/.*|internal/.*)(?:\\.ts)?"
        ),
        message: "The barrel holds the light modules only."
      }
    ]),
    ...layering
  ]
})
