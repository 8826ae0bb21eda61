import { readFileSync } from 'node:fs'
import { expect, it, vi } from 'vitest'
import { SECTIONS } from './features/operations/sections'

// What a page has and Node.js has not.
vi.stubGlobal('localStorage', { getItem: () => null })
vi.stubGlobal('navigator', { languages: ['de'] })
vi.stubGlobal('sessionStorage', { getItem: () => null })

it('the site’s server knows the address of every page, and no others', async () => {
  const caddy = readFileSync(new URL('../../deploy/compose/Caddyfile', import.meta.url), 'utf8')
  const pages = new RegExp(/path_regexp (\S+)/.exec(caddy)?.[1] ?? 'none')
  const { routes } = await import('./routes')
  // Not in what is published.
  const served = routes.filter(({ path }) => path !== '/kit')
  for (const { path } of served) expect(pages.test(path.replaceAll(/:\w+/g, '7')), path).toBe(true)
  for (const other of [
    '/gibtesnicht',
    '/nanos',
    '/nanos/7/x',
    '/studio/nanos',
    '/loginx',
    '/operations/x',
    '/wp-login.php',
  ])
    expect(pages.test(other), other).toBe(false)
})

it('operations lead everybody to pages that they may see, and to no others', async () => {
  const { find } = await import('./routes')
  for (const [name, path, access = 'jobs:read'] of SECTIONS) {
    const { route } = find(path)
    expect([name, route.path, route.access]).toEqual([name, path, access])
  }
})
