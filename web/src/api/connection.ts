import { create } from 'zustand'

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000
/** A server that was back for less has not recovered: the pauses go on growing. */
const RECOVERED_MS = 30_000

interface Connection {
  /** The server does not answer, or says of itself that it cannot. */
  away: boolean
  /** When it is asked next, by this machine's clock in ms; undefined while it is being asked. */
  nextAt: number | undefined
}

export const useConnection = create<Connection>(() => ({ away: false, nextAt: undefined }))

export interface Server {
  /** Whether it is back. */
  ask: () => Promise<boolean>
  /** It is back: what failed meanwhile is worth another try. */
  back: () => void
}

let server: Server | undefined
let pause = FIRST_PAUSE_MS
let backAt = -RECOVERED_MS
let timer: ReturnType<typeof setTimeout> | undefined

/** Says how the server is asked, once at the start. */
export function watchServer(how: Server) {
  server = how
}

/** A request has found the server away: it is asked again and again until it is back. */
export function noteAway(now = Date.now()) {
  if (useConnection.getState().away || !server) return
  if (now - backAt > RECOVERED_MS) pause = FIRST_PAUSE_MS
  useConnection.setState({ away: true })
  schedule()
}

/** Asks at once: the person, or the machine's network, has a reason to think that it is worth it. */
export function askNow() {
  if (!useConnection.getState().away) return
  clearTimeout(timer)
  void ask()
}

function schedule() {
  // Not all browsers at the same moment.
  const wait = pause * (0.75 + Math.random() / 4)
  pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
  useConnection.setState({ nextAt: Date.now() + wait })
  timer = setTimeout(() => void ask(), wait)
}

async function ask() {
  useConnection.setState({ nextAt: undefined })
  const answered = await server?.ask().catch(() => false)
  if (!answered) {
    schedule()
    return
  }
  backAt = Date.now()
  useConnection.setState({ away: false })
  server?.back()
}
