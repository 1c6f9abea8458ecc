/** The types of the import `#page`, which is `scripts/page.ts` in a clone, and `dist/page.js` in the package. */
export declare const script: string
export declare const style: string
