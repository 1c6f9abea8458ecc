/** The handlers of all modules of the benchmark `real`, for one thread. */
import * as Layer from "effect/Layer"
import bytes from "../../benchmark/real/workload/handlers/bytes.ts"
import csv from "../../benchmark/real/workload/handlers/csv.ts"
import images from "../../benchmark/real/workload/handlers/images.ts"
import json from "../../benchmark/real/workload/handlers/json.ts"
import markdown from "../../benchmark/real/workload/handlers/markdown.ts"
import tables from "../../benchmark/real/workload/handlers/tables.ts"
import typescript from "../../benchmark/real/workload/handlers/typescript.ts"

export default Layer.mergeAll(bytes, csv, images, json, markdown, tables, typescript)
