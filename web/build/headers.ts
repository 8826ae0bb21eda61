import { readFileSync } from 'node:fs'
import type { Plugin } from 'vite'

/** The site's own headers on what `vite preview` serves, as everywhere else; see `security-headers`. */
export function securityHeaders(storage: string): Plugin {
  const lines = readFileSync(new URL('../security-headers', import.meta.url), 'utf8').split('\n')
  const headers = lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [name = '', ...words] = line.split(' ')
      return [name, words.join(' ').replaceAll('"', '').replaceAll('{$STORAGE_ORIGIN}', storage)] as const
    })
  return {
    name: 'nano:security-headers',
    configurePreviewServer(server) {
      server.middlewares.use((request, response, next) => {
        // The API's answers have headers of their own.
        if (!/^\/(api|docs|health)\b/.test(request.url ?? '')) {
          for (const [name, value] of headers) response.setHeader(name, value)
        }
        next()
      })
    },
  }
}
