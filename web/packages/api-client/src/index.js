import createClient from 'openapi-fetch'

/**
 * @param {import('../types/index').Options} options
 * @returns {import('../types/index').NanoClient}
 */
export function createNanoClient({ accessToken, ...options }) {
  /** @type {import('../types/index').NanoClient} */
  const client = createClient(options)
  client.use({
    async onRequest({ request }) {
      const token = await accessToken?.()
      if (token) request.headers.set('Authorization', `Bearer ${token}`)
      return request
    },
  })
  return client
}
