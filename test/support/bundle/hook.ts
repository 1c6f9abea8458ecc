/** Loads the modules of the bundle in the place of those that it was made from, in a process and its threads. */
import { readFileSync } from "node:fs"
import { registerHooks } from "node:module"

const places = new Map<string, string>(
  Object.entries(JSON.parse(readFileSync(new URL("./places.json", import.meta.url), "utf8")))
)

registerHooks({
  resolve: (specifier, context, next) => {
    const resolved = next(specifier, context)
    const place = places.get(resolved.url)
    return place === undefined ? resolved : { ...resolved, url: new URL(place, import.meta.url).href, format: "module" }
  }
})
