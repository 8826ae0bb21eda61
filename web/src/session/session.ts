import axios from 'axios'
import { authenticate, createClient } from '../api/client'
import { describe } from '../api/failure'
import type { Envelope, Me, TokenPair } from '../api/types'
import type { PasskeyAnswer } from '../features/account/passkey'
import { language } from '../i18n/language'
import { useSession } from './store'
import { Tokens } from './tokens'

const BASE = '/api/v1'
/** Tells a later visit that asking for a session is worth it. Says nothing else. */
const HINT = 'nano.session'

/** For what needs no session, and for what makes one. */
export const guest = createClient(BASE, language)
/** For everything else. */
export const api = createClient(BASE, language)

async function exchange() {
  // The answer carries the next refresh cookie: it must arrive even when the page is being left.
  const options = { adapter: 'fetch', fetchOptions: { keepalive: true } }
  const answer = await guest.post<Envelope<TokenPair>>('/auth/refresh-token', undefined, options)
  return answer.data.data
}

export const tokens = new Tokens({
  exchange,
  refused: (error) => axios.isAxiosError(error) && [401, 403].includes(error.response?.status ?? 0),
  exclusively: async (work) =>
    // Absent outside of secure contexts.
    'locks' in navigator ? await navigator.locks.request('nano.refresh', work) : await work(),
  lost: forget,
  now: () => Date.now(),
})

authenticate(api, tokens)
api.interceptors.response.use(undefined, (error: unknown) => {
  if (describe(error).code === 'SECOND_FACTOR_SETUP_REQUIRED')
    useSession.setState({ lacksSecondFactor: true })
  throw error
})

function leave() {
  useSession.setState({ phase: 'anonymous', me: undefined, lacksSecondFactor: false })
}

function forget() {
  localStorage.removeItem(HINT)
  leave()
}

async function load() {
  const answer = await api.get<Envelope<Me>>('/auth/me')
  useSession.setState({ phase: 'signed-in', me: answer.data.data })
}

/** Takes up the session of an earlier visit, if there is one. */
export function restore() {
  if (!localStorage.getItem(HINT)) return
  tokens.resume()
  useSession.setState({ phase: 'restoring', me: undefined })
  load().catch(() => {
    // The server is away, or the session over: a guest for now. The hint stays in the first case.
    if (useSession.getState().phase === 'restoring') {
      tokens.clear()
      leave()
    }
  })
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
  localStorage.setItem(HINT, '1')
  await load()
}

export async function signOut() {
  try {
    await api.post('/auth/logout')
  } finally {
    tokens.clear()
    forget()
  }
}

/** Reads the signed-in person again, after something about them changed. */
export const reload = load

/** Signing in or out in another tab counts here, too. */
export function followOtherTabs() {
  addEventListener('storage', (event) => {
    if (event.key !== HINT) return
    if (event.newValue) restore()
    else {
      tokens.clear()
      leave()
    }
  })
}
