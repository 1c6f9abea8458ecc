// Its threads end by themselves, whether they work or not.
setTimeout(() => process.exit(1), 100)

export { default } from "../../../support/pool/handlers.ts"
