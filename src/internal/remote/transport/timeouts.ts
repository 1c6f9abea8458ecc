/** What both ends of every connection agree on. */

/** How long opening a connection, and the first answer on it, may take, in milliseconds. */
export const CONNECT_TIMEOUT = 5000

/** How long the other side may say nothing, in milliseconds; a client asks every 2 seconds. */
export const HEARTBEAT_TIMEOUT = 8000
