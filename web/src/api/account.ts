import { api, guest } from '../session/session'

export interface Registration {
  email: string
  username: string
  password: string
  name?: string
}

export const register = (form: Registration) => guest.post('/auth/register', form)
export const resendVerification = (email: string) => guest.post('/auth/resend-verification', { email })
export const verifyEmail = (token: string) => guest.post('/auth/verify-email', { token })
export const forgotPassword = (email: string) => guest.post('/auth/forgot-password', { email })
export const resetPassword = (token: string, password: string) =>
  guest.post('/auth/reset-password', { token, new_password: password })
export const confirmEmail = (token: string) => api.post('/auth/confirm-email', { token })
export const acceptCreatorTerms = (version: string) => api.post('/users/me/creator-terms', { version })
