import { authenticate, createClient, type Client } from '../api/client'
import { noteAway } from '../api/connection'
import { describe, isAway, isUnanswered } from '../api/failure'
import { RequestError } from '../api/request-error'
import type { Envelope, Me, TokenPair } from '../api/types'
import { forgetDrafts } from '../drafts/drafts'
import type { PasskeyAnswer } from '../features/account/passkey'
import { language } from '../i18n/language'
import { useSession } from './store'
import { Tokens } from './tokens'

const BASE = '/api/v1'
/** Tells a later visit, and other tabs, that asking for a session is worth it. Says nothing else. */
const HINT = 'nano.session'

/** What cannot be read for want of a server is told to everybody who waits for it. */
const observed = (client: Client) =>
  client.with(async (request, send) => {
    try {
      return await send(request)
    } catch (error) {
      // A refusal to change something may be about that alone; no answer at all is not.
      if (isAway(error) && (request.method === 'GET' || isUnanswered(error))) noteAway()
      if (describe(error).code === 'SECOND_FACTOR_SETUP_REQUIRED')
        useSession.setState({ lacksSecondFactor: true })
      throw error
    }
  })

/** For what needs no session, and for what makes one. */
export const guest = observed(createClient(BASE, language))

async function exchange() {
  try {
    // The answer carries the next refresh cookie: it must arrive even when the page is being left.
    const answer = await guest.post<Envelope<TokenPair>>('/auth/refresh-token', undefined, {
      keepalive: true,
    })
    return answer.data.data
  } catch (error) {
    if (isAway(error)) noteAway()
    throw error
  }
}

export const tokens = new Tokens({
  exchange,
  refused: (error) => error instanceof RequestError && [401, 403].includes(error.status ?? 0),
  exclusively: async (work) =>
    // Absent outside of secure contexts.
    'locks' in navigator ? await navigator.locks.request('nano.refresh', work) : await work(),
  lost,
  now: () => Date.now(),
})

/** For everything else. */
export const api = authenticate(guest, tokens, signedInAgain)

/** What was just done ends the session, and the person knows. */
let expected = false

/** The session is over. Whoever is in the middle of something is asked to sign in again, over the page as it is. */
function lost() {
  if (useSession.getState().phase === 'signed-in' && !expected) useSession.setState({ ended: true })
  else forget()
}

/** Resolves once it is known whether a session that ended goes on. */
function signedInAgain(): Promise<boolean> {
  const { ended, phase } = useSession.getState()
  if (!ended) return Promise.resolve(phase === 'signed-in')
  return new Promise((resolve) => {
    const stop = useSession.subscribe((now) => {
      if (now.ended) return
      stop()
      resolve(now.phase === 'signed-in')
    })
  })
}

function leave() {
  useSession.setState({ phase: 'anonymous', me: undefined, ended: false, lacksSecondFactor: false })
}

/** The session is over, and stays so: what was asked for meanwhile is read as a guest. */
export function forget() {
  tokens.clear()
  localStorage.removeItem(HINT)
  leave()
}

async function load(quiet = false) {
  const answer = await api.get<Envelope<Me>>('/auth/me', { quiet })
  useSession.setState({ phase: 'signed-in', me: answer.data.data, ended: false })
}

/**
 * Takes up the session of an earlier visit, if there is one. While the server is away it stays unknown whether it still
 * is one; see `resume`.
 */
export function restore() {
  if (!localStorage.getItem(HINT)) return
  tokens.resume()
  if (useSession.getState().phase === 'anonymous') useSession.setState({ phase: 'restoring', me: undefined })
  void resume()
}

/** Asks what an earlier attempt left unknown. */
export async function resume() {
  if (useSession.getState().phase !== 'restoring') return
  try {
    await load(true)
  } catch (error) {
    // Waits for the server; everything else means a guest for now.
    if (isAway(error)) noteAway()
    else if (useSession.getState().phase === 'restoring') {
      tokens.clear()
      leave()
    }
  }
}

/** What somebody signs in with; of the second factor where the account has one. */
export interface Credentials {
  email: string
  password: string
  code?: string
  passkey?: PasskeyAnswer
}

export const signIn = (credentials: Credentials) => openSession('/auth/login', credentials)

/** It says whose it is. */
export const signInWithPasskey = (passkey: PasskeyAnswer) => openSession('/auth/passkeys/login', passkey)

async function openSession(path: string, form: Credentials | PasskeyAnswer) {
  const answer = await guest.post<Envelope<TokenPair>>(path, { ...form, cookie: true })
  tokens.set(answer.data.data)
  // Another value each time, so that other tabs hear of it.
  localStorage.setItem(HINT, String(Date.now()))
  await load(true)
}

export async function signOut() {
  forgetDrafts()
  try {
    await api.post('/auth/logout', undefined, { quiet: true })
  } finally {
    forget()
  }
}

/** Reads the signed-in person again, after something about them changed. */
export const reload = () => load()

/** The same where what was just done may have ended the session: then without asking to sign in again. */
export async function look() {
  if (useSession.getState().phase === 'anonymous') return
  expected = true
  try {
    await load(true)
  } catch {
    // Told by the phase.
  } finally {
    expected = false
  }
}

/** Signing in or out in another tab counts here, too. */
export function followOtherTabs() {
  addEventListener('storage', (event) => {
    if (event.key !== HINT) return
    if (!event.newValue) {
      tokens.clear()
      leave()
    } else if (useSession.getState().phase === 'signed-in') {
      tokens.resume()
      void load(true).catch(() => {})
    } else restore()
  })
}
