import handlers from "../../../support/pool/handlers.ts"
import "./program.ts"

export default handlers
