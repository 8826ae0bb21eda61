import type { Schemas } from '@nano/api-client'
import { queryOptions } from '@tanstack/react-query'
import type { Envelope } from '../../api/types'
import { api, guest } from '../../session/session'
import { showPasskey, type Challenge, type PasskeyAnswer } from './passkey'

export type Session = Schemas['Session']
export type Token = Schemas['TokenView']
export type MadeToken = Schemas['MadeToken']
export type Scope = Token['scopes'][number]
export type AuthenticatorSecret = Schemas['AuthenticatorSecret']
export type SecondFactorState = Schemas['SecondFactorState']
export type Passkey = Schemas['PasskeyView']
export type AddedPasskey = Schemas['AddedPasskey']
export type Profile = Schemas['Profile']
export type ProfileEdit = Schemas['EditProfile']
export type Consent = Schemas['ConsentState']

const data = async <T>(answer: Promise<{ data: Envelope<T> }>): Promise<T> => (await answer).data.data

export type Registration = Pick<Schemas['Registration'], 'email' | 'username' | 'password' | 'name'>

export const register = (form: Registration) => guest.post('/auth/register', form)
export const resendVerification = (email: string) => guest.post('/auth/resend-verification', { email })
export const verifyEmail = (token: string) => guest.post('/auth/verify-email', { token })
export const forgotPassword = (email: string) => guest.post('/auth/forgot-password', { email })
export const resetPassword = (token: string, password: string) =>
  guest.post('/auth/reset-password', { token, new_password: password })
export const acceptCreatorTerms = (version: string) => api.post('/users/me/creator-terms', { version })

/** Shows that it is really you; one of the others where there is a second factor. */
export interface Proof {
  password: string
  code?: string
  passkey?: PasskeyAnswer
}

export const changePassword = (current: string, next: string) =>
  api.post('/auth/change-password', { current_password: current, new_password: next })
export const changeEmail = (email: string, proof: Proof) =>
  api.post('/auth/change-email', { email, ...proof })
export const confirmEmail = (token: string) => api.post('/auth/confirm-email', { token })

export const secondFactor = queryOptions({
  queryKey: ['second-factor'],
  queryFn: () => data(api.get<Envelope<SecondFactorState>>('/auth/2fa')),
})
export const setUpSecondFactor = (proof: Proof) =>
  data(api.post<Envelope<AuthenticatorSecret>>('/auth/2fa/setup', proof))
/** Both answer with recovery codes. */
export const enableSecondFactor = async (code: string) =>
  (await data(api.post<Envelope<Schemas['RecoveryCodes']>>('/auth/2fa/enable', { code }))).recovery_codes
export const renewRecoveryCodes = async (proof: Proof) =>
  (await data(api.post<Envelope<Schemas['RecoveryCodes']>>('/auth/2fa/recovery-codes', proof))).recovery_codes
export const disableSecondFactor = (proof: Proof) => api.post('/auth/2fa/disable', proof)

export const passkeys = queryOptions({
  queryKey: ['passkeys'],
  queryFn: () => data(api.get<Envelope<Passkey[]>>('/auth/passkeys')),
})
/** Has the person answer a new challenge with a passkey. */
export const passkeyAnswer = async () =>
  showPasskey(await data(guest.post<Envelope<Challenge>>('/auth/passkeys/challenge')))
export const beginPasskey = (proof: Proof) =>
  data(api.post<Envelope<Challenge>>('/auth/passkeys/begin', proof))
export const addPasskey = (passkey: PasskeyAnswer & { name: string }) =>
  data(api.post<Envelope<AddedPasskey>>('/auth/passkeys', passkey))
export const renamePasskey = (id: string, name: string) =>
  data(api.patch<Envelope<Passkey>>(`/auth/passkeys/${id}`, { name }))
export const removePasskey = (id: string, proof: Proof) => api.post(`/auth/passkeys/${id}/remove`, proof)

export const profile = (id: string) =>
  queryOptions({
    queryKey: ['profile', id],
    queryFn: () => data(api.get<Envelope<Profile>>(`/users/${id}/profile`)),
    // New words are checked within seconds.
    refetchInterval: ({ state }) => {
      const pending = state.data?.own?.pending
      return pending && !pending.findings ? 3000 : false
    },
  })
export const editProfile = (id: string, edit: ProfileEdit) =>
  data(api.patch<Envelope<Profile>>(`/users/${id}/profile`, edit))

export const consents = queryOptions({
  queryKey: ['consents'],
  queryFn: () => data(api.get<Envelope<Consent[]>>('/users/me/consents')),
})
export const giveConsent = (subject: Consent['subject'], version: string) =>
  api.put(`/users/me/consents/${subject}`, { version })
export const withdrawConsent = (subject: Consent['subject']) => api.delete(`/users/me/consents/${subject}`)

export const sessions = queryOptions({
  queryKey: ['sessions'],
  queryFn: () => data(api.get<Envelope<Session[]>>('/auth/sessions')),
})
export const endSession = (id: string) => api.delete(`/auth/sessions/${id}`)
export const endOtherSessions = () => api.delete('/auth/sessions')

export const tokens = queryOptions({
  queryKey: ['tokens'],
  queryFn: () => data(api.get<Envelope<Token[]>>('/auth/tokens')),
})
export const makeToken = (token: { name: string; scopes: Scope[]; expires_in_days: number }, proof: Proof) =>
  data(api.post<Envelope<MadeToken>>('/auth/tokens', { ...token, ...proof }))
export const revokeToken = (id: string) => api.delete(`/auth/tokens/${id}`)
