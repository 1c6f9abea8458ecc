/** The version of this package, for messages. `npm version` writes it. It is a constant, since a bundle has no package.json. */
export const VERSION = "0.1.0"
