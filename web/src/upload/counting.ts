import axios from 'axios'
import type { Transport } from '../api/client'

/** Carries a file and tells how much of it was sent, which `fetch` cannot. */
export function counting(onSent: (bytes: number) => void): Transport {
  return async ({ method, url, headers, body, signal }) => {
    const answer = await axios.request<string>({
      method,
      url,
      headers,
      data: body,
      signal,
      adapter: ['xhr', 'http'],
      responseType: 'text',
      // As it came: the client reads it.
      transformResponse: (text: string) => text,
      validateStatus: () => true,
      onUploadProgress: ({ loaded }) => onSent(loaded),
    })
    return { status: answer.status, text: answer.data }
  }
}
